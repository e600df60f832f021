"""Whole calls: real speech, Silero and Smart Turn; the servers say what the test wants."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from loguru import logger
from pipecat.frames.frames import LLMMessagesAppendFrame
from pipecat.runner.types import RunnerArguments

from agent.bot import Agent
from asr_server.protocol import Commit
from tests.agent.stand_ins import (
    PATIENCE_S,
    AsrStandIn,
    Line,
    LlmStandIn,
    TtsStandIn,
    WebSocketStandIn,
    eventually,
    running,
    settings_for,
    tool_call,
)
from tts_server.protocol import Cancel, Failed
from wire.message import trace_ids

pytestmark = pytest.mark.realtime

GREETING = "Hello, how can I help?"
Speak = Callable[[str], bytes]


@pytest.fixture
def speech(flite: Callable[..., bytes]) -> Speak:
    """Speech in a voice that Smart Turn understands well, without the silence around it."""

    def speak(text: str) -> bytes:
        pcm = np.frombuffer(flite(text, "slt"), np.int16)
        loud = np.nonzero(np.abs(pcm) > 200)[0]
        return pcm[loud[0] : loud[-1]].tobytes()

    return speak


class Caller(Line):
    """On the line to an agent."""

    agent: Agent

    async def type(self, text: str) -> None:
        """What the Playground's text box does."""
        call = next(iter(self.agent._calls))
        messages: Any = [{"role": "user", "content": text}]
        await call._worker.queue_frame(LLMMessagesAppendFrame(messages=messages, run_llm=True))


@asynccontextmanager
async def called(*servers: WebSocketStandIn | LlmStandIn, **settings: Any) -> AsyncGenerator[Caller, None]:
    caller = Caller()
    caller.agent = Agent(settings_for(*servers, **settings))
    call = asyncio.create_task(caller.agent.converse(caller, caller.playback))
    await caller.pick_up()
    try:
        yield caller
    finally:
        await caller.hang_up()
        async with asyncio.timeout(PATIENCE_S):
            await call
        await caller.agent.close()


@asynccontextmanager
async def conversation(
    asr: AsrStandIn, llm: LlmStandIn, tts: TtsStandIn, **settings: Any
) -> AsyncGenerator[Caller, None]:
    """A call to three servers, after the greeting.

    The ASR server's answers are counted, and a word's own silences would use them up (`eager_ms`).
    """
    settings = {"eager_ms": 0, **settings}
    llm.answers.appendleft(GREETING)
    async with running(asr, llm, tts), called(asr, llm, tts, **settings) as caller:
        (call,) = caller.agent._calls
        await eventually(lambda: "agent" in call._speaking)
        await eventually(lambda: not call._speaking)
        yield caller


async def test_the_agent_speaks_first():
    asr, llm, tts = AsrStandIn(), LlmStandIn(GREETING), TtsStandIn()
    async with running(asr, llm, tts), called(asr, llm, tts) as caller:
        await eventually(lambda: caller.heard_bytes > 0)
    assert tts.said == [GREETING]


async def test_the_greeting_is_asked_for_with_the_system_prompt_and_the_cue():
    llm = LlmStandIn()
    async with running(llm), called(llm, system_prompt="Be kind.", greeting_cue="Say hello."):
        await eventually(lambda: bool(llm.requests))
    request = llm.requests[0]
    assert [(message["role"], message["content"]) for message in request["messages"]] == [
        ("system", "Be kind."),
        ("user", "Say hello."),
    ]
    assert request["chat_template_kwargs"] == {"enable_thinking": False}
    assert len(request["tools"]) == 7


async def test_what_was_said_is_answered_and_logged_in_one_line(speech: Speak):
    asr, llm, tts = AsrStandIn("can you help me"), LlmStandIn("It is noon."), TtsStandIn()
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level="INFO", format="{extra} {message}")
    async with conversation(asr, llm, tts) as caller:
        await caller.say(speech("Can you help me?"))
        await eventually(lambda: "It is noon." in tts.said)
        await eventually(lambda: any("ServerVoiceToVoice" in line for line in lines))
    logger.remove(sink)
    assert llm.user_texts() == ["can you help me"]
    assert sum("ServerVoiceToVoice TTFB: " in line and "'turn': 1" in line for line in lines) == 1
    assert not any("noon" in line or "help me" in line for line in lines)


