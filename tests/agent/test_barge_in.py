"""The strategy in Pipecat's user aggregator, beside the stop strategy; sound that only says whose it is."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMContextFrame,
    TranscriptionFrame,
    TTSSpeakFrame,
    UserStartedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregator,
    LLMUserAggregatorParams,
)
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601

from agent.barge_in import ECHO_S, BargeIn
from agent.playback import DUCKED, Playback
from agent.speculation import Speculation
from agent.turn_frames import NothingHeardFrame, TurnConfirmedFrame
from agent.turns import LEAD_MS, ConfirmedTurnStop
from tests.agent.stand_ins import Rig, agent_settings, eventually, rigged
from tests.agent.test_playback import HZ, Clock, play
from tests.agent.test_turns import COMPLETE, Verdicts

CALLER = np.random.default_rng(0).normal(0, 2_000, 320).astype(np.int16).tobytes()
SILENCE = bytes(640)


class Conversation:
    """An agent that speaks, and a caller."""

    silence_ms = 0.0
    """What the VAD tells."""

    def __init__(
        self, rig: Rig, user: LLMUserAggregator, barge_in: BargeIn, judge: Verdicts, clock: Clock
    ) -> None:
        self.rig, self.user, self.barge_in, self.judge, self._clock = rig, user, barge_in, judge, clock
        self.playback = barge_in._playback

    async def agent_speaks(self) -> None:
        await self.rig.send(BotStartedSpeakingFrame())
        await self.audio(SILENCE, ms=400)

    async def agent_ends(self) -> None:
        await self.rig.send(BotStoppedSpeakingFrame())

    async def caller_begins(self) -> None:
        """As the VAD finds it."""
        self.silence_ms = 0.0
        await self.audio(CALLER, ms=200)
        await self.rig.send(VADUserStartedSpeakingFrame(start_secs=0.2))

    async def caller_pauses(self) -> None:
        self.silence_ms = 200.0
        await self.rig.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))

    async def audio(self, sound: bytes, ms: int) -> None:
        for _ in range(ms // 20):
            self._clock.now_s += 0.02
            frame = InputAudioRawFrame(sound, 16_000, 1)
            await self.rig.send(frame)
            await eventually(lambda: frame in self.rig.down)  # noqa: B023 - awaited here

    async def reads(self, text: str) -> None:
        frame = InterimTranscriptionFrame(text, "", time_now_iso8601())
        await self.rig.send(frame)
        await self.audio(SILENCE, ms=20)

    async def hears(self, text: str) -> None:
        """The ASR service's answer to a confirmed pause."""
        await eventually(lambda: any(isinstance(frame, TurnConfirmedFrame) for frame in self.rig.up))
        await self.rig.send(TranscriptionFrame(text, "", time_now_iso8601(), finalized=True))
        await self.audio(SILENCE, ms=40)

    def turns(self) -> int:
        return len(self.rig.came(UserStartedSpeakingFrame))

    async def loudness(self) -> float:
        """Of what the agent says, once a ramp is over."""
        return float((await play(self.playback, 10))[-1]) / 10_000


@asynccontextmanager
async def talking(*verdicts: int) -> AsyncGenerator[Conversation, None]:
    clock = Clock()
    playback = Playback(clock=clock)
    await playback.start(HZ)
    judge = Verdicts(*verdicts or (COMPLETE,))
    stop = ConfirmedTurnStop(agent_settings(), judge, lambda: talk.silence_ms, Speculation(), lambda: None)
    start = BargeIn(playback, 700, clock=clock)
    strategies = UserTurnStrategies(start=[start], stop=[stop])
    params = LLMUserAggregatorParams(user_turn_strategies=strategies, empty_user_turn=None)
    user = LLMContextAggregatorPair(LLMContext(), user_params=params).user()
    async with rigged(user, enable_rtvi=False) as rig:
        talk = Conversation(rig, user, start, judge, clock)
        yield talk


