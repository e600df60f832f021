"""The seam: what the server needs of whatever makes the tokens.

A generator knows tokens and nothing of HTTP, chats or tools. `scheduler.Scheduler` is one; another
engine stands behind the same server by having these verbs.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Finish = Literal["stop", "length"]


class GeneratorBroken(Exception):
    """The model failed and does not come back; the process should end so that another can start."""


class ModelFailed(Exception):
    """One step of the model failed; answers that were being made are lost, later ones may succeed."""


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen. The defaults choose the likeliest, which is repeatable."""

    max_tokens: int
    """0: only evaluate the prompt."""
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    """0: no limit."""
    min_p: float = 0.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    seed: int | None = None
    """Unset: another one for each answer."""


@dataclass(frozen=True)
class ChatFormat:
    """How the model wants a chat written down: a jinja2 template, and the texts of some tokens."""

    template: str
    bos_token: str
    eos_token: str
    controls: tuple[str, ...] = ()
    """Texts that structure a chat, such as the one that ends a message. Nobody may say them."""


class Generation(Protocol):
    """One answer being made. Iterating gives each token's bytes, which may be parts of characters.

    Iteration raises ModelFailed or GeneratorBroken where the model does. Cancelling the iteration
    alone stops nothing: call `cancel`.
    """

    @property
    def cached_tokens(self) -> int:
        """How much of the prompt was found evaluated; known when the first token is."""
        ...

    @property
    def finish(self) -> Finish | None:
        """Why the answer ended; None while it goes on, and where it was cancelled."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes: ...

    def cancel(self) -> None:
        """Stop before the model's next step. Harmless after the end."""
        ...


class Generator(Protocol):
    """Makes answers, several at once. Its methods are called on the event loop and never block it."""

    @property
    def context_tokens(self) -> int:
        """The most that a prompt and its answer may have together."""
        ...

    @property
    def chat_format(self) -> ChatFormat:
        """Known once loaded."""
        ...

    @property
    def active(self) -> int:
        """Answers being made now."""
        ...

    @property
    def waiting(self) -> int:
        """Requests that no answer has begun for."""
        ...

    async def load(self) -> None:
        """Bring the model up. Raises what keeps it from coming up."""
        ...

    async def tokenise(self, text: str) -> list[int]:
        """The tokens of a rendered prompt; texts of special tokens become those tokens."""
        ...

    def generate(self, prompt: Sequence[int], sampling: Sampling) -> Generation:
        """Begin an answer. Raises wire.message.Refused where too many wait already."""
        ...

    def close(self) -> None:
        """Stop and free the model; what was being made ends with GeneratorBroken."""
        ...