async def test_a_sentence_with_a_pause_in_it_reaches_the_llm_once_and_whole(speech: Speak):
    asr = AsrStandIn("i would like um", "i would like um a table for two")
    llm, tts = LlmStandIn(), TtsStandIn()
    async with conversation(asr, llm, tts, smart_turn_stop_ms=3_000) as caller:
        await caller.say(speech("I would like, um"))
        await caller.pause(ms=800)
        await caller.say(speech("a table for two."))
        await eventually(lambda: len(llm.requests) == 2)
    assert len(asr.messages(Commit)) == 2
    assert llm.user_texts() == ["i would like um a table for two"]


async def test_a_tool_is_used_and_its_result_answered():
    asr, tts = AsrStandIn(), TtsStandIn()
    llm = LlmStandIn(tool_call("calculate", {"expression": "12 + 30"}), "The answer is 42.")
    async with conversation(asr, llm, tts) as caller:
        await caller.type("what is twelve plus thirty")
        await eventually(lambda: "The answer is 42." in tts.said)
    results = [message["content"] for message in llm.requests[-1]["messages"] if message["role"] == "tool"]
    assert results == ['{"result": 42}']


async def test_a_tool_that_does_not_exist_is_something_to_answer():
    asr, tts = AsrStandIn(), TtsStandIn()
    llm = LlmStandIn(tool_call("order_pizza", {}), "I can't do that.")
    async with conversation(asr, llm, tts) as caller:
        await caller.type("please order a pizza")
        await eventually(lambda: "I can't do that." in tts.said)


async def test_a_tool_call_that_is_not_json_is_apologised_for():
    asr, llm, tts = AsrStandIn(), LlmStandIn(tool_call("calculate", '{"expression": ')), TtsStandIn()
    async with conversation(asr, llm, tts, sorry_no_answer="Sorry.") as caller:
        await caller.type("what is two plus two")
        await eventually(lambda: "Sorry." in tts.said)


async def test_an_answer_without_words_is_apologised_for():
    asr, llm, tts = AsrStandIn(), LlmStandIn(""), TtsStandIn()
    async with conversation(asr, llm, tts, sorry_no_answer="Sorry.") as caller:
        await caller.type("what is two plus two")
        await eventually(lambda: "Sorry." in tts.said)


async def test_a_timer_waits_until_the_agent_has_finished():
    asr, llm, tts = AsrStandIn(), LlmStandIn("word " * 20), TtsStandIn()
    async with conversation(asr, llm, tts) as caller:
        call = next(iter(caller.agent._calls))
        await caller.type("tell me a story")
        await eventually(lambda: "agent" in call._speaking)
        before = caller.heard_bytes
        await call._speak_up("Time is up.")
        heard_s = (caller.heard_bytes - before) / 48_000
        await eventually(lambda: "Time is up." in tts.said)
    assert heard_s > 1  # of the story's two seconds


async def test_a_timer_waits_for_an_answer_that_is_being_thought_of():
    asr, llm, tts = AsrStandIn(), LlmStandIn("It is noon."), TtsStandIn()
    async with conversation(asr, llm, tts) as caller:
        call = next(iter(caller.agent._calls))
        llm.thinks_s = 1.0
        await caller.type("what time is it")
        await eventually(lambda: len(llm.requests) == 2)
        await call._speak_up("Time is up.")
        messages: Any = call.context.get_messages()
    known = [message["content"] for message in messages if message["role"] == "assistant"]
    assert known == [GREETING, "It is noon.", "Time is up."]


