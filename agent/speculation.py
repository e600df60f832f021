"""What is answered before it is known that the caller has finished: which answer, and what came of it.

Written by whoever decides (turns.py), the LLM service and the TTS service; read for the turn's log line.
Pure: the time comes in, in seconds of the wall clock, which Pipecat's metrics use.
"""

from dataclasses import dataclass
from typing import NamedTuple

from pipecat.frames.frames import DataFrame


@dataclass(eq=False)
class Ahead:
    """One answer that was begun ahead."""

    text: str
    """What the caller is taken to have said."""
    began_s: float
    tokens: int = 0
    """Pieces of text that the LLM has sent: one a token, or a few."""
    ready_s: float | None = None
    """When the first of its audio was there, or the tool known that it wants."""
    withdrawn: bool = False


class Account(NamedTuple):
    """What a turn's answers ahead came to."""

    gained_ms: int | None
    """How much sooner the answer was heard than if it had been begun at the end of the turn; None where it
    was not begun ahead."""
    wasted_tokens: int
    """Tokens of answers that were dropped since the last account."""
    heard_s: float | None
    """When the words were there that the answer is to."""


class Speculation:
    """One call's answers ahead; at most one at a time."""

    def __init__(self) -> None:
        self._latest: Ahead | None = None
        self._confirmed_s: float | None = None
        self._heard_s: float | None = None
        self._wasted_tokens = 0

    @property
    def pending(self) -> Ahead | None:
        """The answer that waits for the verdict."""
        return self._latest if self._latest and self._is_open(self._latest) else None

    def wants(self, text: str) -> bool:
        """Whether an answer to this is wanted, now or in a moment; not after it was withdrawn."""
        return self._latest is not None and not self._latest.withdrawn and self._latest.text == text

    def heard(self, now_s: float) -> None:
        """The words are there."""
        self._heard_s = now_s

    def unheard(self) -> None:
        """They were not all: the caller goes on."""
        self._heard_s = None

    def begin(self, text: str, now_s: float) -> None:
        """Answer this ahead, instead of what was before."""
        self.withdraw()
        self._latest, self._confirmed_s = Ahead(text, now_s), None

    def withdraw(self) -> None:
        """The caller goes on, or said something else: what there is of the answer is dropped."""
        if ahead := self.pending:
            ahead.withdrawn = True
            self._wasted_tokens += ahead.tokens
            self._latest = None

    def confirm(self, now_s: float) -> None:
        """The caller has finished: it is the answer."""
        if self.pending:
            self._confirmed_s = now_s

    def account(self) -> Account:
        """Of the turn that was just answered; begins anew."""
        account = Account(self._gained_ms(), self._wasted_tokens, self._heard_s)
        self._wasted_tokens, self._heard_s = 0, None
        if self.pending is None:
            self._latest = None
        return account

    def _is_open(self, ahead: Ahead) -> bool:
        return not ahead.withdrawn and self._confirmed_s is None

    def _gained_ms(self) -> int | None:
        """Until the verdict the answer went on unheard; once it had to wait, no more was gained."""
        if self._latest is None or self._confirmed_s is None:
            return None
        until_s = min(self._confirmed_s, self._latest.ready_s or self._confirmed_s)
        return max(0, round(1000 * (until_s - self._latest.began_s)))


@dataclass
class AheadTextFrame(DataFrame):
    """Text of an answer ahead, from the LLM service to the TTS service, which rehearses it.

    The same text follows in Pipecat's own frames once the verdict is there, or never.
    """

    ahead: Ahead
    text: str
    is_last: bool = False
