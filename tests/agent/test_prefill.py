import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pipecat.frames.frames import (
    InterimTranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.utils.time import time_now_iso8601

from agent.llm_service import LlmService, llm_client
from agent.prefill import Prefill, PrefillServer
from agent.speculation import Speculation
from agent.trace import Trace
from llm.protocol import PREFILL, PrefillRequest, parse
from tests.agent.stand_ins import Rig, agent_settings, eventually, rigged

UP = FrameDirection.UPSTREAM
GREETING: Any = {"role": "user", "content": "Greet the caller."}


class Reader:
    """An LLM server that prefills; it can be made to take its time, or to know no such thing."""

    def __init__(self, status: int = 200) -> None:
        self.read: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.free = asyncio.Event()
        self.free.set()
        self._status = status

    async def prefill(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.read.append(await request.json())
        await self.free.wait()
        return web.json_response({"evaluated_tokens": 1, "cached_tokens": 0}, status=self._status)

    def said(self) -> list[str]:
        """What the caller had said, request by request."""
        return [read["messages"][-1]["content"] for read in self.read]


class Caller:
    def __init__(self, rig: Rig, server: PrefillServer) -> None:
        self.rig = rig
        self.server = server

    async def speak(self) -> None:
        await self.rig.send(VADUserStartedSpeakingFrame(start_secs=0.2), UP)

    async def say(self, text: str) -> None:
        await self.rig.send(InterimTranscriptionFrame(text, "", time_now_iso8601()))

    async def pause(self) -> None:
        await self.rig.send(VADUserStoppedSpeakingFrame(stop_secs=0.2), UP)
        await eventually(lambda: any(isinstance(frame, VADUserStoppedSpeakingFrame) for frame in self.rig.up))


@asynccontextmanager
async def calling(reader: Reader, route: str = PREFILL) -> AsyncGenerator[Caller, None]:
    app = web.Application()
    app.router.add_post(route, reader.prefill)
    async with TestServer(app) as server:
        settings = agent_settings(llm_url=str(server.make_url("/v1")), system_prompt="Be kind.")
        client = llm_client(settings)
        prefills = PrefillServer(client)
        mind = LlmService(settings, Trace(), client, Speculation())
        prefill = Prefill(prefills, mind, LLMContext([GREETING]))
        async with rigged(prefill, enable_rtvi=False) as rig:
            yield Caller(rig, prefills)
        await client.close()


async def test_the_conversation_is_read_while_the_caller_begins_to_speak():
    reader = Reader()
    async with calling(reader) as caller:
        await caller.speak()
        await eventually(lambda: len(reader.read) == 1)
    assert reader.read[0]["messages"] == [{"role": "system", "content": "Be kind."}, GREETING]


async def test_the_request_is_one_that_our_server_understands():
    reader = Reader()
    async with calling(reader) as caller:
        await caller.say("what time is it")
        await eventually(lambda: len(reader.read) == 1)
    request = parse(PrefillRequest, reader.bodies[0])
    assert (len(request.messages), request.chat_template_kwargs) == (3, {"enable_thinking": False})


async def test_words_are_read_as_they_come():
    reader = Reader()
    async with calling(reader) as caller:
        await caller.say("what time")
        await eventually(lambda: len(reader.read) == 1)
        await caller.say("what time is it")
        await eventually(lambda: len(reader.read) == 2)
    assert reader.said() == ["what time", "what time is it"]


async def test_another_last_word_is_not_worth_a_request():
    reader = Reader()
    async with calling(reader) as caller:
        await caller.say("what time")
        await eventually(lambda: len(reader.read) == 1)
        await caller.say("what times")
        await caller.say("what time is")
        await eventually(lambda: len(reader.read) == 2)
    assert reader.said() == ["what time", "what time is"]


async def test_a_server_that_is_busy_reads_the_newest_words_next():
    reader = Reader()
    async with calling(reader) as caller:
        reader.free.clear()
        await caller.say("now what")
        await eventually(lambda: len(reader.read) == 1)
        for text in ("now what time", "now what time is", "now what time is it"):
            await caller.say(text)
        await eventually(lambda: len(caller.rig.came(InterimTranscriptionFrame)) == 4)
        reader.free.set()
        await eventually(lambda: len(reader.read) == 2)
    assert reader.said() == ["now what", "now what time is it"]


async def test_nothing_more_is_read_once_the_caller_pauses():
    reader = Reader()
    async with calling(reader) as caller:
        reader.free.clear()
        await caller.say("what time")
        await eventually(lambda: len(reader.read) == 1)
        await caller.say("what time is")
        await eventually(lambda: len(caller.rig.came(InterimTranscriptionFrame)) == 2)
        await caller.pause()
        reader.free.set()
        await asyncio.sleep(0.05)
    assert reader.said() == ["what time"]


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_server_that_cannot_is_asked_once(status: int):
    reader = Reader(status=status)
    async with calling(reader) as caller:
        await caller.speak()
        await eventually(lambda: not caller.server.can)
        await caller.say("what time is it")
        await eventually(lambda: len(caller.rig.came(InterimTranscriptionFrame)) == 1)
    assert len(reader.read) == 1


async def test_a_server_without_that_route_is_asked_once():
    async with calling(Reader(), route="/v1/chat/completions") as caller:
        await caller.speak()
        await eventually(lambda: not caller.server.can)


async def test_a_server_that_fails_is_asked_again():
    reader = Reader(status=500)
    async with calling(reader) as caller:
        await caller.say("what time")
        await eventually(lambda: len(reader.read) == 1)
        await caller.say("what time is it")
        await eventually(lambda: len(reader.read) == 2)
    assert caller.server.can


async def test_a_server_that_is_away_does_no_harm():
    settings = agent_settings(llm_url="http://127.0.0.1:9/v1")
    client = llm_client(settings)
    server = PrefillServer(client)
    await server.prefill({"messages": []})
    await client.close()
    assert server.can