async def test_a_timer_speaks_up_and_the_llm_knows():
    asr, tts = AsrStandIn(), TtsStandIn()
    llm = LlmStandIn(tool_call("set_timer", {"duration": "one second"}), "Your timer is running.")
    async with conversation(asr, llm, tts) as caller:
        await caller.type("set a timer for one second")
        context = next(iter(caller.agent._calls)).context
        await eventually(lambda: "Your 1 second timer is up." in str(context.messages))
    assert "Your 1 second timer is up." in tts.said


async def test_a_timer_waits_until_the_caller_has_finished(speech: Speak):
    asr, llm, tts = AsrStandIn("can you help me"), LlmStandIn("Yes."), TtsStandIn()
    async with conversation(asr, llm, tts) as caller:
        call = next(iter(caller.agent._calls))
        speaking = asyncio.create_task(caller.say(speech("Can you help me?")))
        await eventually(lambda: "caller" in call._speaking)
        timer = asyncio.create_task(call._speak_up("Time is up."))
        await speaking
        await eventually(lambda: "Time is up." in tts.said)
        await timer
    assert tts.said == [GREETING, "Yes.", "Time is up."]


@pytest.mark.complaint("pipecat-ai/pipecat#5426", "pipecat-ai/pipecat#4996")
async def test_speaking_while_the_agent_speaks_silences_it_and_what_was_not_heard_is_forgotten(speech: Speak):
    asr, llm = AsrStandIn("stop"), LlmStandIn("word " * 100, "All right.")
    tts = TtsStandIn(slow=True)
    async with conversation(asr, llm, tts) as caller:
        await caller.type("tell me a story")
        await caller.pause(ms=1_000)
        await caller.say(speech("Can you stop it please?"))
        await tts.until(Cancel)
        await eventually(lambda: len(llm.requests) == 3)
    story = [m["content"] for m in llm.requests[-1]["messages"] if m["role"] == "assistant"][-1]
    assert 1 <= story.split().count("word") < 60


@pytest.mark.complaint("pipecat-ai/pipecat#984", "pipecat-ai/pipecat#1391", "livekit/agents#6033")
async def test_nodding_does_not_stop_the_agent_and_none_of_its_words_is_missing(speech: Speak):
    asr, llm, tts = AsrStandIn("okay"), LlmStandIn("word " * 40), TtsStandIn(slow=True)
    async with conversation(asr, llm, tts) as caller:
        await caller.type("tell me a story")
        await caller.pause(ms=1_000)
        await caller.say(speech("Okay."))
        context = next(iter(caller.agent._calls)).context
        await eventually(lambda: str(context.messages).count("word") == 40)
    assert (len(llm.requests), tts.messages(Cancel)) == (2, [])


async def test_a_timer_can_be_interrupted_and_is_said_again_where_it_was_not_heard_at_all(speech: Speak):
    asr, llm, tts = AsrStandIn("hello"), LlmStandIn("Yes?"), TtsStandIn()
    async with conversation(asr, llm, tts) as caller:
        call = next(iter(caller.agent._calls))
        await eventually(lambda: GREETING in str(call.context.messages))
        await call._waiting.quiet()
        tts.fails = Failed(code="busy", message="not now", retry=True)  # so that it does not begin to sound
        ringing = asyncio.create_task(call._speak_up("Time is up."))
        await eventually(lambda: tts.said[-1] == "Time is up.")
        tts.fails = None
        await caller.say(speech("Hello, are you there?"))
        await ringing
    assert tts.said[-3:] == ["Time is up.", "Yes?", "Time is up."]


async def test_a_noise_while_the_agent_is_silent_gets_no_answer(speech: Speak):
    asr, llm, tts = AsrStandIn("", "hello"), LlmStandIn("Hello to you."), TtsStandIn()
    async with conversation(asr, llm, tts) as caller:
        await caller.say(speech("Mm."))
        await asr.until(Commit)
        await caller.pause(ms=1_500)
        await caller.say(speech("Hello, are you there?"))
        await eventually(lambda: "Hello to you." in tts.said)
    assert (tts.said, len(llm.requests)) == ([GREETING, "Hello to you."], 2)


