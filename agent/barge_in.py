"""When the caller's turn starts: at once while the agent is silent; else when they mean to interrupt it.

Takes the place of Pipecat's VADUserTurnStartStrategy. While the agent speaks, the VAD's "speech" only makes
it quieter, and `interruptions.py` decides. What comes of a stretch of speech that was no interruption:

    words so far        VAD: pause            TranscriptionFrame (no turn is open)
    a false alarm ────► as loud as before ──► forgotten; or, where only now the words are known
                                              and ask for it, the agent stops and the LLM is asked
"""

# Pipecat leaves its **kwargs and event handlers untyped.
# pyright: reportUnknownMemberType=false

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMMessagesAppendFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_start import BaseUserTurnStartStrategy

from agent.echo import EchoWatch
from agent.interruptions import ONSET_MS, Interruption, Verdict
from agent.playback import Playback
from asr_server.protocol import SAMPLE_RATE_HZ

ECHO_S = 0.6
"""How long after its last sample the agent may still be heard: see `echo.LONGEST_DELAY_HOPS`."""


class BargeIn(BaseUserTurnStartStrategy):
    """Starts user turns. All decisions fall while a system frame is processed, so in the VAD's order."""

    def __init__(
        self, playback: Playback, interrupt_after_ms: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` in seconds: the one that `playback` has."""
        super().__init__()
        self._playback, self._clock = playback, clock
        self._interruption = Interruption(interrupt_after_ms)
        self._echo: EchoWatch | None = None
        self._agent_speaks = self._caller_speaks = self._in_turn = False
        self._stopped_s = -np.inf
        self._owed = ""

    async def handle_user_turn_started(self) -> None:
        """A turn begins, whoever started it."""
        await super().handle_user_turn_started()
        self._in_turn = True
        self._interruption.drop()

    async def handle_user_turn_stopped(self) -> None:
        """The turn is over."""
        await super().handle_user_turn_stopped()
        self._in_turn = False

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Follow the agent's voice, the caller's, and the words."""
        match frame:
            case InputAudioRawFrame():
                await self._hear(frame)
            case VADUserStartedSpeakingFrame():
                self._caller_speaks = True
                await self._caller_begins()
            case VADUserStoppedSpeakingFrame():
                self._caller_speaks = False
                await self._obey(self._interruption.end())
            case InterimTranscriptionFrame():
                self._interruption.read(frame.text)
            case TranscriptionFrame() if not self._in_turn:
                await self._conclude(frame.text)
            case BotStartedSpeakingFrame():
                self._agent_speaks = True
            case BotStoppedSpeakingFrame():
                await self._agent_ends()
            case _:
                pass
        return ProcessFrameResult.CONTINUE

    async def _hear(self, frame: InputAudioRawFrame) -> None:
        now_s = self._clock()
        samples = np.frombuffer(frame.audio, np.int16)
        caller_ms = self._whose(now_s, samples)
        if self._caller_speaks and not self._in_turn and not self._audible(now_s):
            await self.trigger_user_turn_started()  # what was taken for an echo goes on without the agent
            return
        await self._obey(
            self._interruption.hear(1000 * len(samples) // SAMPLE_RATE_HZ, caller_ms, self._onset_ms())
        )

    def _audible(self, now_s: float) -> bool:
        return self._agent_speaks or now_s - self._stopped_s < ECHO_S

    def _onset_ms(self) -> int:
        return self._echo.callers_ms(ONSET_MS) if self._echo else ONSET_MS

    def _whose(self, now_s: float, samples: NDArray[np.int16]) -> int:
        if self._echo is None:
            self._echo = EchoWatch(self._playback.rate_hz or SAMPLE_RATE_HZ, SAMPLE_RATE_HZ)
        for at_s, played in self._playback.take_played():
            self._echo.played(at_s * 1000, played)
        return self._echo.heard(now_s * 1000, samples)

    async def _caller_begins(self) -> None:
        if self._in_turn:
            return
        verdict = self._interruption.begin(self._onset_ms())
        if not self._audible(self._clock()) or (not self._agent_speaks and verdict is Verdict.DUCK):
            await self.trigger_user_turn_started()
        else:
            await self._obey(verdict)

    async def _obey(self, verdict: Verdict) -> None:
        if self._in_turn:
            return
        match verdict:
            case Verdict.DUCK if not self._agent_speaks:  # its echo has died away, and here is the caller
                await self.trigger_user_turn_started()
            case Verdict.DUCK:
                self._playback.duck()
            case Verdict.FALSE_ALARM:
                self._playback.restore()
            case Verdict.STOP:
                self._interruption.drop()
                await self._playback.fade_out()
                await self.trigger_user_turn_started()
            case Verdict.GO_ON:
                pass

    async def _agent_ends(self) -> None:
        """There is nothing left to interrupt: who speaks just now has the turn."""
        self._agent_speaks = False
        self._stopped_s = self._clock()
        self._playback.begin_anew()  # where it was made quieter after it had ended
        if self._owed:
            await self._ask()
        elif self._caller_speaks and not self._in_turn and self._interruption.ducked:
            await self.trigger_user_turn_started()

    async def _conclude(self, text: str) -> None:
        """Words that belong to no turn, all of them: the aggregator must not keep them for the next one."""
        await self.trigger_reset_aggregation()
        if not self._interruption.credible:
            return
        if not self._agent_speaks:
            self._owed = text  # "yes", just before the end of a question
            await self._ask()
        elif self._interruption.conclude(text) is Verdict.STOP:
            self._owed = text
            await self._playback.fade_out()
            # Not where the agent has ended by itself meanwhile, or a turn has begun.
            if self._owed and not self._in_turn:
                # The LLM is asked once the agent is silent, and what was heard of it is in the context.
                await self.broadcast_frame(InterruptionFrame)

    async def _ask(self) -> None:
        """Within a turn the words only go before those that the turn ends with."""
        text, self._owed = self._owed, ""
        asked = LLMMessagesAppendFrame([{"role": "user", "content": text}], run_llm=not self._in_turn)
        asked.interruptible = False  # the interruption that makes room for it is still on its way
        await self.push_frame(asked)
