"""From PCM16 to what PocketSphinx decodes, as its own front end does it; open in the middle, for a denoiser.

    PCM16 ──► frames of 25.6 ms, one per 10 ms ──► log energy of 25 mel bands ──► 13 cepstra

Sizes and constants are those of the US English model (feat.params): a recording's cepstra differ from
PocketSphinx's by less than 0.02.
"""

import math

import numpy as np
from numpy.typing import NDArray

from asr_server.protocol import SAMPLE_RATE_HZ

Array = NDArray[np.float32]

FRAME_SAMPLES = 410
HOP_SAMPLES = SAMPLE_RATE_HZ // 100
BANDS = 25
CEPSTRA = 13
FFT_SAMPLES = 512
LOWEST_HZ, HIGHEST_HZ = 130.0, 6_800.0
PRE_EMPHASIS = 0.97
LIFTER = 22
FLOOR = 1e-4
"""Of a band's energy, before the logarithm."""


def _mel_bands() -> Array:
    """(FFT_SAMPLES / 2 + 1, BANDS): triangles of unit area, their corners moved to the nearest bin."""
    lowest, highest = (2595 * math.log10(1 + hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    mels: NDArray[np.float64] = np.linspace(lowest, highest, BANDS + 2)
    bin_hz = SAMPLE_RATE_HZ / FFT_SAMPLES
    corners = np.floor(700 * (10 ** (mels / 2595) - 1) / bin_hz + 0.5) * bin_hz
    bins = (np.arange(FFT_SAMPLES // 2 + 1) * bin_hz)[:, None]
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    rise, fall = (bins - low) / (middle - low), (high - bins) / (high - middle)
    return (np.maximum(0, np.minimum(rise, fall)) * 2 / (high - low)).astype(np.float32)


def _cosines() -> Array:
    """(BANDS, CEPSTRA): the cosine transform, and the lifter that evens out its values."""
    order = np.arange(CEPSTRA)
    angles = np.pi * (np.arange(BANDS)[:, None] + 0.5) * order / BANDS
    scale = np.sqrt(np.minimum(order + 1, 2) / BANDS)
    return (np.cos(angles) * scale * (1 + LIFTER / 2 * np.sin(np.pi * order / LIFTER))).astype(np.float32)


_WINDOW = np.hamming(FRAME_SAMPLES).astype(np.float32)
_MEL_BANDS = _mel_bands()
COSINES = _cosines()


def cepstra(log_mel: Array) -> Array:
    """(L, BANDS) -> (L, CEPSTRA)."""
    return log_mel @ COSINES


class LogMel:
    """Cuts an utterance into frames, whatever the pieces it comes in."""

    def __init__(self) -> None:
        self._before = np.zeros(1, np.float32)  # the last sample, for the pre-emphasis
        self._pending = np.zeros(0, np.float32)

    def push(self, pcm: Array) -> Array:
        """(T,) in the range of PCM16 -> (L, BANDS): the frames that are full now."""
        signal = np.concatenate([self._before, pcm])
        self._before = signal[-1:]
        self._pending = np.concatenate([self._pending, signal[1:] - np.float32(PRE_EMPHASIS) * signal[:-1]])
        count = max(0, (len(self._pending) - FRAME_SAMPLES) // HOP_SAMPLES + 1)
        if not count:
            return np.zeros((0, BANDS), np.float32)
        starts = HOP_SAMPLES * np.arange(count)[:, None]
        frames = self._pending[starts + np.arange(FRAME_SAMPLES)] * _WINDOW
        self._pending = self._pending[HOP_SAMPLES * count :]
        spectrum = np.fft.rfft(frames, FFT_SAMPLES)
        energy = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        return np.log(np.maximum(energy @ _MEL_BANDS, np.float32(FLOOR)))
