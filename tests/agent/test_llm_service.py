"""Answers ahead of the turn's end, as the LLM service gives them."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    ErrorFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    MetricsFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import TTFBMetricsData
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.llm_service import FunctionCallParams

from agent.llm_service import LlmService, llm_client
from agent.speculation import AheadTextFrame, Speculation
from agent.trace import Trace
from tests.agent.stand_ins import (
    PATIENCE_S,
    LlmStandIn,
    Rig,
    eventually,
    rigged,
    running,
    settings_for,
    tool_call,
)

QUESTION = "what time is it"


class Mind:
    """An LLM service, and what the turn detector tells it."""

    rig: Rig

    def __init__(self) -> None:
        self.speculation = Speculation()
        self.rung: list[dict[str, Any]] = []

    async def ask_ahead(self, text: str = QUESTION) -> None:
        await self.rig.send(UserStartedSpeakingFrame())
        self.speculation.begin(text, time.time())
        await self.rig.send(LLMContextFrame(self._context(text), speculation=True))

    async def confirm(self) -> None:
        self.speculation.confirm(time.time())
        await self.rig.send(UserStoppedSpeakingFrame())

    async def withdraw(self) -> None:
        self.speculation.withdraw()
        await self.rig.send(EagerEndOfTurnCancelFrame())

    async def ask(self, text: str = QUESTION) -> None:
        await self.rig.send(LLMContextFrame(self._context(text)))

    def rehearsed(self) -> str:
        return "".join(frame.text for frame in self.rig.came(AheadTextFrame))

    async def until_rehearsed(self) -> None:
        await eventually(lambda: any(frame.is_last for frame in self.rig.came(AheadTextFrame)))

    def said(self) -> str:
        return "".join(frame.text for frame in self.rig.came(LLMTextFrame))

    def errors(self) -> int:
        return sum(isinstance(frame, ErrorFrame) for frame in self.rig.up)

    def _context(self, text: str) -> LLMContext:
        async def ring(params: FunctionCallParams) -> None:
            self.rung.append(dict(params.arguments))
            await params.result_callback({"status": "rung"})

        bell = FunctionSchema("ring", "Ring the bell.", {}, [], handler=ring)
        return LLMContext([{"role": "user", "content": text}], tools=ToolsSchema(standard_tools=[bell]))


@asynccontextmanager
async def thinking(server: LlmStandIn, **options: Any) -> AsyncGenerator[Mind, None]:
    mind = Mind()
    async with running(server):
        settings = settings_for(server, **options)
        client = llm_client(settings)
        service = LlmService(settings, Trace(), client, mind.speculation)
        async with rigged(service, enable_rtvi=False) as mind.rig:
            yield mind
        await client.close()


async def test_an_answer_ahead_is_rehearsed_and_not_said():
    async with thinking(LlmStandIn("It is noon.")) as mind:
        await mind.ask_ahead()
        await mind.until_rehearsed()
        assert (mind.rehearsed(), mind.rig.came(LLMFullResponseStartFrame)) == ("It is noon. ", [])


async def test_with_the_setting_off_an_answer_is_held_and_not_rehearsed():
    server = LlmStandIn("It is noon.")
    async with thinking(server, answer_ahead=False) as mind:
        await mind.ask_ahead()
        await eventually(lambda: len(server.requests) == 1)
        await asyncio.sleep(0.05)
        before = (mind.said(), mind.rehearsed())
        await mind.confirm()
        await mind.rig.until(LLMFullResponseEndFrame)
    assert (before, mind.said()) == (("", ""), "It is noon. ")


async def test_it_is_said_when_the_turn_has_ended_and_not_asked_for_again():
    server = LlmStandIn("It is noon.")
    async with thinking(server) as mind:
        await mind.ask_ahead()
        await mind.until_rehearsed()
        await mind.confirm()
        await mind.rig.until(LLMFullResponseEndFrame)
    assert (mind.said(), len(server.requests)) == ("It is noon. ", 1)


async def test_what_is_still_to_come_is_said_as_it_comes():
    async with thinking(LlmStandIn("one two three four five six", word_s=0.05)) as mind:
        await mind.ask_ahead()
        await mind.rig.until(AheadTextFrame, 2)
        await mind.confirm()
        await mind.rig.until(LLMFullResponseEndFrame)
    assert mind.said() == "one two three four five six "
    assert len(mind.rehearsed()) < len(mind.said())


async def test_what_was_withdrawn_is_never_said_and_the_server_is_left():
    server = LlmStandIn("word " * 100, word_s=0.02)
    async with thinking(server) as mind:
        await mind.ask_ahead()
        await mind.rig.until(AheadTextFrame)
        await mind.withdraw()
        await eventually(lambda: server.abandoned == 1)
    assert (mind.said(), mind.rig.came(LLMFullResponseStartFrame)) == ("", [])


async def test_what_was_withdrawn_leaves_no_metrics():
    async with thinking(LlmStandIn("word " * 100, word_s=0.02)) as mind:
        await mind.rig.until(MetricsFrame)  # Pipecat's first, which says nothing
        await mind.ask_ahead()
        await mind.rig.until(AheadTextFrame)
        await mind.withdraw()
        await mind.rig.until(EagerEndOfTurnCancelFrame)
        await asyncio.sleep(0.05)
        assert len(mind.rig.came(MetricsFrame)) == 1


async def test_the_time_it_took_is_reported_with_the_answer():
    async with thinking(LlmStandIn("It is noon.")) as mind:
        await mind.ask_ahead()
        await mind.until_rehearsed()
        await mind.confirm()
        await mind.rig.until(LLMFullResponseEndFrame)
    order = [_kind(frame) for frame in mind.rig.down]
    assert order.index(LLMFullResponseStartFrame) < order.index(TTFBMetricsData) < order.index(LLMTextFrame)


def _kind(frame: object) -> type[object]:
    if isinstance(frame, MetricsFrame) and any(
        isinstance(d, TTFBMetricsData) and d.value for d in frame.data
    ):
        return TTFBMetricsData
    return type(frame)


async def test_after_a_withdrawal_the_next_question_is_answered():
    async with thinking(LlmStandIn("word " * 100, "It is noon.", word_s=0.02)) as mind:
        await mind.ask_ahead("what")
        await mind.rig.until(AheadTextFrame)
        await mind.withdraw()
        await mind.confirm()
        await mind.ask()
        await mind.rig.until(LLMFullResponseEndFrame)
    assert mind.said() == "It is noon. "


async def test_a_question_that_is_withdrawn_on_its_way_is_not_asked():
    server = LlmStandIn("It is noon.")
    async with thinking(server) as mind:
        mind.speculation.begin(QUESTION, time.time())
        mind.speculation.withdraw()
        await mind.rig.send(LLMContextFrame(mind._context(QUESTION), speculation=True))
        await mind.ask("what day is it")
        await mind.rig.until(LLMFullResponseEndFrame)
    assert [request["messages"][-1]["content"] for request in server.requests] == ["what day is it"]


async def test_a_question_that_is_confirmed_on_its_way_is_answered():
    async with thinking(LlmStandIn("It is noon.")) as mind:
        mind.speculation.begin(QUESTION, time.time())
        await mind.confirm()
        await mind.rig.until(UserStoppedSpeakingFrame)
        await mind.rig.send(LLMContextFrame(mind._context(QUESTION), speculation=True))
        await mind.rig.until(LLMFullResponseEndFrame)
    assert mind.said() == "It is noon. "


async def test_a_tool_waits_for_the_end_of_the_turn_and_is_then_called_once():
    server = LlmStandIn(tool_call("ring", {"times": 2}))
    async with thinking(server) as mind:
        await mind.ask_ahead()
        await mind.until_rehearsed()
        await asyncio.sleep(0.05)
        before = list(mind.rung)
        await mind.confirm()
        await eventually(lambda: bool(mind.rung))
    assert (before, mind.rung, len(server.requests)) == ([], [{"times": 2}], 1)
    assert not any(isinstance(frame, EagerEndOfTurnCancelFrame) for frame in mind.rig.up)


async def test_a_tool_that_waits_gains_no_more_time():
    async with thinking(LlmStandIn(tool_call("ring", {}))) as mind:
        await mind.ask_ahead()
        await mind.until_rehearsed()
        assert mind.speculation.pending
        assert mind.speculation.pending.ready_s
        await mind.withdraw()


async def test_a_tool_that_was_withdrawn_is_never_called():
    async with thinking(LlmStandIn(tool_call("ring", {}), "It is noon.")) as mind:
        await mind.ask_ahead()
        await mind.until_rehearsed()
        await mind.withdraw()
        await mind.confirm()
        await mind.ask()
        await mind.rig.until(LLMFullResponseEndFrame)
    assert (mind.rung, mind.said()) == ([], "It is noon. ")


async def test_a_failure_ahead_is_reported_when_the_turn_has_ended():
    async with thinking(LlmStandIn("")) as mind:
        await mind.ask_ahead()
        await mind.until_rehearsed()
        await asyncio.sleep(0.05)
        before = mind.errors()
        await mind.confirm()
        await eventually(lambda: mind.errors() == 1)
    assert before == 0


async def test_a_failure_of_what_was_withdrawn_is_nobodys_concern():
    async with thinking(LlmStandIn("", "It is noon.")) as mind:
        await mind.ask_ahead()
        await mind.until_rehearsed()
        await mind.withdraw()
        await mind.ask()
        await mind.rig.until(LLMFullResponseEndFrame)
    assert mind.errors() == 0


@pytest.mark.parametrize("greets", [False, True])
async def test_a_server_that_takes_the_question_and_hangs_is_waited_for_once(greets: bool):
    server = LlmStandIn()
    server.thinks_s, server.greets = PATIENCE_S, greets
    async with thinking(server, llm_timeout_ms=300) as mind:
        await mind.ask()
        await eventually(lambda: mind.errors() == 1)
    assert len(server.requests) == 1


async def test_an_answer_may_take_longer_than_its_words_apart():
    server = LlmStandIn("one two three four five six", word_s=0.3)
    async with thinking(server, llm_timeout_ms=1_000) as mind:
        await mind.ask()
        await mind.rig.until(LLMFullResponseEndFrame)
    assert mind.said() == "one two three four five six "


async def test_what_was_withdrawn_is_counted_as_wasted():
    async with thinking(LlmStandIn("word " * 100, word_s=0.02)) as mind:
        await mind.ask_ahead()
        await mind.rig.until(AheadTextFrame, 3)
        await mind.withdraw()
        assert mind.speculation.account().wasted_tokens >= 3
