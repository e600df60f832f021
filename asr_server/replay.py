"""Make a stream that can be finished and gone on with from a decoder that can only be ended. Pure.

    Finish          the decoder is ended: its text is the answer
    Chunk, Chunk    only kept, for `hold_chunks`: mostly a Begin comes now, and a replay would be for nothing
    Chunk           the utterance goes on: a new decoder utterance hears all of it again, a chunk a step
    Begin           all is forgotten but the mean

The replay starts with the cepstral mean that the utterance began with, and on the same grid of chunks, so
the decoder does what it would have done without a Finish. Only the audio of the current segment is kept:
a long utterance is cut into segments, in a pause if there is one, and the words before the cut are settled.

While nothing is said the stream sleeps: the words so far are settled, the decoder is ended, and of the audio
only a lead-in is kept, which the next loud chunk is decoded with. Silence costs nothing, and it does not move
the cepstral mean, which a few seconds of it would.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from asr_server.recognizer import Begin, Chunk, Finish, GoOn, Heard, Work

QUIET_RMS = 30.0
"""-61 dB of full scale: silence whatever the noise."""
QUIET_OVER_NOISE = 2.0
"""6 dB above the quietest chunk still counts as noise: speech at 10 dB over its noise is louder."""


class Piece(NamedTuple):
    """A chunk that is kept."""

    pcm: bytes
    level: float


class Spoken(NamedTuple):
    """A word, or a pause where `word` is empty, by its chunks since the segment began (not whole numbers)."""

    word: str
    begin_chunk: float
    end_chunk: float


class Decoder(Protocol):
    """What can be done with a decoder that cannot be copied. Equal calls must give equal texts."""

    def start(self, mean: str) -> None:
        """Begin a decoder utterance with this cepstral mean."""
        ...

    def feed(self, pcm: bytes) -> None:
        """Decode a piece of PCM16."""
        ...

    def text(self) -> str:
        """The words so far; after the end, the final ones, which may take as long as a step."""
        ...

    def spoken(self) -> list[Spoken]:
        """The same words with their places, and the pauses between them; before the end."""
        ...

    def end(self) -> None:
        """End the utterance."""
        ...

    def mean(self) -> str:
        """The cepstral mean after the last end."""
        ...

    def confidence(self) -> float | None:
        """How sure it is of the words, from 0 to 1, after the end; None where it cannot tell."""
        ...


@dataclass(frozen=True)
class Limits:
    """How long to hold, and how much to keep, in chunks."""

    hold_chunks: int
    replay_chunks: int
    quiet_chunks: int
    """How much silence sends the stream to sleep ..."""
    lead_in_chunks: int
    """... and how much is kept of it: enough for the soft beginning of a word."""


def level(pcm: bytes) -> float:
    """Root mean square of PCM16, 0 to 32,768."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float32)
    return float(np.sqrt(np.mean(samples * samples)))


def loudest_quiet(levels: Sequence[float]) -> float:
    """The level up to which a chunk is silence, where these are the levels of those before."""
    return max(QUIET_RMS, QUIET_OVER_NOISE * min(levels))


def choose_cut(spoken: Sequence[Spoken], chunks: int) -> int:
    """Where to cut a segment of so many chunks: 1 <= cut <= chunks; the audio from there is heard again.

    In the middle of the longest pause of its second half that is longer than a chunk; else before its
    last word; where there is no word either, at its end.
    """
    late = [each for each in spoken if each.begin_chunk >= chunks / 2]
    pauses = [each for each in late if not each.word and each.end_chunk - each.begin_chunk > 1]
    if pauses:
        longest = max(pauses, key=lambda each: each.end_chunk - each.begin_chunk)
        return max(1, int((longest.begin_chunk + longest.end_chunk) / 2))
    words = [each for each in late if each.word]
    return max(1, int(words[-1].begin_chunk)) if words else chunks


def words_before(spoken: Sequence[Spoken], cut: int) -> str:
    """The words whose middle lies before the cut."""
    return " ".join(
        each.word for each in spoken if each.word and (each.begin_chunk + each.end_chunk) / 2 < cut
    )


class Words(NamedTuple):
    """Words that were heard, and how sure the decoder is of them, where it can tell."""

    text: str = ""
    confidence: float | None = None

    def then(self, later: "Words") -> "Words":
        """Both; as sure as the less sure of them that can tell."""
        known = [each.confidence for each in (self, later) if each.confidence is not None]
        return Words(f"{self.text} {later.text}".strip(), min(known, default=None))


