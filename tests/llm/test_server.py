"""The server with the real engine, on a model with random weights: who waits, who leaves, who is slow."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from loguru import logger

from tests.llm.running import Running, running, until

HELLO: dict[str, Any] = {"role": "user", "content": "Hello."}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
async def server(tiny_llama: Path) -> AsyncIterator[Running]:
    async with running(tiny_llama) as server:
        yield server


async def begin(server: Running, **fields: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request for an answer of 3,000 tokens, and leave the connection to the test."""
    body = json.dumps({"messages": [HELLO], "max_tokens": 3_000, **fields}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.served.port)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    return reader, writer


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_the_same_every_time(server: Running, stream: bool):
    first, again = [await server.chat(HELLO, max_tokens=20, stream=stream) for _ in range(2)]
    assert contents(first) == contents(again) != ""


def contents(response: httpx.Response) -> str:
    """What was said, streamed or not."""
    assert response.status_code == 200, response.text
    if not response.headers["content-type"].startswith("text/event-stream"):
        return response.json()["choices"][0]["message"]["content"]
    chunks = [json.loads(line[6:]) for line in response.text.split("\n") if line.startswith("data: {")]
    return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if chunk["choices"])


async def test_streamed_or_whole_it_is_one_answer(server: Running):
    whole, streamed = [await server.chat(HELLO, max_tokens=40, stream=stream) for stream in (False, True)]
    assert contents(whole) == contents(streamed)


async def test_the_next_turn_finds_the_last_prompt_evaluated(server: Running):
    first = (await server.chat(HELLO, max_tokens=10)).json()
    said = {"role": "assistant", "content": first["choices"][0]["message"]["content"]}
    second = (await server.chat(HELLO, said, HELLO, max_tokens=1)).json()
    cached = second["usage"]["prompt_tokens_details"]["cached_tokens"]
    assert cached >= first["usage"]["prompt_tokens"]


async def test_what_was_prefilled_is_found(server: Running):
    turn = {"role": "user", "content": "what time is it in the house where you are"}
    prefilled = (await server.client.post("/v1/prefill", json={"messages": [turn]})).json()
    usage = (await server.chat(turn, max_tokens=1)).json()["usage"]
    evaluated = prefilled["evaluated_tokens"] + prefilled["cached_tokens"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == evaluated > 20


@pytest.mark.parametrize("stream", [False, True])
async def test_a_caller_who_leaves_stops_the_answer(server: Running, stream: bool):
    _, writer = await begin(server, stream=stream)
    await server.busy()
    writer.transport.abort()
    await server.idle()


async def test_a_caller_who_leaves_at_once_stops_the_answer(server: Running):
    for _ in range(20):
        _, writer = await begin(server, stream=True)
        await writer.drain()
        writer.transport.abort()
    await server.idle()


async def test_a_caller_who_leaves_while_waiting_never_begins(tiny_llama: Path):
    async with running(tiny_llama, conversations=1) as server:
        _, first = await begin(server)
        await server.busy()
        _, second = await begin(server)
        await until(lambda: server.scheduler.waiting)
        second.transport.abort()
        await until(lambda: not server.scheduler.waiting)
        first.transport.abort()
        await server.idle()


async def test_everyone_elses_answer_is_unharmed_by_one_who_leaves(server: Running):
    alone = contents(await server.chat(HELLO, max_tokens=60))
    _, writer = await begin(server, stream=True)
    await server.busy()
    staying = asyncio.create_task(server.chat(HELLO, max_tokens=60))
    await server.busy(2)
    writer.transport.abort()
    assert contents(await staying) == alone


async def test_beyond_its_limit_callers_are_asked_to_try_again(tiny_llama: Path):
    async with running(tiny_llama, max_connections=2, conversations=2) as server:
        writers = [(await begin(server))[1] for _ in range(2)]
        await server.busy(2)
        response = await server.chat(HELLO)
        ready = await server.client.get("/ready")
        for writer in writers:
            writer.transport.abort()
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json()["error"]["code"] == "busy"
    assert (ready.status_code, ready.json()["why"]) == (503, "full")


async def test_a_place_is_free_again_when_the_caller_has_left(tiny_llama: Path):
    async with running(tiny_llama, max_connections=1) as server:
        _, writer = await begin(server, stream=True)
        await server.busy()
        writer.transport.abort()
        service = server.served.server._service
        await until(lambda: not service._active)
        assert (await server.chat(HELLO, max_tokens=1)).status_code == 200


async def test_a_caller_who_does_not_read_is_cut_off(tiny_llama: Path):
    async with running(tiny_llama, stall_s=0.3) as server:
        server.served.server.servers[0].sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(deaf, ("127.0.0.1", server.served.port))
        body = json.dumps({"messages": [HELLO], "max_tokens": 3_000, "stream": True}).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        await loop.sock_sendall(deaf, head.encode() + body)
        await server.busy()
        await server.idle()
        heard = b""
        while piece := await loop.sock_recv(deaf, 65_536):
            heard += piece
        deaf.close()
    assert b"[DONE]" not in heard


async def test_a_body_that_does_not_arrive_is_not_waited_for(tiny_llama: Path):
    async with running(tiny_llama, stall_s=0.2) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.served.port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        writer.close()


async def test_a_request_has_a_time_limit(tiny_llama: Path):
    async with running(tiny_llama, max_session_s=0.1) as server:
        response = await server.chat(HELLO, max_tokens=4_000)
        await server.idle()
    assert (response.status_code, response.json()["error"]["code"]) == (503, "session_too_long")


async def test_a_stream_over_its_time_ends_with_the_reason(tiny_llama: Path):
    async with running(tiny_llama, max_session_s=0.1) as server:
        response = await server.chat(HELLO, max_tokens=4_000, stream=True)
        await server.idle()
    last = response.text.strip().split("\n\n")[-1]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "session_too_long"


async def test_a_running_answer_is_finished_while_the_server_stops(server: Running):
    running = asyncio.create_task(server.chat(HELLO, max_tokens=100))
    await server.busy()
    draining = asyncio.create_task(server.served.server._service.drain())
    await asyncio.sleep(0)
    refused = await server.chat(HELLO)
    assert (await running).status_code == 200
    await draining
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "not_ready")


