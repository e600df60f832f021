"""Where in its audio each word of a speech counts as heard. Pure.

    audio     ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
    words     ten        past       four
    marks         │ ten      │ past     │ four

Pipecat hands a word on by the wall clock, counted from when the speech's first audio went into a queue. Here
words stand between the samples, and come out of that queue when the samples before them have left: an
interruption that empties the queue takes exactly the words with it that were not heard. A word counts once
about half of it was played; later by what a client throws away when it is interrupted.
"""

from collections import deque
from collections.abc import Iterator

SAMPLE_BYTES = 2
HALF_WORD_MS, HALF_LETTER_MS, HALF_MS = 46, 27, 250
"""espeak-ng takes 52 ms for a word and 53 more for each letter of it (135 words at its usual pace), half of
which is 26 and 27; and Pipecat lets a word overtake what has not filled a chunk of 20 ms. What takes longer
than 500 ms ends in a pause. With these, memory is 0.07 words too long on average (the test's thousand)."""


def half_ms(word: str) -> int:
    """About half of what a word lasts: its end is not known when its audio must go on."""
    letters = sum(character.isalnum() for character in word)
    return min(HALF_WORD_MS + HALF_LETTER_MS * letters, HALF_MS)


class HeardWords:
    """Takes one speech's words and audio as the TTS server sends them."""

    def __init__(self, rate_hz: int, unheard_ms: int) -> None:
        """`unheard_ms` of what was sent are not heard at an interruption."""
        self._rate_hz = rate_hz
        self._unheard_ms = unheard_ms
        # At most the words of one speech.
        self._waiting: deque[tuple[str, int]] = deque()
        self._samples = 0

    @property
    def begun(self) -> bool:
        """Whether any audio has come."""
        return self._samples > 0

    def push_words(self, words: tuple[tuple[str, int], ...]) -> None:
        """Words, each with the sample of the speech at which it begins; in order."""
        for word, start in words:
            later_ms = half_ms(word) + self._unheard_ms
            self._waiting.append((word, start + self._rate_hz * later_ms // 1000))

    def push_audio(self, pcm: bytes) -> Iterator[bytes | tuple[str, int]]:
        """The next audio (PCM16), cut where words are heard: audio, (word, sample), audio ..."""
        end = self._samples + len(pcm) // SAMPLE_BYTES
        while self._waiting and self._waiting[0][1] < end:
            word = self._waiting.popleft()
            cut = max(0, word[1] - self._samples) * SAMPLE_BYTES
            if cut:
                yield pcm[:cut]
            pcm = pcm[cut:]
            self._samples += cut // SAMPLE_BYTES
            yield word
        self._samples = end
        if pcm:
            yield pcm

    def flush(self) -> Iterator[tuple[str, int]]:
        """The speech is over: words that would count after its end."""
        while self._waiting:
            yield self._waiting.popleft()
