"""One made-up call: what was said, what the tools did, and what is known of the reservation."""

import json
import random
import zlib
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from llm.demo.corpus.names import Source

Json = dict[str, Any]
Message = Json
"""A message of OpenAI's chat requests."""
Manner = Callable[[random.Random, str], str]
"""(rng, text with `{said|typed}` parts) -> the message as the model gets it."""


Split = Literal["train", "valid", "test", "every"]
"""Calls to learn from, calls to choose settings by, and calls for the scores: no template is in two of them.
The ear hears every one."""

FUNCTION = "function"  # the one kind of tool that OpenAI's messages know
HELD_OUT = "~"  # before a wording that no training call has
BEFORE = (
    "so", "okay", "well", "oh", "hey", "alright", "okay so", "excuse me", "hello", "hi", "oh and",
    "all right", "now", "right", "please", "ah", "hmm", "listen", "and", "well then", "hi there", "sorry",
    "all right then", "okay now",
)  # fmt: skip
AFTER = (
    "please", "now", "then", "if you can", "right now", "my friend", "sir", "if possible", "you know",
    "quickly", "if you don't mind",
)  # fmt: skip
"""Words that may stand before or after anything, and change nothing."""
_LEARNT: set[str] = set()
"""Every wording that may be learnt."""


class Wordings(NamedTuple):
    """Ways to say one thing; the held-out ones, with their mark, are for validation and the scores."""

    trained: tuple[str, ...]
    held_out: tuple[str, ...]


def wordings(lines: str) -> Wordings:
    """One wording a line (or between semicolons); a leading `~` holds it out."""
    every = [part.strip() for line in lines.splitlines() for part in line.split(";") if part.strip()]
    ways = Wordings(
        tuple(part for part in every if part[0] != HELD_OUT),
        tuple(part for part in every if part[0] == HELD_OUT),
    )
    _LEARNT.update(ways.trained)
    return ways


def split_of(template: str, bare: bool) -> Split:
    """Where a whole message with its blanks unfilled belongs; a trained wording alone is always learnt."""
    plain = template.replace(HELD_OUT, "")
    number = zlib.crc32(plain.encode()) % 10
    if plain != template:
        return "valid" if number in (0, 2, 3) else "test"
    if bare or number > 1:
        return "train"
    return "test" if number else "valid"


def may_be_learnt(message: str) -> bool:
    """Whether a training call may have this very message, perhaps by other parts."""
    if message in _LEARNT:
        return True
    befores, afters = ("", *(f"{word} " for word in BEFORE)), ("", *(f" {word}" for word in AFTER))
    cores = {message.removeprefix(before).removesuffix(after) for before in befores for after in afters}
    return bool(cores & _LEARNT) and split_of(message, bare=False) == "train"


class Call:
    """Grows message by message, in the form of OpenAI's chat requests.

    `unscored` holds the indices of answers that were cut off by the caller: they are history, not examples.
    `rare_words` allows words beyond the corpus's own lists (the embedded ear cannot know those).
    `entities` are the names, cities, dishes and sums that were drawn from the source.
    """

    def __init__(self, rng: random.Random, source: Source, manner: Manner, split: Split = "train") -> None:
        self.rng = rng
        self.rare_words = True
        self.source = source
        self.split: Split = split
        self.messages: list[Message] = []
        self.unscored: set[int] = set()
        self.entities: set[str] = set()
        self.slots: dict[str, str | int] = {}  # what the reservation tool has been told
        self.jokes_told = 0
        self.timers: list[str] = []  # what the agent says when each is over
        self._manner = manner

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.rng.random() < probability

    def entity(self, kind: Literal["name", "city", "dish"]) -> str:
        """A new name, city or dish, in lower case."""
        drawn = getattr(self.source, kind)(self.rng)
        self.entities.add(drawn)
        return drawn

    def part(self, ways: Wordings) -> str:
        """A wording for a part of a message: outside training a held-out one now and then, with its mark."""
        if self.split != "train" and ways.held_out and self.chance(0.3):
            return self.rng.choice(ways.held_out)
        return self.rng.choice(ways.trained)

    def pick(self, ways: Wordings, after: bool = True) -> str:
        """A whole message's template; without `after`, nothing may follow it."""
        return self.phrase(lambda: self.part(ways), after)

    def phrase(self, compose: Callable[[], str], after: bool = True) -> str:
        """What `compose` makes, mostly bare, that belongs to this call's split."""
        share = {"train": 0.25, "every": 0.05}.get(self.split, 0.6)
        while True:
            template = bare = compose()
            if self.chance(share):
                template = f"{self.rng.choice(BEFORE)} {template}"
            if after and self.chance(share):
                template = f"{template} {self.rng.choice(AFTER)}"
            message = template.replace(HELD_OUT, "")
            if self.split == "every":
                return message
            fits = split_of(template, template == bare) == self.split
            if fits and (self.split == "train" or not may_be_learnt(message)):
                return message

    def hear(self, text: str) -> str:
        """The caller speaks (or types) `text`; the message that it becomes, which tools are given whole."""
        message = self._manner(self.rng, text)
        self.messages.append({"role": "user", "content": message})
        return message

    def cue(self, text: str) -> None:
        """A message that is nobody's speech, word for word."""
        self.messages.append({"role": "user", "content": text})

    def say(self, text: str) -> None:
        """The assistant answers."""
        self.messages.append({"role": "assistant", "content": text})

    def ring(self) -> None:
        """A timer is over: the agent says so of its own accord, and the model finds it in the history."""
        self.say(self.timers.pop(0))
        self.unscored.add(len(self.messages) - 1)

    def cut_off(self) -> None:
        """The caller interrupts the last answer: history keeps its first words only."""
        words = self.messages[-1]["content"].split()
        self.messages[-1]["content"] = " ".join(words[: self.rng.randint(1, max(1, len(words) - 1))])
        self.unscored.add(len(self.messages) - 1)

    def use(self, tool: str, arguments: Json, result: Json) -> None:
        """The assistant calls a tool, and gets its result."""
        function = {"name": tool, "arguments": arguments}
        call_id = f"call_{len(self.messages)}"
        self.messages.append(
            {"role": "assistant", "tool_calls": [{"id": call_id, "type": FUNCTION, "function": function}]}
        )
        self.messages.append({"role": "tool", "tool_call_id": call_id, "content": json.dumps(result)})

    @property
    def turns(self) -> int:
        """How often the caller has spoken."""
        return sum(message["role"] == "user" for message in self.messages)