async def test_an_answer_that_takes_too_long_is_ended_when_the_server_stops(tiny_llama: Path):
    async with running(tiny_llama, drain_s=0.1) as server:
        reader, writer = await begin(server)
        await server.busy()
        await server.served.server._service.drain()
        assert (await reader.readline()).startswith(b"HTTP/1.1 503")
        writer.close()


async def test_a_hundred_thousand_characters_are_too_many_and_harm_nobody(server: Running):
    alone = contents(await server.chat(HELLO, max_tokens=20))
    long = [{"role": "user", "content": text * 100_000} for text in ("a", "😀", "- ", "<|im_end|>")]
    responses = await asyncio.gather(*(server.chat(one) for one in long), server.chat(HELLO, max_tokens=20))
    assert [response.status_code for response in responses] == [400, 400, 400, 400, 200]
    assert contents(responses[-1]) == alone


async def test_emoji_and_markup_are_text(server: Running):
    response = await server.chat(
        {"role": "user", "content": "👩‍👩‍👧 <b>&amp;</b> {{ 1 }} {% if %}"}, max_tokens=1
    )
    assert response.status_code == 200


async def test_half_a_surrogate_pair_is_refused(server: Running):
    body = b'{"messages": [{"role": "user", "content": "\\ud83d"}]}'
    assert (await server.client.post("/v1/chat/completions", content=body)).status_code == 400


async def test_the_log_has_the_turn_and_nothing_that_was_said(server: Running):
    lines: list[Any] = []
    sink = logger.add(lambda message: lines.append(message.record), level="INFO")
    secret = {"role": "user", "content": "a secret word"}
    body = {"messages": [secret], "max_tokens": 3}
    await server.client.post("/v1/chat/completions", json=body, headers={"traceparent": TRACE})
    logger.remove(sink)
    (line,) = [record for record in lines if record["message"].startswith("answer ")]
    assert (line["extra"]["call"], line["extra"]["span"]) == (TRACE.split("-")[1], TRACE.split("-")[2])
    assert "said=3" in line["message"]
    assert not any("secret" in record["message"] for record in lines)


async def test_what_was_done_is_measured(server: Running):
    await server.chat(HELLO, max_tokens=3)
    await server.idle()
    metrics = (await server.client.get("/metrics")).text
    assert 'tokens_total{kind="said"} 7.0' in metrics  # four of them while warming up
    assert "ttft_seconds_count 2.0" in metrics
    assert "answers_active 0.0" in metrics
