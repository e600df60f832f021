"""Make speech slower without lowering its pitch. Pure.

Overlap-add of windows that are read at a slower pace than they are written; each is moved a little, to
where it resembles most what would have followed the window before it (WSOLA: Verhelst and Roelands,
ICASSP 1993). Needed only where a model cannot speak as slowly as asked.
"""

import numpy as np
from numpy.typing import NDArray

WINDOW_MS = 30
SEARCH_MS = 8
"""A period of a voice of 125 Hz: enough to line up two windows."""


def stretch(pcm: NDArray[np.int16], factor: float, rate_hz: int) -> NDArray[np.int16]:
    """Speech (T,) int16 -> (about T * factor,) int16, for a factor of at least 1."""
    window_samples = rate_hz * WINDOW_MS // 1000 // 2 * 2
    hop, reach = window_samples // 2, rate_hz * SEARCH_MS // 1000
    if factor <= 1 or len(pcm) < 2 * window_samples:
        return pcm
    steps = int(len(pcm) * factor) // hop
    source = np.pad(pcm.astype(np.float32), (reach, reach + 2 * window_samples))
    window = np.hanning(window_samples + 1)[:-1].astype(np.float32)
    out = np.zeros((steps + 1) * hop, np.float32)
    at = 0
    for step in range(steps):
        if step:
            at = _most_alike(
                source, natural=at + hop, wanted=round(step * hop / factor), reach=reach, size=hop
            )
        out[step * hop : step * hop + window_samples] += (
            window * source[at + reach : at + reach + window_samples]
        )
    out[:hop] += (1 - window[:hop]) * source[reach : reach + hop]  # nothing overlaps the first half window
    return np.clip(np.rint(out), -32_768, 32_767).astype(np.int16)


def _most_alike(source: NDArray[np.float32], natural: int, wanted: int, reach: int, size: int) -> int:
    """Where within `reach` of `wanted` the signal is most like what follows naturally.

    Positions count from the start of the speech; `source` begins `reach` samples before it.
    """
    target = source[natural + reach : natural + reach + size]
    if not target.any():
        return wanted
    around = source[wanted : wanted + size + 2 * reach]
    likeness = np.correlate(around, target, "valid")
    energy = np.convolve(np.square(around), np.ones(size, np.float32), "valid")
    return wanted - reach + int(np.argmax(likeness / np.sqrt(np.maximum(energy, 1.0))))