async def until(talk: Conversation, kind: type[Frame]) -> None:
    await talk.rig.until(kind)


async def test_while_the_agent_is_silent_a_turn_starts_at_once():
    async with talking() as talk:
        await talk.caller_begins()
        await until(talk, UserStartedSpeakingFrame)


async def test_while_the_agent_speaks_it_only_becomes_quieter():
    async with talking() as talk:
        await talk.agent_speaks()
        await talk.caller_begins()
        await talk.audio(CALLER, ms=100)
        loudness = await talk.loudness()
    assert (round(loudness, 2), talk.turns()) == (round(DUCKED, 2), 0)


async def test_long_speech_interrupts():
    async with talking() as talk:
        await talk.agent_speaks()
        await talk.caller_begins()
        await talk.audio(CALLER, ms=600)
        await until(talk, InterruptionFrame)
    assert talk.turns() == 1


async def test_a_clear_word_interrupts_sooner():
    async with talking() as talk:
        await talk.agent_speaks()
        await talk.caller_begins()
        await talk.reads("stop")
        await talk.audio(CALLER, ms=160)
        await until(talk, InterruptionFrame)


@pytest.mark.complaint("pipecat-ai/pipecat#4308", "livekit/agents#4615")
async def test_a_cough_makes_it_quieter_and_then_as_loud_as_before():
    async with talking() as talk:
        await talk.agent_speaks()
        await talk.caller_begins()
        await talk.caller_pauses()
        await talk.audio(SILENCE, ms=20)
        loudness = await talk.loudness()
    assert (loudness, talk.turns()) == (1.0, 0)


@pytest.mark.complaint("kyutai-labs/unmute#135")
async def test_words_that_the_ear_reads_where_nobody_speaks_do_not_touch_the_agents_voice():
    async with talking() as talk:
        await talk.agent_speaks()
        await talk.reads("stop it please")
        await talk.audio(SILENCE, ms=1_000)
        loudness = await talk.loudness()
    assert (loudness, talk.turns(), talk.rig.came(InterruptionFrame)) == (1.0, 0, [])


async def test_a_cough_that_the_ear_cannot_read_is_not_apologised_for():
    async with talking() as talk:
        await talk.agent_speaks()
        await talk.caller_begins()
        await talk.caller_pauses()
        await eventually(lambda: any(isinstance(frame, TurnConfirmedFrame) for frame in talk.rig.up))
        await talk.rig.send(NothingHeardFrame(lost=True))
        await talk.audio(SILENCE, ms=100)
    assert talk.rig.came(TTSSpeakFrame) == []


async def test_nodding_reaches_no_llm_and_no_later_turn():
    async with talking() as talk:
        await talk.agent_speaks()
        await talk.caller_begins()
        await talk.reads("okay")
        await talk.caller_pauses()
        await talk.hears("okay")
    assert (talk.user.aggregation_string(), talk.rig.came(LLMContextFrame), talk.turns()) == ("", [], 0)


async def test_words_that_are_known_after_the_pause_interrupt_and_are_answered():
    async with talking() as talk:
        await talk.agent_speaks()
        await talk.caller_begins()
        await talk.caller_pauses()
        await talk.hears("stop")
        await until(talk, InterruptionFrame)
        await talk.agent_ends()
        await until(talk, LLMContextFrame)
    assert [message["content"] for message in talk.user.context.get_messages()] == ["stop"]  # type: ignore[index]


async def test_an_answer_just_before_the_end_of_a_question_is_taken():
    async with talking() as talk:
        await talk.agent_speaks()
        await talk.caller_begins()
        await talk.reads("yes")
        await talk.caller_pauses()
        await talk.agent_ends()
        await talk.hears("yes")
        await until(talk, LLMContextFrame)
    assert [message["content"] for message in talk.user.context.get_messages()] == ["yes"]  # type: ignore[index]


