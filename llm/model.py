"""What the scheduler needs of a model: a memory of token sequences, one step over some of them, a choice.

Everything but `tokenise` belongs to the one thread that opened the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from llm.generator import ChatFormat, Sampling


@dataclass(frozen=True)
class Row:
    """One token of a step: where it goes, and whether a token will be chosen after it."""

    token: int
    position: int
    sequence: int
    chooses: bool = False


class Sampler(Protocol):
    """The state of one answer's choices: its random numbers and what it has said."""

    def choose(self, row: int) -> int:
        """The token after row `row` of the last step, which said that it chooses."""
        ...

    def close(self) -> None:
        """Free it."""
        ...


class Model(Protocol):
    """A model that is loaded. `sequences` token sequences of at most `context_tokens` each."""

    @property
    def context_tokens(self) -> int:
        """The longest a sequence may get."""
        ...

    @property
    def sequences(self) -> int:
        """How many sequences it remembers."""
        ...

    @property
    def rewinds(self) -> bool:
        """Whether a sequence's tail can be removed; a recurrent state cannot go back."""
        ...

    @property
    def chat_format(self) -> ChatFormat:
        """From the model's own file."""
        ...

    def tokenise(self, text: str) -> list[int]:
        """Thread-safe. Texts of special tokens become those tokens."""
        ...

    def text_of(self, token: int) -> bytes:
        """What a token adds to an answer; nothing for tokens that only structure a chat."""
        ...

    def ends(self, token: int) -> bool:
        """Whether the answer ends here."""
        ...

    def sampler(self, sampling: Sampling) -> Sampler:
        """A new answer's choices."""
        ...

    def step(self, rows: Sequence[Row]) -> None:
        """Evaluate the rows. Raises ModelFailed, after which the memory must be cleared."""
        ...

    def keep(self, sequence: int, tokens: int) -> bool:
        """Forget all but the first `tokens`; False, with nothing changed, where that is impossible."""
        ...

    def copy(self, source: int, target: int) -> None:
        """Make `target` remember what `source` does."""
        ...

    def clear(self) -> None:
        """Forget everything."""
        ...

    def close(self) -> None:
        """Free it."""
        ...
