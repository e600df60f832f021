"""What is said in a run of scripted servers, when each of its words is over, and what everybody did about it.

The servers of `scripted_servers.py` and the caller share one `Script`: the caller says which sentence comes
now, the servers answer as the script has it and note what they did. Times are those of the event loop's
clock, which on Linux is the same in every process.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agent.recording import Span, find_speech
from tests.benchmarks.stage_times import TurnTimes

LONGEST_CLOSURE_MS = 300
"""Within a word and between two words flite is silent for less than this; a pause in a sentence is longer."""


@dataclass(frozen=True)
class Word:
    """One word, and the ms from the beginning of the sentence's speech to the word's end."""

    text: str
    end_ms: float


@dataclass(frozen=True)
class Sentence:
    """What a caller says in one turn."""

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    def between(self, begin_ms: float, end_ms: float) -> str:
        """The words that are over at `end_ms`, but were not at `begin_ms`."""
        return " ".join(word.text for word in self.words if begin_ms < word.end_ms <= end_ms)


def timed(parts: Sequence[str], audio: NDArray[np.int16], rate_hz: int) -> Sentence:
    """Where the words of `parts`, between which the speaker pauses, end in `audio` (T,).

    A part's words share its time by their letters: rough, but a Commit comes in a silence.
    """
    stretches = find_speech(audio, rate_hz, LONGEST_CLOSURE_MS)
    if len(stretches) != len(parts):
        stretches, parts = [Span(stretches[0].start, stretches[-1].end)], [" ".join(parts)]
    words: list[Word] = []
    for part, stretch in zip(parts, stretches, strict=True):
        words += _share(part, stretch, stretches[0].start, 1000 / rate_hz)
    return Sentence(tuple(words))


def _share(part: str, stretch: Span, origin: int, sample_ms: float) -> list[Word]:
    texts = [text.strip(".,?!").lower() for text in part.split()]
    ends = np.cumsum([len(text) + 1 for text in texts]) / sum(len(text) + 1 for text in texts)
    begin_ms, length_ms = (stretch.start - origin) * sample_ms, (stretch.end - stretch.start) * sample_ms
    return [Word(text, begin_ms + float(end) * length_ms) for text, end in zip(texts, ends, strict=True)]


@dataclass
class Work:
    """One thing that a server did. `end_s` is None while it goes on."""

    turn: int
    stage: str
    """asr, llm, tokens, tts or audio."""
    begin_s: float
    end_s: float | None = None
    cancelled: bool = False
    answer: int | None = None
    """Which answer of the LLM it belongs to."""
    tokens: int = 0
    audio_ms: float = 0.0

    @property
    def took_s(self) -> float:
        """0 where it has not ended."""
        return 0.0 if self.end_s is None else self.end_s - self.begin_s


@dataclass
class Script:
    """What is being said now; grows with the run."""

    greeting: TurnTimes
    turn: int = 0
    """0 is the greeting."""
    sentence: Sentence = field(default_factory=lambda: Sentence(()))
    times: TurnTimes = field(init=False)
    done: list[Work] = field(default_factory=list[Work])
    speech_heard_s: float | None = None
    """When the newest sound of this turn arrived at the ASR server."""

    def __post_init__(self) -> None:
        self.times = self.greeting

    def say(self, sentence: Sentence, times: TurnTimes) -> None:
        """The next turn begins."""
        self.turn += 1
        self.sentence, self.times = sentence, times
        self.speech_heard_s = None

    def begin(self, stage: str, answer: int | None = None) -> Work:
        """Note that work begins."""
        work = Work(self.turn, stage, now(), answer=answer)
        self.done.append(work)
        return work

    def of(self, turn: int, stage: str) -> list[Work]:
        """What was done in a turn."""
        return [work for work in self.done if work.turn == turn and work.stage == stage]


def now() -> float:
    """The event loop's clock."""
    return asyncio.get_running_loop().time()


def end(work: Work, *, cancelled: bool = False) -> None:
    """Note that work has ended, unless that is known."""
    if work.end_s is None:
        work.end_s, work.cancelled = now(), cancelled
