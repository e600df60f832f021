"""The seam between a conversation and a model.

A session hands a recognizer one piece of work at a time for its stream; the recognizer takes the
work of several streams in one step, so that a GPU can batch them. Everything here runs on the one
thread that owns the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar


@dataclass(frozen=True)
class Chunk:
    """The utterance goes on: exactly `chunk_samples` of PCM16."""

    pcm: bytes


@dataclass(frozen=True)
class Finish:
    """The text is wanted as if `tail` (PCM16, any length) ended the utterance; it may yet go on without."""

    tail: bytes


@dataclass(frozen=True)
class Begin:
    """The next Chunk is the first of a new utterance. Whatever was under way is dropped."""


@dataclass(frozen=True)
class GoOn:
    """Go on with the last work, which was not done in one step."""


Work = Chunk | Finish | Begin | GoOn


class Heard(NamedTuple):
    """The text of the utterance so far; where `done` is false it is not up to date, and wants a GoOn.

    The answer to a Finish may say how sure it is of its words, from 0 to 1.
    """

    text: str
    done: bool = True
    confidence: float | None = None


S = TypeVar("S")
"""A stream: what the model remembers of one caller. Only its recognizer looks inside."""


class Recognizer(Protocol[S]):
    """A model that transcribes several callers at once."""

    @property
    def model(self) -> str:
        """Its name, for clients."""
        ...

    @property
    def chunk_samples(self) -> int:
        """How much audio one Chunk carries."""
        ...

    @property
    def max_batch(self) -> int:
        """How many streams may share a step; 1 where sharing gains nothing."""
        ...

    def load(self) -> None:
        """Load the model and warm it: the first stream must be as fast as the second."""
        ...

    def open(self) -> S:
        """A stream for a new caller, within milliseconds. Raises Refused where there is none left."""
        ...

    def close(self, stream: S) -> None:
        """The caller is gone."""
        ...

    def step(self, batch: Sequence[tuple[S, Work]]) -> list[Heard]:
        """Do a bounded piece of each stream's work; no stream is in a batch twice.

        A piece is bounded so that the other callers' turns come soon. What does not fit is asked for by
        `Heard.done` being false. A new Chunk or Begin instead of the GoOn drops an unfinished Finish.
        """
        ...