class ReplayedStream:
    """One caller's stream over one decoder. Owned by the device thread."""

    def __init__(self, decoder: Decoder, limits: Limits, mean: str) -> None:
        self._decoder = decoder
        self._limits = limits
        self._next_mean = mean  # what the next utterance starts with
        self._running = False  # between the decoder's start and its end
        self._begin()

    def step(self, work: Work) -> Heard:
        """Do one chunk's worth of the work; `done` is false while a replay is behind."""
        match work:
            case Begin():
                self._stop()
                self._begin()
                return Heard("")
            case Chunk(pcm):
                self._audio.append(Piece(pcm, level(pcm)))
                self._tail = None
                if self._wakes_above is not None:
                    self._doze()
            case Finish(tail):
                self._tail = tail
            case GoOn():
                pass
        return self._advance()

    def close(self) -> None:
        """End what the decoder is at, so that another stream can have it."""
        self._stop()

    def _begin(self) -> None:
        self._mean = self._next_mean
        self._settled = Words()
        self._audio: list[Piece] = []  # of the segment, at most `replay_chunks` and what came while held
        self._fed = 0  # chunks that the decoder has heard
        self._words = Words()  # of the utterance so far
        self._wakes_above: float | None = None  # a level, while asleep
        self._tail: bytes | None = None
        self._answered: tuple[int, bytes] | None = None  # what the last Finish ended: chunks, tail

    def _advance(self) -> Heard:
        if self._sleeps_on():
            self._words = self._settled
            return self._heard()
        if self._holding():
            return self._heard()
        if not self._running:
            self._start()
        if self._fed < len(self._audio):
            self._feed()
        if self._fed < len(self._audio):
            return Heard(self._words.text, done=False)
        if self._tail is not None:
            self._finish(self._tail)
        return self._heard()

    def _heard(self) -> Heard:
        return Heard(self._words.text, confidence=self._words.confidence)

    def _holding(self) -> bool:
        """Whether the last answer still stands: nothing new to finish, or little enough to wait."""
        if self._answered is None or self._running:
            return False
        if self._tail is not None:
            return self._answered == (len(self._audio), self._tail)
        return len(self._audio) - self._answered[0] <= self._limits.hold_chunks

    def _start(self) -> None:
        self._decoder.start(self._mean)
        self._running = True
        self._fed = 0

    def _stop(self) -> None:
        if self._running:
            self._decoder.end()
            self._running = False

    def _feed(self) -> None:
        self._decoder.feed(self._audio[self._fed].pcm)
        self._fed += 1
        if self._fed >= self._limits.replay_chunks:
            self._settle()
        elif self._is_quiet():
            self._fall_asleep()
        elif self._fed == len(self._audio):
            self._words = self._settled.then(Words(self._decoder.text()))

    def _is_quiet(self) -> bool:
        if self._fed < self._limits.quiet_chunks:
            return False
        levels = [piece.level for piece in self._audio[: self._fed]]
        return max(levels[-self._limits.quiet_chunks :]) <= loudest_quiet(levels)

    def _fall_asleep(self) -> None:
        levels = [piece.level for piece in self._audio[: self._fed]]
        self._wakes_above = loudest_quiet(levels)
        self._stop()
        self._settled = self._settled.then(self._ended(self._decoder.text()))
        del self._audio[: self._fed - self._limits.lead_in_chunks]
        self._doze()

    def _doze(self) -> None:
        """Forget chunks that are behind the lead-in, until one wakes the stream."""
        self._shorten(0)
        self._words = self._settled
        lead_in = self._limits.lead_in_chunks
        while self._wakes_above is not None and len(self._audio) > lead_in:
            if self._audio[lead_in].level > self._wakes_above:
                self._wakes_above = None
            else:
                del self._audio[0]

    def _sleeps_on(self) -> bool:
        """Whether there is nothing to decode, neither before the tail nor in it."""
        if self._wakes_above is None:
            return False
        return not self._tail or level(self._tail) <= self._wakes_above

    def _settle(self) -> None:
        """Fix the words up to a good place to cut, and go on behind it in a new decoder utterance."""
        spoken = self._decoder.spoken()
        cut = choose_cut(spoken, self._fed)
        words = words_before(spoken, cut)
        self._shorten(cut)
        self._settled = self._settled.then(self._ended(words))
        if words:
            self._mean = self._decoder.mean()
        if not self._audio:
            self._words = self._settled

    def _ended(self, words: str) -> Words:
        """Words of what the decoder has just ended, which is when it knows how sure it is of them."""
        return Words(words, self._decoder.confidence() if words else None)

    def _shorten(self, dropped_chunks: int) -> None:
        """Forget the beginning of the segment; what is left is to be heard again."""
        self._stop()
        del self._audio[:dropped_chunks]
        self._fed = 0
        self._answered = None

    def _finish(self, tail: bytes) -> None:
        if not self._running:  # nothing is left of a segment that was cut at its end
            self._start()
        if tail:
            self._decoder.feed(tail)
        self._stop()
        words = self._decoder.text()
        if words:
            self._next_mean = self._decoder.mean()
        self._words = self._settled.then(self._ended(words))
        self._answered = (len(self._audio), tail)
