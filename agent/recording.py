"""Find speech in recorded samples, and put received audio where a listener would have heard it.

    caller  ▁▁▂▇▆▇▅▂▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
    agent   ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▃▇▆▇▇▅▂▁
                    └── gap ──┘

Pure: no clock and no socket. Samples are float32 in [-1, 1] or int16; all positions are samples.
"""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32] | NDArray[np.int16]

WINDOW_MS = 5
"""One period of a low voice: shorter windows see single pulses instead of a level."""
HOP_MS = 1

QUIET_RATIO = 0.03
"""30 dB below the loudest 5 ms. On flite's voices this is within some 10 ms of where the last sample
over 2 % of the peak lies, and it stays above the noise floor that those voices carry."""
NOISE_RATIO = 3.0
"""White noise stays below 1.4 times its mean level in 5 ms windows; three times leaves room."""
LOUDEST_NOISE_RATIO = 0.25
"""Where a signal never rests, its quietest tenth is speech and says nothing about noise."""
ABSOLUTE_QUIET = 0.001
"""-60 dB of full scale: what a codec leaves of digital silence is below it."""
PEAK_RATIO = 3.0
"""A stretch counts as speech where it rises this far above the quiet level; clicks and hiss do not."""

CLICK_MS = 30
"""A stretch of speech shorter than this is a click."""
BLIP_MS = 8
"""Loud for less than this is noise; a consonant that ends a word (awb's "it") is loud for 20 ms."""
FLUTTER_MS = 20
"""Dips shorter than this do not end a stretch: the closure of a stop consonant, two pitch periods."""


@dataclass(frozen=True)
class Span:
    """Where speech begins and ends, in samples; `end` is the first sample after it."""

    start: int
    end: int