async def test_an_agent_that_ends_by_itself_while_it_is_faded_out_is_not_interrupted_any_more(
    monkeypatch: pytest.MonkeyPatch,
):
    async with talking() as talk:

        async def ends() -> None:
            await talk.agent_ends()
            await eventually(lambda: not talk.barge_in._agent_speaks)

        monkeypatch.setattr(talk.playback, "fade_out", ends)
        await talk.agent_speaks()
        await talk.caller_begins()
        await talk.caller_pauses()
        await talk.hears("stop")
        await until(talk, LLMContextFrame)
    assert (len(talk.rig.came(LLMContextFrame)), talk.rig.came(InterruptionFrame)) == (1, [])


async def test_a_turn_that_begins_before_late_words_are_asked_takes_them_in(monkeypatch: pytest.MonkeyPatch):
    async with talking() as talk:

        async def goes_on() -> None:
            await talk.rig.send(VADUserStartedSpeakingFrame(start_secs=0.2))
            await talk.rig.until(VADUserStartedSpeakingFrame, 2)
            await talk.barge_in.trigger_user_turn_started()

        monkeypatch.setattr(talk.playback, "fade_out", goes_on)
        await talk.agent_speaks()
        await talk.caller_begins()
        await talk.caller_pauses()
        await talk.hears("stop")
        await talk.agent_ends()
        await eventually(lambda: bool(talk.user.context.get_messages()))
        await talk.audio(SILENCE, ms=40)
    assert (talk.rig.came(LLMContextFrame), len(talk.rig.came(InterruptionFrame))) == ([], 1)


async def test_a_duck_that_comes_as_a_speech_ends_does_not_outlast_it():
    async with talking() as talk:
        await talk.agent_speaks()
        talk.playback.begin_anew()  # as the end of the pipeline does when the speech is over
        await talk.caller_begins()
        await talk.agent_ends()
        await talk.audio(SILENCE, ms=20)
        loudness = await talk.loudness()
    assert loudness == 1.0


async def test_smart_turn_is_not_given_what_was_said_outside_the_turn():
    async with talking(COMPLETE, COMPLETE) as talk:
        await talk.agent_speaks()
        await talk.caller_begins()
        await talk.caller_pauses()
        await talk.hears("okay")
        await talk.audio(SILENCE, ms=2_000)
        await talk.agent_ends()
        await talk.audio(SILENCE, ms=round(1000 * ECHO_S))
        await talk.caller_begins()
        await talk.caller_pauses()
        await eventually(lambda: len(talk.judge.heard) == 2)
    assert len(talk.judge.heard[-1]) == 16 * (LEAD_MS + 200)


async def test_who_still_speaks_when_the_agent_ends_has_the_turn():
    async with talking() as talk:
        await talk.agent_speaks()
        await talk.caller_begins()
        await talk.audio(CALLER, ms=60)
        await talk.agent_ends()
        await until(talk, UserStartedSpeakingFrame)


@pytest.mark.complaint(
    "pipecat-ai/pipecat#188",
    "pipecat-ai/pipecat#1626",
    "huggingface/speech-to-speech#134",
    "KoljaB/RealtimeSTT#156",
)
async def test_the_agents_own_echo_does_not_even_make_it_quieter():
    async with talking() as talk:
        await talk.agent_speaks()
        await talk.audio(SILENCE, ms=200)
        await talk.rig.send(VADUserStartedSpeakingFrame(start_secs=0.2))
        await talk.audio(SILENCE, ms=100)
        loudness = await talk.loudness()
    assert (loudness, talk.turns()) == (1.0, 0)


async def test_what_the_vad_hears_long_after_the_agent_is_no_echo():
    async with talking() as talk:
        await talk.agent_speaks()
        await talk.agent_ends()
        await talk.audio(SILENCE, ms=200)
        await talk.rig.send(VADUserStartedSpeakingFrame(start_secs=0.2))
        await talk.audio(SILENCE, ms=int(1000 * ECHO_S))
        await until(talk, UserStartedSpeakingFrame)
