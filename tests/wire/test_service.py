"""Admission, limits, readiness and drain, on a real socket."""

import asyncio
import json
import signal
import socket
from typing import Any

import httpx
import pytest
import websockets
from loguru import logger

from asr_server.protocol import PROTOCOL, Start
from tests.serving import serving
from tests.wire.echo import echo, echo_app
from wire.connection import Connection, HungUp
from wire.serve import serve
from wire.service import CannotLoad

HELLO = '{"type":"start","protocol":"1.0"}'


async def failure(ws: websockets.ClientConnection) -> dict:
    """Read up to a Failed."""
    while (message := json.loads(await ws.recv()))["type"] != "failed":
        pass
    return message


async def get(url: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(url, headers=headers)


async def refusal_of(frame: str | bytes | list[bytes], **settings) -> tuple[dict, int | None]:
    """What is answered to a frame, and the close code; another connection must not notice."""
    async with serving(echo_app(**settings)) as served, websockets.connect(served.ws + "/v1/stream") as other:
        async with websockets.connect(served.ws + "/v1/stream") as ws:
            await ws.send(frame)
            failed = await failure(ws)
            await ws.wait_closed()
        await other.send(b"ok")
        assert await other.recv() == b"ok"
        return failed, ws.close_code


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", "malformed_json"),
        ('{"type":"x"}', "unknown_message"),
        ("[]", "invalid_message"),
        (b"odd", "odd_audio"),
        ("x" * 300_000, "message_too_large"),
        ("é" * 200_000, "message_too_large"),
        ("x" * 2_000_000, "message_too_large"),
        (bytes(2_000_000), "message_too_large"),
    ],
    ids=lambda value: f"{len(value)} of {value[:4]!r}",
)
async def test_what_cannot_be_obeyed_is_refused_and_closed(frame: str | bytes, code: str):
    failed, close_code = await refusal_of(frame)
    assert (failed["code"], failed["retry"], close_code) == (code, False, 1008)


async def test_the_limit_of_a_message_is_in_bytes_and_is_told():
    failed, _ = await refusal_of("é" * 200_000)
    assert failed["message"] == "a message has more than 262144 bytes, which is the limit"


async def test_a_message_of_fragments_that_is_too_large_is_refused():
    failed, close_code = await refusal_of([b"x" * 100_000] * 20)
    assert (failed["code"], close_code) == ("message_too_large", 1008)


async def test_a_message_at_the_limit_is_taken():
    async with serving(echo_app()) as served, websockets.connect(served.ws + "/v1/stream") as ws:
        await ws.send(bytes(262_144))
        assert await ws.recv() == bytes(262_144)


async def test_a_bug_is_not_told_but_closes_with_a_reason():
    failed, close_code = await refusal_of(b"bug")
    assert (failed["code"], close_code) == ("internal", 1011)


async def test_a_wrong_token_is_refused():
    async with serving(echo_app(token="right")) as served:
        headers = {"Authorization": "Bearer wrong"}
        async with websockets.connect(served.ws + "/v1/stream", additional_headers=headers) as ws:
            assert (await failure(ws))["code"] == "unauthorized"


async def test_the_right_token_is_let_in():
    async with serving(echo_app(token="right")) as served:
        headers = {"Authorization": "Bearer right"}
        async with websockets.connect(served.ws + "/v1/stream", additional_headers=headers) as ws:
            await ws.send(HELLO)
            assert json.loads(await ws.recv())["type"] == "start"


async def test_a_full_server_says_busy_and_is_not_ready():
    async with (
        serving(echo_app(max_connections=1)) as served,
        websockets.connect(served.ws + "/v1/stream") as first,
    ):
        await first.send(HELLO)
        await first.recv()
        async with websockets.connect(served.ws + "/v1/stream") as second:
            failed = await failure(second)
        assert (failed["code"], failed["retry"]) == ("busy", True)
        assert (await get(served.http + "/ready")).json()["why"] == "full"


async def test_too_many_messages_are_refused():
    async with (
        serving(echo_app(max_messages_per_s=5)) as served,
        websockets.connect(served.ws + "/v1/stream") as ws,
    ):
        for _ in range(11):
            await ws.send(HELLO)
        assert (await failure(ws))["code"] == "too_fast"


async def test_a_session_ends_after_its_time():
    async with (
        serving(echo_app(max_session_s=0.05)) as served,
        websockets.connect(served.ws + "/v1/stream") as ws,
    ):
        assert (await failure(ws))["code"] == "session_too_long"


