from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams
from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
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
from agent.turns import ConfirmedTurnStop, NothingHeardFrame, TurnConfirmedFrame, TurnModels
from tests.agent.stand_ins import Rig, agent_settings, eventually, rigged

STOP_MS = 1_200
COMPLETE, INCOMPLETE = 1, 0


class Verdicts(BaseSmartTurn):
    """Smart Turn without its model."""

    def __init__(self, *verdicts: int) -> None:
        super().__init__(params=SmartTurnParams(stop_secs=STOP_MS / 1000))
        self._verdicts = deque(verdicts)

    def _predict_endpoint(self, audio_array: np.ndarray) -> dict[str, Any]:
        return {"prediction": self._verdicts.popleft(), "probability": 0.5}


class Conversation:
    """What the user aggregator sees of a conversation."""

    def __init__(self, rig: Rig, user: LLMUserAggregator) -> None:
        self.rig = rig
        self.user = user

    async def speak(self) -> None:
        await self.rig.send(VADUserStartedSpeakingFrame(start_secs=0.2))
        await self.audio(ms=100)

    async def pause(self) -> None:
        await self.rig.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))

    async def audio(self, ms: int) -> None:
        for _ in range(ms // 20):
            await self.rig.send(InputAudioRawFrame(bytes(640), 16_000, 1))

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
async def turns(*verdicts: int, stop_ms: int = STOP_MS) -> AsyncGenerator[Conversation, None]:
    """A user aggregator whose Smart Turn answers this."""
    context = LLMContext()
    stop = ConfirmedTurnStop(Verdicts(*verdicts), stop_ms, "Pardon?")
    strategies = UserTurnStrategies(start=[VADUserTurnStartStrategy()], stop=[stop])
    params = LLMUserAggregatorParams(user_turn_strategies=strategies, empty_user_turn=None)
    user = LLMContextAggregatorPair(context, user_params=params).user()
    async with rigged(user, enable_rtvi=False) as rig:
        yield Conversation(rig, user)


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


async def test_a_microphone_that_is_switched_off_ends_the_turn_too():
    async with turns(INCOMPLETE, stop_ms=-400) as talk:
        await talk.speak()
        await talk.pause()
        await talk.confirmed()


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


async def test_a_word_heard_in_noise_does_not_start_a_turn():
    async with turns() as talk:
        await talk.rig.send(InterimTranscriptionFrame("hm", "", time_now_iso8601()))
        await talk.hear("hm")
        await talk.audio(ms=100)
    assert talk.rig.came(UserStartedSpeakingFrame) == []


async def test_calls_share_smart_turns_model_and_nothing_that_it_hears():
    models = TurnModels(agent_settings())
    await models.warm_up()
    first, second = [await models.user_turns(Playback()) for _ in range(2)]
    assert first.user_turn_strategies
    assert second.user_turn_strategies
    strategies = [
        (params.stop or [None])[0] for params in (first.user_turn_strategies, second.user_turn_strategies)
    ]
    analyzers: list[Any] = [strategy._turn_analyzer for strategy in strategies]  # type: ignore[union-attr]
    assert analyzers[0]._session is analyzers[1]._session
    assert analyzers[0]._audio_buffer is not analyzers[1]._audio_buffer
    assert first.vad_analyzer is not second.vad_analyzer