@pytest.mark.complaint("pipecat-ai/pipecat#4308")
async def test_a_noise_that_cuts_an_answer_short_is_apologised_for(speech: Speak):
    asr, llm, tts = AsrStandIn(""), LlmStandIn("word " * 100), TtsStandIn(slow=True)
    async with conversation(asr, llm, tts, sorry_not_heard="Pardon?") as caller:
        await caller.type("tell me a story")
        await caller.pause(ms=1_000)
        await caller.say(speech("Hmm, hmm, hmm."))
        await eventually(lambda: "Pardon?" in tts.said)


async def test_words_that_the_ear_lost_are_apologised_for(speech: Speak):
    asr, llm, tts = AsrStandIn(), LlmStandIn(), TtsStandIn()
    async with conversation(asr, llm, tts, sorry_not_heard="Pardon?") as caller:
        await asr.stop()
        await caller.say(speech("Can you help me?"))
        await eventually(lambda: "Pardon?" in tts.said)


async def test_words_that_the_ear_is_not_sure_of_are_apologised_for_and_not_acted_on(speech: Speak):
    asr, llm, tts = AsrStandIn(("book a table for two", 0.2)), LlmStandIn(), TtsStandIn()
    async with conversation(asr, llm, tts, sorry_not_heard="Pardon?") as caller:
        await caller.say(speech("The glacier is melting."))
        await eventually(lambda: "Pardon?" in tts.said)
        await caller.pause(ms=500)
    assert len(llm.requests) == 1  # the greeting


@pytest.mark.complaint("pipecat-ai/pipecat#3699", "pipecat-ai/pipecat#1818", "pipecat-ai/pipecat#5305")
async def test_a_call_survives_each_server_being_restarted(speech: Speak):
    asr, llm, tts = AsrStandIn("hello"), LlmStandIn("Hello to you."), TtsStandIn()
    async with conversation(asr, llm, tts) as caller:
        for server in (asr, llm, tts):
            await server.stop()
            await server.start()
        await eventually(lambda: (asr.connections, tts.connections) == (2, 2))
        await caller.pause(ms=100)  # Ready is on its way
        await caller.say(speech("Hello, are you there?"))
        await eventually(lambda: "Hello to you." in tts.said)


@pytest.mark.complaint("pipecat-ai/pipecat#3093")
async def test_who_is_silent_for_longer_than_pipecat_calls_idle_is_not_hung_up_on(
    monkeypatch: pytest.MonkeyPatch,
):
    caller, asr, llm, tts = Line(), AsrStandIn(), LlmStandIn(GREETING), TtsStandIn()

    async def line(*_: object) -> Line:
        return caller

    monkeypatch.setattr("agent.bot.create_transport", line)
    async with running(asr, llm, tts):
        agent = Agent(settings_for(asr, llm, tts))
        arguments = RunnerArguments()
        arguments.pipeline_idle_timeout_secs = 0.2
        call = asyncio.create_task(agent.answer(arguments))
        await caller.pick_up()
        await caller.pause(ms=2_000)
        was_held = not call.done()
        await caller.hang_up()
        await call
        await agent.close()
    assert was_held


async def test_an_llm_that_is_away_is_apologised_for():
    asr, llm, tts = AsrStandIn(), LlmStandIn(), TtsStandIn()
    async with conversation(asr, llm, tts, sorry_no_answer="Sorry.") as caller:
        await llm.stop()
        await caller.type("what time is it")
        await eventually(lambda: "Sorry." in tts.said)


async def test_who_waits_for_an_answer_is_told_that_it_comes(speech: Speak):
    asr, llm, tts = AsrStandIn("can you help me"), LlmStandIn("It is noon."), TtsStandIn()
    async with conversation(asr, llm, tts, one_moment="Wait.", one_moment_ms=300) as caller:
        llm.thinks_s = 2.0
        await caller.say(speech("Can you help me?"))
        await eventually(lambda: said_since_the_greeting(tts) == ["Wait.", "It is noon."])


def said_since_the_greeting(tts: TtsStandIn) -> list[str]:
    return tts.said[tts.said.index(GREETING) + 1 :]