async def test_a_client_that_never_reads_is_cut_off():
    cut_off = asyncio.Event()

    async def flood(connection) -> None:
        try:
            while True:
                await connection.send(bytes(60_000))
        except HungUp:
            cut_off.set()

    async with serving(echo_app(session=flood, stall_s=0.1)) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(
            b"GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        reader.set_exception(ConnectionError())  # stop reading for good
        await cut_off.wait()
        writer.close()


@pytest.mark.usefixtures("restored_log")
def test_a_model_that_cannot_load_ends_the_server_with_status_1():
    async def broken() -> None:
        raise FileNotFoundError("no such model")

    assert serve(echo_app(load=broken)) == 1


async def test_a_draining_server_lets_the_running_caller_finish():
    async with serving(echo_app(drain_s=5)) as served, websockets.connect(served.ws + "/v1/stream") as ws:
        await ws.send(HELLO)
        await ws.recv()
        served.server.handle_exit(signal.SIGTERM, None)
        async with websockets.connect(served.ws + "/v1/stream") as late:
            assert (await failure(late))["code"] == "not_ready"
        await ws.send(b"ok")
        assert await ws.recv() == b"ok"


async def test_a_drain_ends_after_its_time():
    async with serving(echo_app(drain_s=0.05)) as served, websockets.connect(served.ws + "/v1/stream") as ws:
        await ws.send(HELLO)
        await ws.recv()
        served.server.handle_exit(signal.SIGTERM, None)
        assert (await failure(ws))["code"] == "not_ready"


async def test_a_server_that_loads_is_not_ready():
    loading = asyncio.Event()

    async def load() -> None:
        await loading.wait()

    async with serving(echo_app(load=load), until_ready=False) as served:
        answer = await get(served.http + "/ready")
        loading.set()
    assert (answer.status_code, answer.json()["why"]) == (503, "loading the model")


async def test_a_server_that_drains_is_not_ready():
    async with serving(echo_app()) as served, websockets.connect(served.ws + "/v1/stream") as ws:
        await ws.send(HELLO)
        await ws.recv()
        served.server.handle_exit(signal.SIGTERM, None)
        await asyncio.sleep(0)  # the signal's callback
        answer = await get(served.http + "/ready")
        await ws.close()
    assert (answer.status_code, answer.json()["why"]) == (503, "stopping")


async def test_the_lines_of_a_drain_are_of_no_call(logged: list[Any]):
    async with serving(echo_app()) as served:
        with logger.contextualize(call="of someone the signal interrupted"):
            served.server.handle_exit(signal.SIGTERM, None)
    lines = {record["message"]: record["extra"] for record in logged}
    assert not {"call"} & (lines["SIGTERM: stopping"].keys() | lines["draining: 0 callers"].keys())


async def begun(connection: Connection[Any]) -> None:
    """A session that waits for its Start, like every real one, and echoes."""
    await connection.receive_start(Start)
    await echo(connection)


@pytest.mark.parametrize(("frame", "lines"), [("{", ["refused"]), (b"bug", ["broke", "refused"])])
async def test_what_ends_a_session_is_logged_with_its_call(
    logged: list[Any], frame: str | bytes, lines: list[str]
):
    async with (
        serving(echo_app(session=begun)) as served,
        websockets.connect(served.ws + "/v1/stream") as ws,
    ):
        await ws.send(Start(protocol=PROTOCOL, traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01").json_text())
        await ws.send(frame)
        await ws.wait_closed()
    said = [record for record in logged if record["extra"].get("call") == "ab" * 16]
    assert [record["message"].split(":")[0] for record in said] == lines


async def test_a_connection_without_a_start_loses_its_place():
    async with (
        serving(echo_app(session=begun, stall_s=0.05)) as served,
        websockets.connect(served.ws + "/v1/stream") as ws,
    ):
        failed = await failure(ws)
        assert (failed["code"], failed["message"]) == ("not_started", "no Start came within 0.05 s")


@pytest.mark.usefixtures("restored_log")
def test_a_taken_port_is_named_in_a_line(capfd: pytest.CaptureFixture[str]):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert serve(echo_app(port=port)) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith(
        f"cannot listen on ECHO_HOST=127.0.0.1 with ECHO_PORT={port}: Address already in use"
    )


@pytest.mark.usefixtures("restored_log")
def test_settings_that_the_model_does_not_fit_are_a_line(capfd: pytest.CaptureFixture[str]):
    async def load() -> None:
        raise CannotLoad("ECHO_LINES is 5, but the model has 4") from RuntimeError("how it came to that")

    assert serve(echo_app(load=load)) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith("cannot load: ECHO_LINES is 5, but the model has 4")


async def test_metrics_count_refusals_by_code():
    async with serving(echo_app()) as served, websockets.connect(served.ws + "/v1/stream") as ws:
        await ws.send("{")
        await ws.wait_closed()
        assert 'refused_total{code="malformed_json"} 1.0' in (await get(served.http + "/metrics")).text
