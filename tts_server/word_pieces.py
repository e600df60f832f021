"""Cut a segment's audio at its words, as a model that marks words in passing delivers it. Pure.

    audio     ████████ ████████ ████████ ████
    marks      one  of(the) best
    pieces    ─one──┤─of the──┤─best─────────┤ last

A model may say two words as one ("of the", "I am") and mark only the first, so what lies between two
marks is given out when the second is known: then every word has its time before its audio leaves. That
holds back one word, which here is half a millisecond of work.
"""

from bisect import bisect_right

import numpy as np

from tts_server.spoken_text import Segment
from tts_server.synthesizer import Pcm, Piece, TimedWord

SILENT = 8
"""The largest sample value that counts as silence: 72 dB below full scale."""


class WordPieces:
    """Takes audio and marks of one segment in order; gives out pieces with the words that begin there."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._word = 0
        self._start_sample: int = 0
        self._held: list[Pcm] = []
        self._held_sample = 0
        self._samples = 0

    def push(self, pcm: Pcm) -> None:
        """Take the next audio."""
        self._held.append(pcm)
        self._samples += len(pcm)

    def mark(self, position: int, sample: int) -> Piece | None:
        """Take note that the text from `position` on (counted from 0) is said from `sample` on.

        Gives out the audio before it, or nothing where the mark is in a word that has begun already. A mark
        beyond the audio that is here counts as at its end.
        """
        word = bisect_right(self._segment.starts, position) - 1
        if word <= self._word:
            return None
        sample = max(min(sample, self._samples), self._start_sample)
        words = self._timed(word, sample)
        self._word, self._start_sample = word, sample
        return Piece(self._take(sample), words)

    def flush(self) -> Piece:
        """The end of the segment: what is left."""
        pcm = np.concatenate(self._held) if self._held else np.zeros(0, np.int16)
        loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > SILENT)
        audible_end = self._held_sample + (int(loud[-1]) + 1 if len(loud) else 0)
        words = self._timed(len(self._segment.words), max(audible_end, self._start_sample))
        return Piece(pcm, words, last=True)

    def _take(self, sample: int) -> Pcm:
        pcm = np.concatenate(self._held) if self._held else np.zeros(0, np.int16)
        cut = min(max(sample - self._held_sample, 0), len(pcm))
        self._held = [pcm[cut:]]
        self._held_sample += cut
        return pcm[:cut]

    def _timed(self, end_word: int, end_sample: int) -> tuple[TimedWord, ...]:
        """The words from the one that is being said up to another, by their share of the characters."""
        words = self._segment.words[self._word : end_word]
        total = sum(len(word.spoken) for word in words)
        timed: list[TimedWord] = []
        said = 0
        for word in words:
            sample = self._start_sample + (end_sample - self._start_sample) * said // total
            said += len(word.spoken)
            if word.given:
                timed.append(TimedWord(word.given, sample))
        return tuple(timed)
