"""From the model's bytes to what a client gets: text, thoughts and tool calls, as soon as each is sure.

    <think> ... </think>  Hello.  <tool_call> ... </tool_call>
    Thought               Text    Call

Text is held back only while it could be the beginning of a tag, of a stop string, of a character, or
white space at the answer's end. Whatever the pieces in which the bytes arrive, the answer is the same.
"""

import codecs
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from llm.tool_call import Call, Schema, parse

OPEN_THOUGHT, CLOSE_THOUGHT, OPEN_CALL, CLOSE_CALL = "<think>", "</think>", "<tool_call>", "</tool_call>"
TAGS = (OPEN_THOUGHT, CLOSE_THOUGHT, OPEN_CALL, CLOSE_CALL)


@dataclass(frozen=True)
class Text:
    """Something to be said."""

    text: str


@dataclass(frozen=True)
class Thought:
    """Something the model says to itself."""

    text: str


Part = Text | Thought | Call


class AnswerParser:
    """Reads one answer. `stopped` once a stop string was met; `dropped_calls` counts what was no call."""

    def __init__(
        self,
        functions: Mapping[str, Schema] | None = None,
        stop: Sequence[str] = (),
        *,
        thinking: bool = False,
    ) -> None:
        """`functions`: what may be called, by name. Stop strings end what is said, not thoughts or calls."""
        self.stopped = False
        self.dropped_calls = 0
        self._functions = functions or {}
        self._stop = tuple(stop)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._said, self._thought = Trimmed(), Trimmed()
        self._read = self._read_thought if thinking else self._read_text

    def push(self, piece: bytes) -> list[Part]:
        """The parts that are sure now. Nothing comes after a stop string."""
        if self.stopped:
            return []
        self._held += self._decoder.decode(piece)
        return list(self._parts())

    def flush(self) -> list[Part]:
        """The rest, at the answer's end. A tag or a character that is not whole is not said."""
        held, self._held = self._held, ""
        if self.stopped:
            return []
        if self._read == self._read_block:
            return list(self._calls(held))
        tag = held_back(held, TAGS) if self._read == self._read_text else held_back(held, (CLOSE_THOUGHT,))
        if tag > 1:  # a lone "<" is a character like any other
            held = held[:-tag]
        part = Thought if self._read == self._read_thought else Text
        text = (self._thought if part is Thought else self._said).push(held)
        return [part(text)] if text else []

    def _parts(self) -> Iterator[Part]:
        while not self.stopped and self._held:
            mark = yield from self._read()
            if not mark:
                return

    def _read_text(self) -> Generator[Part, None, str]:
        before, mark = self._until((*TAGS, *self._stop))
        if text := self._said.push(before):
            yield Text(text)
        if mark in self._stop:
            self.stopped = True
        elif mark == OPEN_THOUGHT:
            self._read = self._read_thought
        elif mark == OPEN_CALL:
            self._read = self._read_block
        return mark  # an end without its beginning changes nothing, and is not said

    def _read_thought(self) -> Generator[Part, None, str]:
        before, mark = self._until((CLOSE_THOUGHT,))
        if text := self._thought.push(before):
            yield Thought(text)
        if mark:
            self._read = self._read_text
        return mark

    def _read_block(self) -> Generator[Part, None, str]:
        before, mark, after = self._held.partition(CLOSE_CALL)
        if mark:
            self._held = after
            self._read = self._read_text
            yield from self._calls(before)
        return mark

    def _calls(self, block: str) -> Iterator[Part]:
        parsed = parse(block, self._functions)
        self.dropped_calls += parsed.dropped
        yield from parsed.calls

    def _until(self, marks: Sequence[str]) -> tuple[str, str]:
        """(what is sure to be no mark, the mark that ends it or ""); the rest stays held.

        The mark that is complete first counts, of several the longest: what a reader of one character
        at a time would find.
        """
        found = [(self._held.find(mark), mark) for mark in marks]
        complete = [(start + len(mark), start, mark) for start, mark in found if start >= 0]
        if complete:
            end, start, mark = min(complete)
            before, self._held = self._held[:start], self._held[end:]
            return before, mark
        sure = len(self._held) - held_back(self._held, marks)
        before, self._held = self._held[:sure], self._held[sure:]
        return before, ""


class Trimmed:
    """Text without white space at its beginning and end, piece by piece."""

    def __init__(self) -> None:
        self._space: str | None = None

    def push(self, text: str) -> str:
        """What can be said of `text` now."""
        text = text.lstrip() if self._space is None else self._space + text
        said = text.rstrip()
        if said or self._space is not None:
            self._space = text[len(said) :]
        return said


def held_back(text: str, marks: Sequence[str]) -> int:
    """How many characters at the end of `text` may be the beginning of a mark."""
    longest = max((len(mark) for mark in marks), default=0) - 1
    for size in range(min(longest, len(text)), 0, -1):
        if any(mark.startswith(text[-size:]) for mark in marks if len(mark) > size):
            return size
    return 0
