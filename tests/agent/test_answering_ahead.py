"""Whole calls whose answers are begun before Silero has heard a pause, and Smart Turn has agreed."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from loguru import logger

from agent.smart_turn import Samples, SmartTurn, Verdict
from agent.tools import Tools
from asr_server.protocol import Commit
from tests.agent.stand_ins import AsrStandIn, LlmStandIn, TtsStandIn, eventually, tool_call
from tests.agent.test_bot import GREETING, Caller, Speak, conversation, speech as speech
from tts_server.protocol import Cancel

pytestmark = pytest.mark.realtime


@asynccontextmanager
async def ahead(
    asr: AsrStandIn, llm: LlmStandIn, tts: TtsStandIn, **settings: Any
) -> AsyncGenerator[Caller, None]:
    async with conversation(asr, llm, tts, **{"eager_ms": 100, **settings}) as caller:
        yield caller


@pytest.fixture
def hesitant(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Smart Turn that always thinks there is more to come."""

    async def judge(self: SmartTurn, audio: Samples) -> Verdict:
        return Verdict(complete=False, probability=0.1)

    monkeypatch.setattr(SmartTurn, "judge", judge)


async def test_the_llm_is_asked_once_however_often_an_utterance_is_committed(speech: Speak):
    asr, llm, tts = AsrStandIn(), LlmStandIn("It is noon."), TtsStandIn()
    asr.always = "can you help me"
    async with ahead(asr, llm, tts) as caller:
        await caller.say(speech("Can you help me?"))
        await eventually(lambda: caller.told("bot-tts-text")[-3:] == ["It", "is", "noon."])
    assert (len(llm.requests), llm.user_texts()) == (2, ["can you help me"])
    assert tts.said == [GREETING, "It is noon."]


async def test_what_was_gained_is_logged_with_the_turn(speech: Speak):
    asr, llm, tts = AsrStandIn(), LlmStandIn("It is noon."), TtsStandIn()
    asr.always = "can you help me"
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level="INFO", format="{message}")
    async with ahead(asr, llm, tts) as caller:
        await caller.say(speech("Can you help me?"))
        await eventually(lambda: any("ServerVoiceToVoice" in line for line in lines))
    logger.remove(sink)
    (line,) = [line for line in lines if "ServerVoiceToVoice" in line]
    gained = re.search(r"ahead: gained (\d+)ms, wasted 0 tokens", line)
    assert gained
    assert int(gained[1]) > 0
    total, parts = re.search(r"TTFB: (\d+)ms = ([^;]+);", line).groups()  # type: ignore[union-attr]
    assert sum(int(ms) for ms in re.findall(r"\d+", parts)) == pytest.approx(int(total), abs=1)


async def test_who_goes_on_leaves_no_trace_of_what_was_answered_ahead(speech: Speak, hesitant: None):
    asr, llm, tts = AsrStandIn(), LlmStandIn("Which table? " * 9, "Friday it is."), TtsStandIn()
    asr.always = "book a table"
    async with ahead(asr, llm, tts, smart_turn_stop_ms=5_000) as caller:
        call = next(iter(caller.agent._calls))
        await caller.say(speech("Book a table."))
        await eventually(lambda: "Which table?" in tts.said)
        heard, known = caller.heard_bytes, list(call.context.get_messages())
        asr.always = "book a table for friday"
        await caller.say(speech("For Friday."))
        await tts.until(Cancel)
        assert (caller.heard_bytes, call.context.get_messages()) == (heard, known)
        await eventually(lambda: "Friday it is." in tts.said)
        await eventually(lambda: "it" in caller.told("bot-tts-text"))
    assert llm.user_texts() == ["book a table for friday"]
    assert caller.told("user-llm-text")[1:] == ["book a table for friday"]
    for kind in ("bot-llm-text", "bot-tts-text", "bot-output"):
        assert "Which" not in " ".join(caller.told(kind))


async def test_a_tool_is_run_once_and_not_before_the_turn_has_ended(speech: Speak, hesitant: None):
    table = {"request": "a table for two on friday at seven p m under the name anna"}
    asr, tts = AsrStandIn(), TtsStandIn()
    llm = LlmStandIn(tool_call("reserve_table", table), "Done.")
    asr.always = "book a table please"
    async with ahead(asr, llm, tts) as caller:
        tools = next(iter(caller.agent._calls))._tools
        await caller.say(speech("Book a table."))
        await eventually(lambda: len(llm.requests) == 2)
        before = tools.get_reservation({})
        await eventually(lambda: "Done." in tts.said)
    assert before == {"reservation": "none"}
    assert (tools.get_reservation({})["name"], len(llm.requests)) == ("Anna", 3)
    roles = [message["role"] for message in llm.requests[-1]["messages"]]
    assert roles[-3:] == ["user", "assistant", "tool"]


async def test_a_tool_of_an_answer_that_is_dropped_is_not_run(speech: Speak, hesitant: None):
    table = {"name": "Anna", "people": 2, "day": "Friday", "time": "7 PM"}
    asr, tts = AsrStandIn(), TtsStandIn()
    llm = LlmStandIn(tool_call("reserve_table", table), "Who are you?")
    asr.always = "book a table please"
    async with ahead(asr, llm, tts, smart_turn_stop_ms=5_000) as caller:
        tools = next(iter(caller.agent._calls))._tools
        await caller.say(speech("Book a table."))
        await eventually(lambda: len(llm.requests) == 2)
        asr.always = "book a table please if you can"
        await caller.say(speech("If you can."))
        await eventually(lambda: "Who are you?" in tts.said)
    assert tools.get_reservation({}) == {"reservation": "none"}


