"""The seam between the server and a model that speaks.

    stream = synthesizer.open(wish, emit)      once a speech
    stream.begin(segment)                      whenever it is not speaking
    synthesizer.step([stream, ...])            until none is: each step emits what it made

A model that speaks for several callers at once is stepped with several streams, up to `batch`; one that
cannot (`batch` = 1) may speak a whole segment in a step, and emits while it does. Everything but the
properties belongs to the device thread.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tts_server.protocol import Preset
from tts_server.spoken_text import Segment

Pcm = NDArray[np.int16]
"""Samples (T,) int16, mono, at the synthesizer's own rate."""


class Voice(NamedTuple):
    """A voice by the name that clients use, and the language it speaks (a BCP 47 tag)."""

    name: str
    language: str


@dataclass(frozen=True)
class Wish:
    """How a speech shall sound. `pace` is a factor: 2 is twice as fast as the server's own pace."""

    voice: str
    preset: Preset = "lowest_latency"
    pace: float = 1.0


class TimedWord(NamedTuple):
    """A word as the client gave it, and the sample at which it begins."""

    word: str
    start_sample: int


@dataclass(frozen=True)
class Piece:
    """Some audio of a segment, in order, and the words that begin in it or soon after.

    Words count samples from the start of their segment. `last` ends the segment.
    """

    pcm: Pcm = field(default_factory=lambda: np.zeros(0, np.int16))
    words: tuple[TimedWord, ...] = ()
    last: bool = False


Emit = Callable[[Piece], bool]
"""Takes a piece, never waits; False where nobody wants the speech any more, and the step may stop."""


class Stream(Protocol):
    """What the model remembers of one speech."""

    @property
    def speaking(self) -> bool:
        """Whether a segment is begun and its last piece is not emitted."""
        ...

    def begin(self, segment: Segment) -> None:
        """Take the next segment. Only where the stream is not speaking."""
        ...


class Synthesizer(Protocol):
    """A model that speaks. What it raises ends the speeches that it was stepped for."""

    @property
    def model(self) -> str:
        """The model's name, for clients."""
        ...

    @property
    def voices(self) -> Mapping[str, Voice]:
        """What clients may ask for, by name."""
        ...

    @property
    def default_voice(self) -> str:
        """The name of the voice for those who ask for none."""
        ...

    @property
    def sample_rate_hz(self) -> int:
        """The rate of what it emits."""
        ...

    @property
    def batch(self) -> int:
        """How many streams one step takes at most."""
        ...

    def load(self) -> None:
        """Bring the model up and warm it."""
        ...

    def open(self, wish: Wish, emit: Emit) -> Stream:
        """A stream for one speech; `wish.voice` is one of `voices`."""
        ...

    def step(self, streams: Sequence[Stream]) -> None:
        """Advance 1 to `batch` streams, all of them speaking and opened here."""
        ...
