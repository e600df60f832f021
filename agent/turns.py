"""When a user turn starts and ends.

It starts when the VAD hears speech. At every pause Smart Turn is asked whether the caller has finished,
while the ASR server finalises what it heard; the turn ends when both have answered:

    VAD: pause ─┬─ Smart Turn: finished ─► TurnConfirmedFrame (to the ASR service) ─┐
                └─ Commit ─► Final ─────────────────────────────────────────────────┴─► TranscriptionFrame, or
                                                              NothingHeardFrame: either one ends the turn
If the caller goes on instead, the ASR service keeps what it has heard: the Final of the next pause holds
the whole sentence. So each TranscriptionFrame is one utterance, and no two of them overlap, which is what
Pipecat's aggregator, which appends them, needs.
"""

# Pipecat leaves its **kwargs and event handlers untyped.
# pyright: reportUnknownMemberType=false

import asyncio
import copy
from dataclasses import dataclass

import numpy as np
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    DataFrame,
    Frame,
    SystemFrame,
    TranscriptionFrame,
    TTSSpeakFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from agent.barge_in import BargeIn
from agent.playback import Playback
from agent.settings import AgentSettings
from asr_server.protocol import SAMPLE_RATE_HZ

SLACK_MS = 500
"""How much later than by the audio a turn is ended by the clock."""
LAST_RESORT_S = 15.0
"""Longer than Smart Turn takes on a machine that is busy with everything else: 6 s have been seen."""


@dataclass
class TurnConfirmedFrame(SystemFrame):
    """Upstream: the caller has finished. The ASR service answers with what they said."""


@dataclass
class NothingHeardFrame(DataFrame):
    """Downstream, in place of a TranscriptionFrame: there are no words in what the caller said.

    Parameters:
        lost: Whether there were some that are not known: the ASR server was away, or not sure of them.
    """

    lost: bool = False


class ConfirmedTurnStop(TurnAnalyzerUserTurnStopStrategy):
    """Ends a turn when the analyzer's verdict and the ASR service's text are both there.

    A turn without words that cut the agent short is answered with an apology, once in a row; one whose
    words were lost or not caught, always: so that the caller is never left waiting for an answer.
    """

    def __init__(self, turn_analyzer: BaseSmartTurn, stop_ms: int, sorry: str) -> None:
        """`stop_ms` is the silence at which the analyzer ends a turn whatever it thinks."""
        # Pipecat's own wait for a transcript would take the text of an earlier pause for that of this one.
        super().__init__(turn_analyzer=turn_analyzer, wait_for_transcript=False)
        self._sorry = sorry
        self._patience_s = (stop_ms + SLACK_MS) / 1000
        self._patience: asyncio.Task[None] | None = None
        self._asked = False
        self._in_turn = False  # what is said over the agent and does not interrupt it belongs to none
        self._owes_answer = True  # the greeting
        self._cut_short = False
        self._apologised = False

    async def handle_user_turn_started(self) -> None:
        """A turn begins; it cuts the agent short if an answer was on its way."""
        await super().handle_user_turn_started()
        self._asked = False
        self._in_turn = True
        self._cut_short = self._owes_answer

    async def handle_user_turn_stopped(self) -> None:
        """A turn is over, whoever ended it."""
        await super().handle_user_turn_stopped()
        self._in_turn = False
        await self._stop_waiting()
        self._asked = False

    async def cleanup(self) -> None:
        """End what is under way."""
        await self._stop_waiting()
        await super().cleanup()

    async def trigger_user_turn_stopped(self, *, enable_user_speaking_frames: bool | None = None) -> None:
        """The analyzer's verdict: ask the ASR service for the text."""
        if not self._asked:
            self._asked = True
            await self.push_frame(TurnConfirmedFrame(), FrameDirection.UPSTREAM)

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Follow the caller, the ASR service and the agent's own voice."""
        result = await super().process_frame(frame)
        match frame:
            case VADUserStartedSpeakingFrame():
                await self._stop_waiting()
                self._asked = False
            case VADUserStoppedSpeakingFrame() if not self._asked:
                await self._stop_waiting()
                self._patience = self.create_task(self._run_out_of_patience())
            case TranscriptionFrame() if self._asked:
                self._owes_answer, self._apologised = True, False
                await super().trigger_user_turn_stopped()
            case NothingHeardFrame() if self._asked and self._in_turn:
                await super().trigger_user_turn_stopped()
                await self._apologise(frame.lost)
            case BotStartedSpeakingFrame() | BotStoppedSpeakingFrame():
                self._owes_answer = isinstance(frame, BotStartedSpeakingFrame)
            case _:
                pass
        return result

    async def _run_out_of_patience(self) -> None:
        """The analyzer counts silence in audio, and there is none where a microphone is switched off."""
        await asyncio.sleep(self._patience_s)
        await self.trigger_user_turn_stopped()

    async def _stop_waiting(self) -> None:
        if self._patience is not None:
            patience, self._patience = self._patience, None
            await self.cancel_task(patience)

    async def _apologise(self, lost: bool) -> None:
        if lost or (self._cut_short and not self._apologised):
            self._apologised = True
            await self.push_frame(TTSSpeakFrame(self._sorry, append_to_context=False))


class TurnModels:
    """Silero and Smart Turn, loaded before the first call, so that no call waits for them."""

    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings
        self._smart_turn = LocalSmartTurnAnalyzerV3(
            params=SmartTurnParams(stop_secs=settings.smart_turn_stop_ms / 1000)
        )

    async def warm_up(self) -> None:
        """Run Smart Turn once: its first run is some 100 ms slower than the others."""
        analyzer = self._clone()
        analyzer.set_sample_rate(SAMPLE_RATE_HZ)
        analyzer.append_audio(np.zeros(SAMPLE_RATE_HZ, np.int16).tobytes(), True)
        await analyzer.analyze_end_of_turn()
        await analyzer.cleanup()

    async def user_turns(self, playback: Playback) -> LLMUserAggregatorParams:
        """How one call's user turns are found. Loads Silero (a few ms) off the event loop."""
        settings = self._settings
        # Silero remembers what it has heard, so each call has its own.
        vad = await asyncio.to_thread(
            SileroVADAnalyzer,
            params=VADParams(start_secs=settings.vad_start_ms / 1000, stop_secs=settings.vad_stop_ms / 1000),
        )
        stop = ConfirmedTurnStop(self._clone(), settings.smart_turn_stop_ms, settings.sorry_not_heard)
        return LLMUserAggregatorParams(
            vad_analyzer=vad,
            # Not also by transcripts: a word heard in noise would cut the agent short.
            user_turn_strategies=UserTurnStrategies(
                start=[BargeIn(playback, settings.interrupt_after_ms)], stop=[stop]
            ),
            # ConfirmedTurnStop ends every turn; this is for a mistake in it, and costs the caller's words.
            user_turn_stop_timeout=LAST_RESORT_S,
            empty_user_turn=None,  # ConfirmedTurnStop answers those, without troubling the LLM
        )

    def _clone(self) -> LocalSmartTurnAnalyzerV3:
        """An analyzer with ears of its own, on the same loaded model (a session runs in any thread)."""
        analyzer = copy.copy(self._smart_turn)
        analyzer.clear()
        return analyzer