async def test_an_incomplete_that_is_wrong_costs_no_more_than_is_set(speech: Speak, hesitant: None):
    asr, llm, tts = AsrStandIn(), LlmStandIn("It is noon."), TtsStandIn()
    asr.always = "can you help me"
    async with ahead(asr, llm, tts, smart_turn_stop_ms=600) as caller:
        heard = caller.heard_bytes
        await caller.say(speech("Can you help me?"))
        await eventually(lambda: caller.heard_bytes > heard)


async def test_with_the_setting_off_nothing_is_committed_before_the_pause(speech: Speak):
    asr, llm, tts = AsrStandIn(), LlmStandIn("It is noon."), TtsStandIn()
    asr.always = "can you help me"
    async with ahead(asr, llm, tts, answer_ahead=False) as caller:
        await caller.say(speech("Can you help me?"))
        await eventually(lambda: "It is noon." in tts.said)
    assert len(asr.messages(Commit)) == 1


async def test_an_llm_that_is_away_is_apologised_for_once_the_turn_is_over(speech: Speak):
    asr, llm, tts = AsrStandIn(), LlmStandIn(), TtsStandIn()
    asr.always = "can you help me"
    async with ahead(asr, llm, tts, sorry_no_answer="Sorry.") as caller:
        await llm.stop()
        await caller.say(speech("Can you help me?"))
        await eventually(lambda: "Sorry." in tts.said)
    assert tts.said.count("Sorry.") == 1


@pytest.mark.complaint("pipecat-ai/pipecat#5779")
async def test_a_tool_that_never_returns_ends_in_words(monkeypatch: pytest.MonkeyPatch):
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    asr, llm, tts = AsrStandIn(), LlmStandIn(tool_call("get_time", {}), "I can't tell."), TtsStandIn()
    async with ahead(asr, llm, tts, tool_timeout_ms=200) as caller:
        tools: Any = next(iter(caller.agent._calls)).context.tools
        monkeypatch.setattr(tools.standard_tools[0], "_handler", never)
        await caller.type("what time is it")
        await eventually(lambda: "I can't tell." in tts.said)


@pytest.mark.complaint("pipecat-ai/pipecat#3661", "pipecat-ai/pipecat#4657", "pipecat-ai/pipecat#5705")
async def test_a_tool_that_is_interrupted_is_over_for_the_llm_and_its_answer_is_never_heard(
    speech: Speak, monkeypatch: pytest.MonkeyPatch
):
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    asr, tts = AsrStandIn(), TtsStandIn(slow=True)
    llm = LlmStandIn(["Let me see. " + "word " * 60, tool_call("get_time", {})], *["All right."] * 9)
    asr.always = "no stop that please"
    async with ahead(asr, llm, tts, tool_timeout_ms=4_000) as caller:
        tools: Any = next(iter(caller.agent._calls)).context.tools
        monkeypatch.setattr(tools.standard_tools[0], "_handler", never)
        await caller.type("what time is it")
        await eventually(lambda: "Let me see." in tts.said)
        await caller.pause(ms=1_000)
        await caller.say(speech("No, stop that, please."))
        await eventually(lambda: "All right." in tts.said)
        await caller.pause(ms=5_000)
    assert "IN_PROGRESS" not in str(llm.requests[-1]["messages"])
    assert tts.said[-1] == "All right."


async def test_a_caller_who_says_nothing_is_asked_and_then_hung_up_on():
    asr, llm, tts = AsrStandIn(), LlmStandIn(), TtsStandIn()
    settings = {"caller_silence_ms": 300, "are_you_there": "Are you there?", "goodbye": "Goodbye."}
    async with ahead(asr, llm, tts, **settings) as caller:
        await eventually(lambda: not caller.agent._calls)
    assert tts.said == [GREETING, "Are you there?", "Goodbye."]


async def test_who_answers_the_goodbye_is_not_hung_up_on():
    asr, llm, tts = AsrStandIn(), LlmStandIn("All right."), TtsStandIn()
    settings = {"caller_silence_ms": 1_000, "are_you_there": "Are you there?", "goodbye": "bye " * 10}
    async with ahead(asr, llm, tts, **settings) as caller:
        call = next(iter(caller.agent._calls))
        await eventually(lambda: "bye" in tts.said[-1])
        await eventually(lambda: "agent" in call._speaking)
        await caller.type("wait, I am here")
        await eventually(lambda: tts.said[-1] == "Are you there?" and "All right." in tts.said)


async def test_a_silent_caller_who_cannot_hear_the_agent_is_hung_up_on():
    asr, llm, tts = AsrStandIn(), LlmStandIn(), TtsStandIn()
    async with ahead(asr, llm, tts, caller_silence_ms=1_000) as caller:
        await tts.stop()
        await eventually(lambda: not caller.agent._calls)


async def test_a_caller_who_waits_for_a_timer_is_left_in_peace(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Tools, "timers", property(lambda _: 1))
    asr, llm, tts = AsrStandIn(), LlmStandIn(), TtsStandIn()
    async with ahead(asr, llm, tts, caller_silence_ms=100) as caller:
        await caller.pause(ms=500)
    assert tts.said == [GREETING]
