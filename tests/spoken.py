"""Recorded speech with pauses in it."""

import numpy as np
from numpy.typing import NDArray

from agent.recording import find_speech

MARGIN_MS = 50
"""A soft consonant lies before where speech is found to begin, and after where it is found to end."""


def with_pause(
    before: NDArray[np.int16], pause_s: float, after: NDArray[np.int16], rate_hz: int
) -> NDArray[np.int16]:
    """Two pieces of speech (T,) with just this much silence in between: flite leaves 0.2 s on either side."""
    margin = rate_hz * MARGIN_MS // 1000
    end = find_speech(before, rate_hz)[-1].end + margin
    start = max(0, find_speech(after, rate_hz)[0].start - margin)
    pause = np.zeros(int(pause_s * rate_hz) - 2 * margin, np.int16)
    return np.concatenate([before[:end], pause, after[start:]])
