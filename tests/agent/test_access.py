import base64
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from agent.access import Gate


async def hello(_: object) -> PlainTextResponse:
    return PlainTextResponse("hello")


def client(token: str = "", allowed_origins: tuple[str, ...] = ()) -> httpx.AsyncClient:
    app = Starlette(routes=[Route("/", hello), Route("/ready", hello)])
    gate = Gate(app, token, allowed_origins)
    return httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url="http://agent:7860")


@pytest.fixture
async def guarded() -> AsyncGenerator[httpx.AsyncClient, None]:
    async with client(token="secret") as guarded:
        yield guarded


async def status(client: httpx.AsyncClient, path: str = "/", **headers: str) -> int:
    return (await client.get(path, headers=headers)).status_code


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


async def test_without_a_token_set_anybody_may_call():
    assert await status(client()) == 200


async def test_a_bearer_token_lets_in(guarded: httpx.AsyncClient):
    assert await status(guarded, Authorization="Bearer secret") == 200


async def test_a_browser_may_give_the_token_as_a_password(guarded: httpx.AsyncClient):
    assert await status(guarded, Authorization=basic("secret")) == 200


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer wrong", "Bearer s\u00e9cret", basic("wrong"), "Basic %%%", "Basic", "secret"],
)
async def test_who_does_not_know_the_token_is_asked_for_it(guarded: httpx.AsyncClient, authorization: str):
    answer = await guarded.get("/", headers=[(b"Authorization", authorization.encode())])
    assert (answer.status_code, answer.headers["WWW-Authenticate"][:5]) == (401, "Basic")


async def test_a_launcher_may_ask_whether_the_agent_is_ready(guarded: httpx.AsyncClient):
    assert await status(guarded, "/ready") == 200


async def test_a_page_of_another_site_may_not_call():
    assert await status(client(), Origin="https://evil.example") == 403


async def test_the_agents_own_page_may_call():
    assert await status(client(), Origin="http://agent:7860") == 200


async def test_a_page_of_an_allowed_site_may_call():
    guarded = client(allowed_origins=("https://friend.example/",))
    assert await status(guarded, Origin="https://friend.example") == 200


async def test_a_websocket_of_a_stranger_is_closed_before_it_opens():
    sent: list[Any] = []

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/ws-client", "headers": []}
    await Gate(Starlette(), "secret", ())(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]
