"""Sound that says which word it is: what was heard is read from the samples, not from anybody's word.

A word is a square wave whose positive and negative halves have lengths of their own, which is its number.
It is the same at any loudness, and in any piece of some ms. Not for codecs and resampling, which leave no
edges; the pipeline's own way has neither.
"""

import numpy as np
from numpy.typing import NDArray

LEAST, SPREAD = 4, 40
"""Half waves of 4 to 43 samples: 1,600 words."""
LOUDNESS = 8_000


class Vocabulary:
    """The words of a conversation, by number."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._numbers: dict[str, int] = {}

    def say(self, word: str, samples: int) -> bytes:
        """A word as PCM16 mono of that length. Raises ValueError for too many words."""
        if word not in self._numbers:
            if len(self._words) >= SPREAD**2:
                raise ValueError(f"no more than {SPREAD**2} words")
            self._numbers[word] = len(self._words)
            self._words.append(word)
        high, low = divmod(self._numbers[word], SPREAD)
        period = np.repeat(np.array([LOUDNESS, -LOUDNESS], "<i2"), [LEAST + high, LEAST + low])
        return np.resize(period, samples).tobytes()

    def hear(self, pcm: bytes) -> list[str]:
        """The words in a piece of sound, in order; pieces of less than two whole waves are not heard."""
        numbers = [number for number in _waves(np.frombuffer(pcm, "<i2")) if number < len(self._words)]
        return [self._words[number] for number in dict.fromkeys(numbers)]


def is_silent(pcm: bytes) -> bool:
    """Whether there is no sound at all."""
    return not np.any(np.frombuffer(pcm, "<i2"))


def _waves(samples: NDArray[np.int16]) -> list[int]:
    """The number of each wave that comes twice, from edge to edge."""
    signs = np.sign(samples)
    edges = np.flatnonzero(np.diff(signs)) + 1
    runs = [(int(signs[start]), int(end - start)) for start, end in zip(edges, edges[1:], strict=False)]
    waves = [
        (length - LEAST) * SPREAD + following - LEAST
        for (sign, length), (_, following) in zip(runs, runs[1:], strict=False)
        if sign > 0 and LEAST <= length < LEAST + SPREAD and LEAST <= following < LEAST + SPREAD
    ]
    return [wave for wave, following in zip(waves, waves[1:], strict=False) if wave == following]
