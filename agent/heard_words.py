"""Where in its audio each word of a speech counts as heard. Pure.

    audio     ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
    words     ten        past       four
    marks         │ ten      │ past     │ four

Pipecat hands a word on by the wall clock, counted from when the speech's first audio went into a queue. Here
words stand between the samples, and come out of that queue when the samples before them have left: an
interruption that empties the queue takes exactly the words with it that were not heard. A word counts once
`HEARD_MS` of it were played, about half of one; later by what a client throws away when it is interrupted.
"""

from collections import deque
from collections.abc import Iterator

SAMPLE_BYTES = 2
HEARD_MS = 150
"""Half a word: espeak-ng and Magpie take 250 to 350 ms for one."""


class HeardWords:
    """Takes one speech's words and audio as the TTS server sends them."""

    def __init__(self, rate_hz: int, unheard_ms: int) -> None:
        """`unheard_ms` of what was sent are not heard at an interruption."""
        self._delay_samples = rate_hz * (HEARD_MS + unheard_ms) // 1000
        # At most the words of one speech.
        self._waiting: deque[tuple[str, int]] = deque()
        self._samples = 0

    def push_words(self, words: tuple[tuple[str, int], ...]) -> None:
        """Words, each with the sample of the speech at which it begins; in order."""
        self._waiting.extend((word, start + self._delay_samples) for word, start in words)

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
