"""Smart Turn: whether a caller who has paused has finished, by how they said it.

The model is Pipecat's; Pipecat's analyzer of it is awaited where the frames pass, so that audio and
transcripts would queue behind it. Here it is asked in a thread, once per pause.
"""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3

from asr_server.protocol import SAMPLE_BYTES, SAMPLE_RATE_HZ

Samples = NDArray[np.int16]

HEARD_SAMPLES = 8 * SAMPLE_RATE_HZ
"""What the model hears: the last eight seconds."""
COMPLETE = 0.5
"""The probability above which a turn is complete, as its makers have it."""


class Verdict(NamedTuple):
    """What a judge thinks of a pause."""

    complete: bool
    probability: float


class Judge(Protocol):
    """Whoever tells whether a caller has finished."""

    async def judge(self, audio: Samples) -> Verdict:
        """By the audio of the turn, pause included. Cancelling leaves it to run, unheard."""
        ...


class SmartTurn:
    """One model for all calls; as many pauses at a time as there are processors to judge them."""

    def __init__(self) -> None:
        self._model = _Model()
        self._threads = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="smart-turn")

    async def judge(self, audio: Samples) -> Verdict:
        """Ask the model (some 50 ms of one processor), off the event loop."""
        loop = asyncio.get_running_loop()
        probability = await loop.run_in_executor(self._threads, self._model.probability, audio)
        return Verdict(probability > COMPLETE, probability)

    async def warm_up(self) -> None:
        """The first run is some 100 ms slower than the others."""
        await self.judge(np.zeros(SAMPLE_RATE_HZ, np.int16))

    def close(self) -> None:
        """Let the threads end when they have finished."""
        self._threads.shutdown(wait=False)


class TurnAudio:
    """The audio of one turn: from a little before the VAD heard it, at most what the model hears."""

    def __init__(self, lead_ms: int) -> None:
        """`lead_ms` of what came before the VAD reported speech belong to the turn."""
        self._lead_samples = SAMPLE_RATE_HZ * lead_ms // 1000
        self._pcm = bytearray()
        self._in_turn = False

    def begin(self) -> None:
        """The caller speaks."""
        self._in_turn = True

    def push(self, pcm: bytes) -> None:
        """More audio (PCM16, 16 kHz)."""
        self._pcm += pcm
        kept = HEARD_SAMPLES if self._in_turn else self._lead_samples
        del self._pcm[: max(0, len(self._pcm) - kept * SAMPLE_BYTES)]

    def end(self) -> None:
        """The turn is over: what follows belongs to the next."""
        self._in_turn = False
        self.push(b"")

    def samples(self) -> Samples:
        """A copy of the turn so far."""
        return np.frombuffer(bytes(self._pcm), np.int16)


class _Model(LocalSmartTurnAnalyzerV3):
    """Pipecat's model without its ears: only its prediction is used."""

    def probability(self, audio: Sequence[int] | Samples) -> float:
        """That the turn is complete. Runs in any thread, several at a time."""
        return self._predict_endpoint(np.asarray(audio, np.float32) / 32_768)["probability"]
