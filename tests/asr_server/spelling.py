"""A decoder and a recognizer whose texts spell out exactly what they were given, piece by piece.

They stand where a test is about what an engine is fed, in which order and how often.
"""

from collections.abc import Sequence
from threading import current_thread
from zlib import crc32

from asr_server.recognizer import Heard, Work
from asr_server.replay import Limits, ReplayedStream, Spoken

CHUNK_SAMPLES = 4


class SpellingDecoder:
    """A word for each piece, none for zeros. The mean remembers every piece and the mean before."""

    def __init__(self) -> None:
        self.fed = 0
        self._words: list[str] = []
        self._mean = ""
        self.running = False

    def start(self, mean: str) -> None:
        assert not self.running
        self.running = True
        self._words = []
        self._mean = mean

    def feed(self, pcm: bytes) -> None:
        assert self.running
        assert pcm
        self.fed += 1
        self._words.append(f"{self._mean}/{pcm.hex()}" if any(pcm) else "")

    def text(self) -> str:
        return " ".join(word for word in self._words if word)

    def spoken(self) -> list[Spoken]:
        return [Spoken(word, at, at + 1) for at, word in enumerate(self._words)]

    def end(self) -> None:
        assert self.running
        self.running = False
        self._mean = f"{crc32(' '.join([self._mean, *self._words]).encode()):08x}"

    def mean(self) -> str:
        return self._mean

    def confidence(self) -> float:
        """Surer of few words than of many."""
        return 1 / (1 + len(self._words))


class SpellingRecognizer:
    """Batches of up to three; remembers who was in which, and on which thread."""

    model = "spelling"
    chunk_samples = CHUNK_SAMPLES
    max_batch = 3

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.batches: list[list[ReplayedStream]] = []
        self.threads: set[str] = set()
        self.open_streams = 0

    def load(self) -> None:
        self.threads.add(current_thread().name)

    def open(self) -> ReplayedStream:
        self.threads.add(current_thread().name)
        self.open_streams += 1
        return ReplayedStream(SpellingDecoder(), self._limits, "mean")

    def close(self, stream: ReplayedStream) -> None:
        self.threads.add(current_thread().name)
        self.open_streams -= 1
        stream.close()

    def step(self, batch: Sequence[tuple[ReplayedStream, Work]]) -> list[Heard]:
        self.threads.add(current_thread().name)
        self.batches.append([stream for stream, _ in batch])
        return [stream.step(work) for stream, work in batch]
