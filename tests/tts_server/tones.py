"""A second engine behind the seam: every word a tone; the same text gives the same bytes, four speak at once.

What espeak-ng cannot show, it shows: that nothing of one speech gets into another, to the last bit, and that
a model which is stepped in batches fits.
"""

import zlib
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from tts_server.spoken_text import Segment, SpokenWord
from tts_server.synthesizer import Emit, Pcm, Piece, Stream, TimedWord, Voice, Wish

WORD_SAMPLES = 2_205
PAUSE_SAMPLES = 1_000


class ToneSynthesizer:
    model = "tones"
    voices: Mapping[str, Voice] = {"low": Voice("low", "en-US"), "high": Voice("high", "de-DE")}
    default_voice = "low"
    sample_rate_hz = 22_050

    def __init__(self, batch: int = 4) -> None:
        self.batch = batch
        self.steps: deque[list[ToneStream]] = deque(maxlen=2_000)  # a stream keeps its speech alive

    def load(self) -> None:
        pass

    def open(self, wish: Wish, emit: Emit) -> "ToneStream":
        return ToneStream(wish, emit)

    def step(self, streams: Sequence[Stream]) -> None:
        ours = [stream for stream in streams if isinstance(stream, ToneStream)]
        assert len(ours) == len(streams) <= self.batch
        assert len(set(map(id, ours))) == len(ours)
        self.steps.append(ours)
        for stream in ours:
            stream.say_next_word()


class ToneStream:
    def __init__(self, wish: Wish, emit: Emit) -> None:
        self._wish = wish
        self._emit = emit
        self._left: list[SpokenWord] = []
        self._sample = 0

    @property
    def speaking(self) -> bool:
        return bool(self._left)

    def begin(self, segment: Segment) -> None:
        assert not self._left
        self._left = list(segment.words)
        self._sample = 0

    def say_next_word(self) -> None:
        word = self._left.pop(0)
        if "break" in word.spoken:
            self._left = []
            raise ValueError("this word breaks the model")
        pcm = tone(word.spoken, self._wish.voice, last=not self._left)
        self._emit(Piece(pcm, (TimedWord(word.given, self._sample),), last=not self._left))
        self._sample += len(pcm)


def tone(word: str, voice: str, *, last: bool) -> Pcm:
    """A tone whose pitch is the word's, and silence after the last word of a segment."""
    cycles = 20 + zlib.crc32((voice + word).encode()) % 200
    wave = 9_000 * np.sin(2 * np.pi * cycles * np.arange(1, WORD_SAMPLES + 1) / WORD_SAMPLES)
    return np.pad(wave.astype(np.int16), (0, PAUSE_SAMPLES if last else 0))
