import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    EagerTranscriptionFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    LLMContextFrame,
    TranscriptionFrame,
    TTSSpeakFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregator,
    LLMUserAggregatorParams,
)
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601

from agent.playback import Playback
from agent.smart_turn import Samples, Verdict
from agent.speculation import Speculation
from agent.turn_frames import NothingHeardFrame, TurnConfirmedFrame
from agent.turns import ConfirmedTurnStop, TurnModels
from tests.agent.stand_ins import Rig, agent_settings, eventually, rigged

STOP_MS = 1_200
COMPLETE, INCOMPLETE = 1, 0


class Verdicts:
    """Smart Turn without its model; it hears what it is given."""

    def __init__(self, *verdicts: int) -> None:
        self._verdicts = deque(verdicts)
        self.heard: list[Samples] = []

    async def judge(self, audio: Samples) -> Verdict:
        self.heard.append(audio)
        if not self._verdicts:
            await asyncio.Event().wait()  # it never answers
        return Verdict(bool(self._verdicts.popleft()), 0.5)


class Conversation:
    """What the user aggregator sees of a conversation."""

    rig: Rig

    silence_ms = 0.0
    """What the VAD tells."""

    stop: ConfirmedTurnStop

    def __init__(self, user: LLMUserAggregator, verdicts: Verdicts) -> None:
        self.user = user
        self.verdicts = verdicts
        self.ignored: list[str] = []

    async def speak(self) -> None:
        self.silence_ms = 0.0
        await self.rig.send(VADUserStartedSpeakingFrame(start_secs=0.2))
        await self.audio(ms=100)

    async def pause(self) -> None:
        self.silence_ms = 200.0
        await self.rig.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))

    async def audio(self, ms: int) -> None:
        for _ in range(ms // 20):
            await self.rig.send(InputAudioRawFrame(bytes(640), 16_000, 1))

    async def silence(self, ms: float) -> None:
        """Too short for a pause, so far."""
        self.silence_ms = ms
        await self.audio(ms=20)

    async def learn(self, text: str) -> None:
        """The ASR service's answer to a Commit, before the turn is confirmed."""
        await self.rig.send(EagerTranscriptionFrame(text, "", time_now_iso8601()))

    async def asked_ahead(self, count: int = 1) -> LLMContextFrame:
        await eventually(lambda: len(self.asked()) >= count)
        return self.asked()[-1]

    def asked(self) -> list[LLMContextFrame]:
        return [frame for frame in self.rig.came(LLMContextFrame) if frame.speculation]

    async def hear(self, text: str) -> None:
        """The ASR service's answer to a confirmed turn."""
        await self.rig.send(TranscriptionFrame(text, "", time_now_iso8601(), finalized=True))

    async def confirmed(self, count: int = 1) -> None:
        await eventually(lambda: self.went_up(TurnConfirmedFrame) >= count)

    def went_up(self, kind: type[Frame]) -> int:
        return sum(isinstance(frame, kind) for frame in self.rig.up)

    def said(self) -> list[object]:
        messages: list[Any] = self.user.context.get_messages()
        return [message["content"] for message in messages]


@asynccontextmanager
async def turns(*verdicts: int, stop_ms: int = STOP_MS, **others: Any) -> AsyncGenerator[Conversation, None]:
    """A user aggregator whose Smart Turn answers this."""
    context = LLMContext()
    settings = agent_settings(smart_turn_stop_ms=stop_ms, sorry_not_heard="Pardon?", **others)
    judge = Verdicts(*verdicts)
    stop = ConfirmedTurnStop(
        settings, judge, lambda: talk.silence_ms, Speculation(), lambda: talk.ignored.append("noise")
    )
    strategies = UserTurnStrategies(start=[VADUserTurnStartStrategy()], stop=[stop])
    params = LLMUserAggregatorParams(user_turn_strategies=strategies, empty_user_turn=None)
    user = LLMContextAggregatorPair(context, user_params=params).user()
    talk = Conversation(user, judge)
    talk.stop = stop
    async with rigged(user, enable_rtvi=False) as talk.rig:
        yield talk


async def test_a_complete_sentence_asks_for_its_text():
    async with turns(COMPLETE) as talk:
        await talk.speak()
        await talk.pause()
        await talk.confirmed()


async def test_a_turn_ends_with_the_text_and_the_llm_is_asked():
    async with turns(COMPLETE) as talk:
        await talk.speak()
        await talk.pause()
        await talk.confirmed()
        await talk.hear("hello")
        await talk.rig.until(LLMContextFrame)
        await talk.rig.until(UserStoppedSpeakingFrame)
    assert talk.said() == ["hello"]


async def test_a_sentence_that_goes_on_asks_for_nothing():
    async with turns(INCOMPLETE, COMPLETE) as talk:
        await talk.speak()
        await talk.pause()
        await talk.speak()
        await talk.pause()
        await talk.confirmed()
    assert talk.went_up(TurnConfirmedFrame) == 1


async def test_enough_silence_ends_a_turn_that_smart_turn_thinks_goes_on():
    async with turns(INCOMPLETE) as talk:
        await talk.speak()
        await talk.pause()
        await talk.audio(ms=STOP_MS)
        await talk.confirmed()


async def test_a_caller_who_has_just_begun_again_is_not_taken_to_have_finished():
    async with turns(INCOMPLETE) as talk:
        await talk.speak()
        await talk.pause()
        talk.silence_ms = 0.0
        await talk.audio(ms=2 * STOP_MS)
        assert talk.went_up(TurnConfirmedFrame) == 0


async def test_a_caller_who_has_begun_again_when_the_verdict_comes_has_not_finished():
    async with turns(COMPLETE) as talk:
        await talk.speak()
        await talk.pause()
        talk.silence_ms = 0.0
        await eventually(lambda: len(talk.verdicts.heard) == 1)
        await talk.audio(ms=100)
        await eventually(lambda: len(talk.rig.came(InputAudioRawFrame)) == 10)
        before = talk.went_up(TurnConfirmedFrame)
        await talk.silence(20)  # it was a click
        await talk.confirmed()
    assert before == 0


async def test_a_microphone_that_is_switched_off_ends_the_turn_too():
    async with turns(INCOMPLETE, stop_ms=1) as talk:
        await talk.speak()
        await talk.pause()
        await talk.confirmed()


@pytest.mark.complaint("pipecat-ai/pipecat#4308")
@pytest.mark.parametrize(("new_words", "ignored"), [("hm", ["noise"]), ("hm hm", [])])
async def test_speech_in_which_no_new_word_is_heard_for_long_is_a_noise(new_words: str, ignored: list[str]):
    async with turns(longest_noise_ms=1_000) as talk:
        await talk.speak()
        for words, frames in (("hm", 35), (new_words, 65)):
            await talk.rig.send(InterimTranscriptionFrame(words, "", time_now_iso8601()))
            await eventually(lambda words=words: talk.stop._read == words)
            await talk.audio(ms=600)
            await talk.rig.until(InputAudioRawFrame, frames)
    assert talk.ignored == ignored


async def test_nothing_heard_ends_the_turn_without_asking_the_llm():
    async with turns(COMPLETE) as talk:
        await talk.rig.send(BotStoppedSpeakingFrame())
        await talk.speak()
        await talk.pause()
        await talk.confirmed()
        await talk.rig.send(NothingHeardFrame())
        await talk.rig.until(UserStoppedSpeakingFrame)
    assert (talk.rig.came(LLMContextFrame), talk.rig.came(TTSSpeakFrame)) == ([], [])


async def test_lost_words_are_apologised_for():
    async with turns(COMPLETE) as talk:
        await talk.rig.send(BotStoppedSpeakingFrame())
        await talk.speak()
        await talk.pause()
        await talk.confirmed()
        await talk.rig.send(NothingHeardFrame(lost=True))
        assert (await talk.rig.until(TTSSpeakFrame)).text == "Pardon?"


async def test_a_noise_in_place_of_an_answer_is_apologised_for_once_in_a_row():
    async with turns(COMPLETE, COMPLETE) as talk:
        for count in (1, 2):
            await talk.speak()
            await talk.pause()
            await talk.confirmed(count)
            await talk.rig.send(NothingHeardFrame())
            await talk.rig.until(UserStoppedSpeakingFrame, count)
    assert len(talk.rig.came(TTSSpeakFrame)) == 1


@pytest.mark.parametrize(("spoken_ms", "apologies"), [(200, 0), (1_000, 1)])
async def test_a_sentence_without_words_is_apologised_for_and_a_noise_is_not(spoken_ms: int, apologies: int):
    async with turns(COMPLETE) as talk:
        await talk.rig.send(BotStoppedSpeakingFrame())  # no answer is owed
        await talk.speak()
        await talk.audio(ms=spoken_ms)
        await talk.pause()
        await talk.confirmed()
        await talk.rig.send(NothingHeardFrame())
        await talk.rig.until(UserStoppedSpeakingFrame)
    assert len(talk.rig.came(TTSSpeakFrame)) == apologies


async def test_a_caller_who_speaks_again_at_once_loses_no_word():
    """The text comes just after the caller resumed: the turn goes on, and both utterances are answered."""
    async with turns(COMPLETE, COMPLETE) as talk:
        await talk.speak()
        await talk.pause()
        await talk.confirmed()
        await talk.speak()
        await talk.hear("a table for two")
        await eventually(lambda: talk.user.aggregation_string() == "a table for two")
        await talk.pause()
        await talk.confirmed(2)
        await talk.hear("on friday")
        await talk.rig.until(UserStoppedSpeakingFrame)
    assert talk.said() == ["a table for two on friday"]


async def test_a_turn_ends_without_a_gap_in_which_another_could_begin():
    async with turns() as talk:
        await talk.speak()
        await talk.pause()
        await eventually(lambda: len(talk.verdicts.heard) == 1)
        ending = talk.stop.handle_user_turn_stopped()
        with pytest.raises(StopIteration):
            ending.send(None)


async def test_a_word_heard_in_noise_does_not_start_a_turn():
    async with turns() as talk:
        await talk.rig.send(InterimTranscriptionFrame("hm", "", time_now_iso8601()))
        await talk.hear("hm")
        await talk.audio(ms=100)
    assert talk.rig.came(UserStartedSpeakingFrame) == []


async def test_transcripts_do_not_queue_behind_smart_turn():
    async with turns() as talk:
        await talk.speak()
        await talk.pause()
        await talk.learn("can you help me")
        await talk.asked_ahead()


async def test_smart_turn_is_asked_once_a_pause_about_the_audio_of_this_turn():
    async with turns(COMPLETE, INCOMPLETE, COMPLETE) as talk:
        await talk.speak()
        await talk.pause()
        await talk.confirmed()
        await talk.hear("hello")
        await talk.rig.until(UserStoppedSpeakingFrame)
        for count in (2, 3):
            await talk.speak()
            await talk.pause()
            await eventually(lambda count=count: len(talk.verdicts.heard) == count)
    # The second turn has what lies just before it, here all there was; the third pause is in it.
    assert [len(audio) // 1_600 for audio in talk.verdicts.heard] == [1, 2, 3]


async def test_a_smart_turn_that_never_answers_does_not_keep_the_turn_open():
    async with turns() as talk:
        await talk.speak()
        await talk.pause()
        await talk.audio(ms=STOP_MS)
        await talk.confirmed()


async def test_calls_share_smart_turns_model_and_nothing_that_it_hears():
    models = TurnModels(agent_settings())
    await models.warm_up()
    first, second = [await models.user_turns(Playback(), Speculation()) for _ in range(2)]
    models.close()
    stops: list[Any] = [
        (params.user_turn_strategies or UserTurnStrategies()).stop for params in (first, second)
    ]
    assert stops[0][0]._judge is stops[1][0]._judge
    assert stops[0][0]._audio is not stops[1][0]._audio
    assert first.vad_analyzer is not second.vad_analyzer
