"""Who is let in, how a body is read, and what is said of what went wrong, on a real socket."""

import asyncio
import logging
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from tests.serving import Served, serving
from tests.wire.echo import EchoSettings, loaded
from wire.message import parse_request
from wire.openai_api import OpenAiApi, Reply, Stream, event_stream
from wire.service import Service

HALF = b"POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"


class Said(BaseModel):
    """A request, and the reply to it."""

    text: str
    times: list[int] = []


async def same(said: Said) -> Said:
    return said


def api_app(reply: Callable[[Said], Awaitable[Reply]] = same, **settings: Any) -> FastAPI:
    service = Service("echo", EchoSettings(**{"port": 0, **settings}), loaded)
    app = service.app()
    api = OpenAiApi(app, service)
    api.post("/v1/echo", partial(parse_request, Said), reply)
    api.get("/v1/things", loaded)
    return app


@asynccontextmanager
async def api(*args: Any, **settings: Any) -> AsyncIterator[tuple[Served, httpx.AsyncClient]]:
    async with (
        serving(api_app(*args, **settings)) as served,
        httpx.AsyncClient(base_url=served.http, timeout=10) as client,
    ):
        yield served, client


async def echo(
    client: httpx.AsyncClient, content: bytes = b'{"text": "hi"}', **headers: str
) -> httpx.Response:
    return await client.post("/v1/echo", content=content, headers=headers)


@asynccontextmanager
async def half_sent(served: Served) -> AsyncIterator[asyncio.StreamReader]:
    """A request whose body does not end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(HALF)
    await writer.drain()
    yield reader
    writer.transport.abort()


async def until_full(client: httpx.AsyncClient) -> dict[str, Any]:
    while (answer := await client.get("/ready")).status_code == 200:
        pass
    return answer.json()


async def test_more_requests_than_the_limit_are_told_when_to_come_back():
    async with api(max_messages_per_s=2) as (_, client):
        answers = [await echo(client) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429]
    assert answers[-1].headers["retry-after"] == "1"
    assert answers[-1].json()["error"] == {
        "message": "more than 2 requests a second",
        "type": "requests",
        "param": None,
        "code": "rate_limit_exceeded",
    }


async def test_strangers_use_up_nobodys_rate():
    async with api(max_messages_per_s=1, token="right") as (_, client):
        strangers = [(await client.get("/v1/things")).status_code for _ in range(5)]
        answer = await echo(client, Authorization="Bearer right")
    assert (strangers, answer.status_code) == ([401] * 5, 200)


async def test_the_token_comes_before_the_body():
    async with api(token="right") as (_, client):
        answer = await echo(client, b"{")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["error"]["code"] == "unauthorized"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"hi"', b"\xff"])
async def test_what_is_no_object_gets_a_sentence(body: bytes):
    async with api() as (_, client):
        answer = await echo(client, body)
    error = answer.json()["error"]
    assert (answer.status_code, error["message"], error["param"]) == (
        400,
        "the body must be one JSON object",
        None,
    )


async def test_the_wrong_part_is_named():
    async with api() as (_, client):
        error = (await echo(client, b'{"text": "hi", "times": [1, "x"]}')).json()["error"]
    assert (error["param"], error["message"].split(":")[0]) == ("times[1]", "times[1]")


@pytest.mark.parametrize("size_bytes", [262_145, 3_000_000])
async def test_a_body_over_the_limit_is_refused_in_openais_shape(size_bytes: int):
    async with api() as (_, client):
        answer = await echo(client, b" " * size_bytes)
        assert (await echo(client)).status_code == 200
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "message_too_large")
    assert "262144" in answer.json()["error"]["message"]


async def test_a_half_sent_body_holds_a_place():
    async with api(max_connections=1) as (served, client), half_sent(served):
        assert (await until_full(client))["why"] == "full"
        assert (await echo(client)).json()["error"]["code"] == "busy"


async def test_a_half_sent_body_is_not_waited_for():
    async with api(stall_s=0.1) as (served, _), half_sent(served) as reader:
        answer = await asyncio.wait_for(reader.read(), 10)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"code":"body_too_slow"' in answer


async def test_a_half_sent_body_does_not_disturb_the_end(caplog: pytest.LogCaptureFixture):
    async with (
        api(max_connections=1, drain_s=0.1) as (served, client),
        half_sent(served) as reader,
    ):
        await until_full(client)
        served.server.handle_exit(signal.SIGTERM, None)
        assert (await reader.readline()).startswith(b"HTTP/1.1 503")
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record for record in warnings if record.name != "asyncio"] == []  # which says who was slow


async def test_who_leaves_with_half_a_body_leaves_a_place():
    async with api(max_connections=1) as (served, client):
        async with half_sent(served):
            await until_full(client)
        while (await client.get("/ready")).status_code != 200:
            pass
        assert (await echo(client)).status_code == 200


async def broken(_: Said) -> Reply:
    raise ZeroDivisionError("secret")


async def test_a_bug_is_logged_and_not_told(logged: list[Any]):
    async with api(broken) as (_, client):
        answer = await echo(client, traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01")
    (record,) = [record for record in logged if record["message"] == "broke"]
    assert (record["extra"]["call"], record["extra"]["span"]) == ("ab" * 16, "cd" * 8)
    assert record["exception"].type is ZeroDivisionError
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "server_error")
    assert "secret" not in answer.text


async def breaks_off() -> AsyncGenerator[Said, None]:
    yield Said(text="hi")
    raise ZeroDivisionError


async def breaks_off_in_audio() -> AsyncGenerator[bytes, None]:
    yield b"hi"
    raise ZeroDivisionError


async def test_events_that_break_off_say_so():
    async def reply(_: Said) -> Reply:
        return event_stream(breaks_off())

    async with api(reply) as (_, client):
        first, last = (await echo(client)).text.strip().split("\n\n")
    assert first.startswith('data: {"text":"hi"')
    assert '"code":"internal"' in last


async def test_audio_that_breaks_off_is_cut():
    async def reply(_: Said) -> Reply:
        return Stream("audio/pcm", breaks_off_in_audio())

    async with api(reply) as (_, client):
        with pytest.raises(httpx.RemoteProtocolError):
            await echo(client)


async def test_what_a_request_says_is_in_no_line(logged: list[Any]):
    async with api() as (_, client):
        await echo(client, b'{"text": {"secret": 1}}')
    assert "refused: invalid_value (text)" in [record["message"] for record in logged]
    assert not any("secret" in record["message"] for record in logged)