def find_speech(samples: Samples, rate_hz: int, pause_ms: int = 200) -> list[Span]:
    """The stretches of speech in `samples` (T,), in order; pauses up to `pause_ms` are inside one.

    Edges are where the level (root mean square of 5 ms) crosses the quiet level: 30 dB below the loudest
    5 ms, or three times the noise where that is more. Known gaps are found within 10 ms (tests).
    """
    level, hop = _level(_as_float(samples), rate_hz)
    if not len(level):
        return []
    loudest = float(level.max())
    noise = min(NOISE_RATIO * float(np.percentile(level, 10)), LOUDEST_NOISE_RATIO * loudest)
    quiet = max(ABSOLUTE_QUIET, QUIET_RATIO * loudest, noise)
    loud = _runs(np.flatnonzero(level > quiet), FLUTTER_MS // HOP_MS)
    stretches = _joined([run for run in loud if run[1] - run[0] >= BLIP_MS // HOP_MS], pause_ms)
    return [
        Span(start * hop, min(end * hop, len(samples)))
        for start, end in stretches
        if end - start >= CLICK_MS // HOP_MS and level[start:end].max() > PEAK_RATIO * quiet
    ]


def speech_end(samples: Samples, rate_hz: int) -> int | None:
    """The first sample after the last speech, or None where nobody speaks."""
    spans = find_speech(samples, rate_hz)
    return spans[-1].end if spans else None


def next_speech(spans: list[Span], after: int) -> Span | None:
    """The first of `spans` that starts at or after a position."""
    return next((span for span in spans if span.start >= after), None)


def speech_at(spans: list[Span], position: int) -> Span | None:
    """The one of `spans` that covers a position."""
    return next((span for span in spans if span.start <= position < span.end), None)


class Playout:
    """Place received frames on the call's clock, where a listener who holds back `delay` samples hears them.

    A frame of sound after silence plays `delay` after it arrives; one after sound plays when its predecessor
    ends (by the sender's timestamps, so lost frames leave silence), or when it arrives, if that is later: an
    underrun, which a listener hears as a stutter. Silence needs no place, so a delay that has built up is
    gone with the next pause, as in a real receiver.

    Error: a frame's arrival is stamped when this process gets to it, so an onset may be placed late by
    as much as the process was late, and never early. Lateness inside a stretch moves nothing.
    """

    SILENT = 33
    """int16; -60 dB of full scale. Codecs leave a few units of digital silence."""

    def __init__(self, delay: int = 0) -> None:
        self._delay = delay
        self._end = 0  # where the last frame of sound ended, on the call's clock
        self._end_timestamp: int | None = None  # the same on the sender's clock; None after silence
        self.worst_underrun_samples = 0

    def place(self, arrival: int, timestamp: int, samples: NDArray[np.int16]) -> int | None:
        """Where `samples` (T,) begin, given when they arrived and the sender's timestamp, all in samples.

        None for silence, which needs no place.
        """
        if not len(samples) or int(np.abs(samples.astype(np.int32)).max()) < self.SILENT:
            self._end_timestamp = None
            return None
        if self._end_timestamp is None:
            position = max(arrival + self._delay, self._end)
        else:
            due = self._end + timestamp - self._end_timestamp
            self.worst_underrun_samples = max(self.worst_underrun_samples, arrival - due)
            position = max(arrival, due)
        self._end = position + len(samples)
        self._end_timestamp = timestamp + len(samples)
        return position


class Tape:
    """One channel of a recording: pieces at positions, silence between them. Memory grows with the call."""

    def __init__(self) -> None:
        self._pieces: list[tuple[int, NDArray[np.int16]]] = []
        self.length = 0

    def put(self, position: int, samples: NDArray[np.int16]) -> None:
        """Record `samples` (T,) at `position`; what lies before the beginning of the tape is cut off."""
        if position < 0:
            samples = samples[-position:]
            position = 0
        self._pieces.append((position, samples))
        self.length = max(self.length, position + len(samples))

    def samples(self, length: int) -> NDArray[np.int16]:
        """The first `length` samples."""
        channel = np.zeros(max(length, self.length), np.int16)
        for position, piece in self._pieces:
            channel[position : position + len(piece)] = piece
        return channel[:length]


def write_stereo(path: Path, left: NDArray[np.int16], right: NDArray[np.int16], rate_hz: int) -> None:
    """Write two channels (T,) of equal length as a PCM16 WAV file. Raises OSError where that fails."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.column_stack([left, right]).astype("<i2").tobytes())


def _as_float(samples: Samples) -> NDArray[np.float32]:
    scale = 32_768 if samples.dtype == np.int16 else 1
    return (samples / scale).astype(np.float32)


def _level(samples: NDArray[np.float32], rate_hz: int) -> tuple[NDArray[np.float64], int]:
    """(root mean square of the 5 ms around every millisecond, samples from one to the next)."""
    window, hop = rate_hz * WINDOW_MS // 1000, rate_hz * HOP_MS // 1000
    energy = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    centres = np.arange(hop // 2, len(samples), hop)
    starts = np.clip(centres - window // 2, 0, len(samples))
    ends = np.clip(centres - window // 2 + window, 0, len(samples))
    return np.sqrt((energy[ends] - energy[starts]) / (ends - starts)), hop


def _runs(loud: NDArray[np.intp], gap: int) -> list[tuple[int, int]]:
    """Runs of indices, as (start, end); indices up to `gap` apart are in one run."""
    if not len(loud):
        return []
    cuts = np.flatnonzero(np.diff(loud) > gap)
    starts = loud[np.concatenate([[0], cuts + 1])]
    ends = loud[np.concatenate([cuts, [len(loud) - 1]])] + 1
    return [(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]


def _joined(runs: list[tuple[int, int]], pause: int) -> list[tuple[int, int]]:
    """Runs whose pauses are at most `pause` long become one."""
    joined: list[tuple[int, int]] = []
    for start, end in runs:
        if joined and start - joined[-1][1] <= pause // HOP_MS:
            start = joined.pop()[0]
        joined.append((start, end))
    return joined
