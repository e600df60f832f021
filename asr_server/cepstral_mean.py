"""What is subtracted from a caller's cepstra before they are decoded: a mean, told from loud frames. Pure.

A microphone and a room add the same to all of somebody's cepstra, and a mean takes it out again. But the mean
of an utterance also says how long its pauses were, and how loud the noise in them was. So what is learnt of a
caller is how far their loud frames lie from other people's.
"""

import numpy as np

from asr_server.cepstra import CEPSTRA, Array

START = "41.49,-3.87,2.85,14.73,-1.61,-1.34,2.17,-5.08,-1.06,-1.78,3.74,0.51,1.87"
"""What a caller starts with: the average over flite's slt, rms, awb and kal16, with short pauses. With
PocketSphinx's 40,3,-1,0 ... the word error rate of first sentences was 5.0 % instead of 2.5 %."""
LOUD_OVER_MEAN = np.array(
    [21.83, 13.49, 1.06, 14.03, -4.08, -2.44, -0.46, -5.94, -1.81, -3.25, 3.49, 1.87, 0.65], np.float32
)
"""How far the mean of their loud frames lies from that."""
LOUD_RANGE = 22.0
"""A loud frame's first cepstrum lies no further below the loudest frame's: 19 dB."""
KNOWN_FRAMES = 500
"""How many frames the mean is worth that an utterance begins with; as in PocketSphinx."""


class CepstralMean:
    """The mean that an utterance begins with, and what its frames change about it."""

    def __init__(self, text: str) -> None:
        """`text` is as `text()` returns it: numbers with commas between. Raises ValueError for others."""
        self._known = np.array(text.split(","), np.float32)
        if len(self._known) != CEPSTRA:
            raise ValueError(f"a cepstral mean has {CEPSTRA} numbers, not {len(self._known)}")
        self._frames = [np.zeros((0, CEPSTRA), np.float32)]

    def push(self, frames: Array) -> None:
        """(L, CEPSTRA) of the utterance."""
        self._frames.append(frames)

    def text(self) -> str:
        """The mean that the caller's next utterance begins with."""
        frames = np.concatenate(self._frames)
        loud = frames[frames[:, 0] > frames[:, 0].max(initial=0) - LOUD_RANGE]
        total = KNOWN_FRAMES * self._known + (loud - LOUD_OVER_MEAN).sum(axis=0)
        return ",".join(f"{value:.3f}" for value in total / (KNOWN_FRAMES + len(loud)))
