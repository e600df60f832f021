"""One made-up call: what was said, what the tools did, and what is known of the reservation."""

import json
import random
from collections.abc import Callable
from typing import Any, NamedTuple

from llm.demo.names import NameSource

Json = dict[str, Any]
Message = Json
"""A message of OpenAI's chat requests."""
Manner = Callable[[random.Random, str], str]
"""(rng, text with `{said|typed}` parts) -> the message as the model gets it."""


FUNCTION = "function"  # the one kind of tool that OpenAI's messages know


class Wordings(NamedTuple):
    """Ways to say one thing; the held-out ones are for the scores alone."""

    trained: tuple[str, ...]
    held_out: tuple[str, ...]


def wordings(lines: str) -> Wordings:
    """One wording a line (or between semicolons); a leading `~` holds it out."""
    every = [part.strip() for line in lines.splitlines() for part in line.split(";") if part.strip()]
    return Wordings(
        tuple(part for part in every if part[0] != "~"),
        tuple(part[1:].strip() for part in every if part[0] == "~"),
    )


class Call:
    """Grows message by message, in the form of OpenAI's chat requests.

    `unscored` holds the indices of answers that were cut off by the caller: they are history, not examples.
    `rare_words` allows words beyond the corpus's own lists (the embedded ear cannot know those).
    """

    def __init__(self, rng: random.Random, names: NameSource, manner: Manner, held_out: bool = False) -> None:
        self.rng = rng
        self.rare_words = True
        self.names = names
        self.messages: list[Message] = []
        self.unscored: set[int] = set()
        self.slots: dict[str, str | int] = {}
        self.reserved: dict[str, str | int] | None = None
        self.jokes_told = 0
        self.timers: list[str] = []  # what the agent says when each is over
        self._manner = manner
        self._held_out = held_out

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.rng.random() < probability

    def pick(self, ways: Wordings) -> str:
        """A wording; where this call may use held-out ones, one of those every other time."""
        if self._held_out and ways.held_out and self.chance(0.5):
            return self.rng.choice(ways.held_out)
        return self.rng.choice(ways.trained)

    def hear(self, text: str) -> None:
        """The caller speaks (or types) `text`."""
        self.messages.append({"role": "user", "content": self._manner(self.rng, text)})

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
