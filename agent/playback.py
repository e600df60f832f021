"""The agent's voice at the last point before it leaves: made quieter, faded out, and kept for comparison.

Pipecat passes each chunk of audio through an output filter when it takes it from its queue, one chunk
before it is sent: so what is done here acts on audio that was queued long ago, within 20 to 40 ms.
"""

# Pipecat leaves its **kwargs untyped.
# pyright: reportUnknownMemberType=false

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from pipecat.audio.filters.base_audio_filter import BaseAudioFilter
from pipecat.frames.frames import BotStoppedSpeakingFrame, FilterControlFrame, Frame, TTSTextFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

Samples = NDArray[np.int16]

DUCKED = 10 ** (-12 / 20)
"""12 dB down: low enough to be heard as giving way, loud enough to be followed."""
DUCK_MS = 30
RESTORE_MS = 120
FADE_MS = 20
"""One chunk: shorter clicks, and each chunk more is 20 ms later."""
FADE_PATIENCE_S = 0.1
"""Two chunks of 40 ms are at most on their way; a stalled transport must not hold up a turn."""
SILENT_S = 0.5
"""Whatever is still being played so long after a fade was not to be interrupted."""
PLAYING_S = 0.1
KEPT_CHUNKS = 100
"""Two seconds: whoever compares takes them every 20 ms."""


class Envelope:
    """A gain that moves in straight ramps. Pure."""

    def __init__(self, rate_hz: int) -> None:
        self._samples_per_ms = rate_hz / 1000
        self.gain = self._target = 1.0
        self._step = 0.0

    def aim(self, gain: float, ramp_ms: int) -> None:
        """Reach a gain in that time, from where it is now."""
        self._target = gain
        if ramp_ms == 0:
            self.gain = gain
        self._step = (gain - self.gain) / max(1.0, ramp_ms * self._samples_per_ms)

    def apply(self, samples: Samples) -> Samples:
        """Samples (T,) int16 as they shall leave."""
        if self.gain == self._target == 1.0:
            return samples
        low, high = sorted((self.gain, self._target))
        gains = np.clip(self.gain + self._step * np.arange(1, len(samples) + 1), low, high)
        self.gain = float(gains[-1]) if len(gains) else self.gain
        if abs(self.gain - self._target) < abs(self._step):
            self.gain = self._target
        return np.rint(samples * gains).astype(np.int16)


class Playback(BaseAudioFilter):
    """One call's voice. Without a transport that takes filters, everything here does nothing."""

    def __init__(self, unheard_ms: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        """`unheard_ms` of what has left are not heard when an interruption comes."""
        self.unheard_ms = unheard_ms
        self._clock = clock
        self._envelope: Envelope | None = None
        self._chunks: deque[tuple[float, Samples]] = deque(maxlen=KEPT_CHUNKS)
        self._last_s = -np.inf
        self._faded = asyncio.Event()
        self._silenced_s: float | None = None
        self.rate_hz = 0

    @property
    def playing(self) -> bool:
        """Whether something left just now."""
        return self._clock() - self._last_s < PLAYING_S

    @property
    def silenced(self) -> bool:
        """Whether it has been faded out, and what passes now is heard by nobody."""
        return self._silenced_s is not None and self._faded.is_set()

    def duck(self) -> None:
        """Make it quieter, until `restore`."""
        self._aim(DUCKED, DUCK_MS)

    def restore(self) -> None:
        """As loud as it was made."""
        self._silenced_s = None
        self._aim(1.0, RESTORE_MS)

    def begin_anew(self) -> None:
        """What was playing is over: the next speech is at full loudness from its first sample."""
        self._silenced_s = None
        self._aim(1.0, 0)

    async def fade_out(self) -> None:
        """Fade; returns when the last of it has been passed on, 20 ms later on average.

        Cancelling leaves it faded, for SILENT_S at most.
        """
        if self._envelope is None or not self.playing:
            return
        self._faded.clear()
        self._silenced_s = self._clock()
        self._aim(0.0, FADE_MS)
        with suppress(TimeoutError):
            async with asyncio.timeout(FADE_PATIENCE_S):
                await self._faded.wait()

    def take_played(self) -> list[tuple[float, Samples]]:
        """What has left since the last call: when (s, by the clock) and what (T,) int16."""
        taken = list(self._chunks)
        self._chunks.clear()
        return taken

    async def start(self, sample_rate: int) -> None:
        """The transport's rate."""
        self.rate_hz = sample_rate
        self._envelope = Envelope(sample_rate)

    async def stop(self) -> None:
        """Nothing to let go of."""

    async def process_frame(self, frame: FilterControlFrame) -> None:
        """Nobody controls it by frames."""

    async def filter(self, audio: bytes) -> bytes:
        """The next chunk, as it shall leave."""
        assert self._envelope is not None
        now_s = self._clock()
        if self._silenced_s is not None and now_s - self._silenced_s > SILENT_S:
            self.restore()
        samples = self._envelope.apply(np.frombuffer(audio, np.int16))
        self._last_s = now_s
        self._chunks.append((now_s, samples))
        if self._silenced_s is not None and self._envelope.gain == 0:
            self._faded.set()
        return samples.tobytes()

    def _aim(self, gain: float, ramp_ms: int) -> None:
        if self._envelope is not None:
            self._envelope.aim(gain, ramp_ms)


class Heard(FrameProcessor):
    """Behind the output: lets the words through that were heard.

    A word comes by when its audio has been passed on. Between the fade and the interruption's way through
    the pipeline, audio goes on leaving in silence, and its words must not be remembered.
    """

    def __init__(self, playback: Playback) -> None:
        super().__init__(enable_direct_mode=True)
        self._playback = playback

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Drop the words that nobody heard; the next speech is as loud as it is made."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSTextFrame) and self._playback.silenced:
            return
        if isinstance(frame, BotStoppedSpeakingFrame):
            self._playback.begin_anew()
        await self.push_frame(frame, direction)
