"""The caller's mouth and clock: WAV files read, and sent in real time as a WebRTC audio track."""

import asyncio
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from numpy.typing import NDArray

from agent.recording import Tape

CALL_HZ = 48_000
"""Opus's own rate, so that nothing is resampled while the call runs."""
FRAME_SAMPLES = CALL_HZ * 20 // 1000  # 960


class NotAudio(Exception):
    """A file that cannot be played; the sentence says which and why."""


def read_wav(path: Path) -> NDArray[np.int16]:
    """The WAV file's samples (T,) at CALL_HZ, mono. Any rate, channels and sample format will do.

    Raises NotAudio where the file is missing, is no WAV file, or has no samples.
    """
    try:
        with av.open(str(path), format="wav") as file:
            to_call = av.AudioResampler("s16", "mono", CALL_HZ)
            decoded = [to_call.resample(frame) for frame in file.decode(audio=0)]
            pieces = [
                piece.to_ndarray()[0] for frames in [*decoded, to_call.resample(None)] for piece in frames
            ]
    except FileNotFoundError:
        raise NotAudio(f"{path}: there is no such file") from None
    except (av.error.FFmpegError, IndexError):  # FFmpegError is an OSError for a file that may not be read
        raise NotAudio(f"{path}: not a WAV file that can be read") from None
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
    if not len(samples):
        raise NotAudio(f"{path}: no samples in it")
    return samples.astype(np.int16)


class CallClock:
    """Time as samples since the first one was spoken. The event loop's clock drives it: it never drifts.

    Sample n is spoken at n / CALL_HZ seconds, so a frame leaves when its last sample has been spoken, as
    with a microphone.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._began_s: float | None = None
        self.worst_lateness_samples = 0

    def now(self) -> int:
        """The sample being spoken now; 0 before the clock runs."""
        if self._began_s is None:
            return 0
        return int((self._loop.time() - self._began_s) * CALL_HZ)

    async def until(self, position: int) -> None:
        """Sleep until `position` has been spoken; the first call starts the clock. Cancelling is safe."""
        if self._began_s is None:
            self._began_s = self._loop.time()
        await asyncio.sleep(max(0.0, self._began_s + position / CALL_HZ - self._loop.time()))
        self.worst_lateness_samples = max(self.worst_lateness_samples, self.now() - position)


class Microphone(MediaStreamTrack):
    """The caller's track: silence, except where it was told to speak. What it sends is on `tape`.

    Frames leave at the clock's pace. One that is late (this process was busy) is followed at once by the
    next, so that the track keeps the time of the clock; `CallClock.worst_lateness_samples` says how late.
    """

    kind = "audio"

    def __init__(self, clock: CallClock, tape: Tape, on_sent: Callable[[], None]) -> None:
        super().__init__()
        self._clock = clock
        self._tape = tape
        self._on_sent = on_sent
        self._sent = 0
        self._speech = np.zeros(0, np.int16)

    @property
    def speaking(self) -> bool:
        """Whether part of the speech is still to be sent."""
        return len(self._speech) > 0

    def speak(self, samples: NDArray[np.int16]) -> int:
        """Send `samples` (T,) from the next frame on; returns the position of the first."""
        self._speech = samples
        return self._sent

    async def recv(self) -> av.AudioFrame:
        """The next 20 ms, when they have been spoken."""
        if self.readyState != "live":
            raise MediaStreamError
        start = self._sent
        await self._clock.until(start + FRAME_SAMPLES)
        piece, self._speech = self._speech[:FRAME_SAMPLES], self._speech[FRAME_SAMPLES:]
        frame = np.zeros(FRAME_SAMPLES, np.int16)
        frame[: len(piece)] = piece
        if len(piece):
            self._tape.put(start, frame)
        self._sent += FRAME_SAMPLES
        self._on_sent()
        return _audio_frame(frame, start)


def _audio_frame(samples: NDArray[np.int16], position: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate = CALL_HZ
    frame.time_base = Fraction(1, CALL_HZ)
    frame.pts = position
    return frame