PATIENT = {"one_moment": "Wait.", "still_waiting": ("Still.", "Yet."), "still_waiting_ms": 300}


async def test_who_waits_on_is_told_again_in_other_words_until_the_answer_comes():
    asr, llm, tts = AsrStandIn(), LlmStandIn("It is noon."), TtsStandIn()
    async with conversation(asr, llm, tts, one_moment_ms=700, **PATIENT) as caller:
        llm.thinks_s = 4.0
        await caller.type("what time is it")
        await eventually(lambda: "It is noon." in tts.said)
        await caller.pause(ms=1_500)
    said = said_since_the_greeting(tts)
    assert (said[:3], said[-1]) == (["Wait.", "Still.", "Yet."], "It is noon.")


async def test_who_was_told_let_me_see_is_told_to_wait_for_the_tool(monkeypatch: pytest.MonkeyPatch):
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    asr, tts = AsrStandIn(), TtsStandIn()
    llm = LlmStandIn(["Let me see.", tool_call("get_time", {})], "I can't tell.")
    async with conversation(asr, llm, tts, one_moment_ms=700, tool_timeout_ms=3_000, **PATIENT) as caller:
        tools: Any = next(iter(caller.agent._calls)).context.tools
        monkeypatch.setattr(tools.standard_tools[0], "_handler", never)
        await caller.type("what time is it")
        await eventually(lambda: "I can't tell." in tts.said)
    assert said_since_the_greeting(tts)[:2] == ["Let me see.", "Wait."]


async def test_an_answer_that_got_lost_is_apologised_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("agent.bot.MOST_WAITS", 1)
    asr, llm, tts = AsrStandIn(), LlmStandIn(), TtsStandIn()
    async with conversation(asr, llm, tts, one_moment_ms=700, sorry_no_answer="Sorry.", **PATIENT) as caller:
        llm.thinks_s = PATIENCE_S
        await caller.type("what time is it")
        await eventually(lambda: "Sorry." in tts.said)
    assert said_since_the_greeting(tts) == ["Wait.", "Sorry."]


async def test_without_a_voice_the_conversation_goes_on():
    asr, llm = AsrStandIn(), LlmStandIn(GREETING, "It is noon.")
    async with running(asr, llm), called(asr, llm) as caller:
        await eventually(lambda: len(llm.requests) == 1)
        await caller.type("what time is it")
        await eventually(lambda: len(llm.requests) == 2)


async def test_the_call_has_one_id_everywhere():
    asr, llm, tts = AsrStandIn(), LlmStandIn(), TtsStandIn()
    async with conversation(asr, llm, tts) as caller:
        await caller.type("hello")
        await eventually(lambda: len(llm.requests) == 2)
    parents = [getattr(message, "traceparent", None) for message in asr.received + tts.received]
    parents += [headers["traceparent"] for headers in llm.headers]
    ids = {found[0] for parent in parents if (found := trace_ids(parent))}
    assert (len(ids), len(list(filter(None, parents))) >= 5) == (1, True)


async def test_a_call_can_be_cancelled_while_no_server_is_there():
    line = Line()
    agent = Agent(settings_for())
    call = asyncio.create_task(agent.converse(line, line.playback))
    await line.pick_up()
    call.cancel()
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.wait([call])
    await line.hang_up()
    await agent.close()


async def test_three_callers_are_greeted_at_once_and_hung_up_on_together():
    asr, llm, tts = AsrStandIn(), LlmStandIn(), TtsStandIn()
    async with running(asr, llm, tts):
        agent = Agent(settings_for(asr, llm, tts))
        lines = [Line() for _ in range(3)]
        calls = [asyncio.create_task(agent.converse(line, line.playback)) for line in lines]
        await asyncio.gather(*(line.pick_up() for line in lines))
        try:
            await eventually(lambda: all(line.heard_bytes > 0 for line in lines))
        finally:
            agent.hang_up()
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(*calls)
            await agent.close()
    assert (asr.connections, tts.connections) == (3, 3)
