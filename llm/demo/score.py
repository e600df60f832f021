"""Score a demo GGUF in llama.cpp, on calls that it was not trained on.

    python -m llm.demo.score llm/demo/demo.gguf

Every answer is generated greedily after the true history, and is right where it equals the expected text or
tool call exactly; a turn is right where all its answers are. Wordings, names, cities, dishes and pairs of
numbers are in no training call.
"""

import argparse
import collections
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from llm.demo import vocabulary
from llm.demo.corpus import dialogues, outside
from llm.demo.corpus.call import Split
from llm.demo.corpus.dialogues import PROMPT, Dialogue
from llm.demo.corpus.knowledge import NOT_KNOWN
from llm.demo.corpus.small_talk import REFUSAL
from llm.demo.corpus.spoken import number
from llm.demo.player import Player
from llm.demo.rendering import END, TOOL
from llm.demo.talk import Conversation, parse_call

SEED = 90_001
CALLS = 500
TURNS, UNSEEN, VALID = "turns", "turns with unseen names, cities, dishes or numbers", "tool calls valid"
REFUSED = "outside questions refused"


@dataclass
class Tally:
    """How many were right, of how many, under each heading; and what went wrong."""

    right: collections.Counter[str] = field(default_factory=collections.Counter[str])
    total: collections.Counter[str] = field(default_factory=collections.Counter[str])
    wrong: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    def note(self, heading: str, right: bool) -> None:
        """One more under this heading."""
        self.total[heading] += 1
        self.right[heading] += right

    def share(self, heading: str) -> float:
        """The share that was right."""
        return self.right[heading] / self.total[heading]

    def lines(self) -> list[str]:
        """`heading: right of total (share)`."""
        return [
            f"{heading}: {self.right[heading]} of {total} ({self.share(heading):.1%})"
            for heading, total in self.total.items()
        ]


@dataclass
class Turn:
    """What the caller said, and what became of the answers so far."""

    said: str = ""
    answered: bool = False
    right: bool = True
    unseen: bool = False

    def note(self, tally: Tally) -> None:
        """Count it, where there was anything to answer."""
        if self.answered:
            tally.note(TURNS, self.right)
        if self.unseen:
            tally.note(UNSEEN, self.right)


def score_calls(player: Player, calls: Iterable[Dialogue], tally: Tally) -> None:
    """Every scored answer of every call, after its true history."""
    start = player.encode(player.renderer.served_prefix)
    for call in calls:
        history = list(start)
        turn = Turn()
        for piece in player.renderer.pieces(call):
            if piece.learnt:
                player.read(history)
                expected = piece.text.removesuffix(END)
                turn.unseen |= any(_has(turn.said, expected, entity) for entity in call.entities)
                _compare(player.generate(), expected, turn, tally)
            elif not piece.text.startswith(TOOL):
                turn.note(tally)
                turn = Turn(piece.text)
            history += player.encode(piece.text)


def _has(said: str, expected: str, entity: str) -> bool:
    """Whether a turn is about a name, a city, a dish, or both numbers of a pair."""
    numbers = re.findall(r"\d+", entity)
    if not numbers:
        return entity in f"{said} {expected}".lower()
    words = f" {' '.join(re.findall(r'[a-z0-9]+', said.lower()))} "
    return all(f" {n} " in words or f" {number(int(n))} " in words for n in numbers)


def _compare(given: str, expected: str, turn: Turn, tally: Tally) -> None:
    right = given == expected
    tally.note("tool calls" if expected.startswith("<tool_call>") else "texts", right)
    if "<tool_call>" in given or "<function=" in given:
        tally.note(VALID, is_valid(given))
    turn.answered = True
    turn.right &= right
    if not right:
        tally.wrong.append(("held-out calls", expected, given))


def is_valid(text: str) -> bool:
    """Whether a tool call fits its tool's schema: every argument, none besides, none empty."""
    called = parse_call(text)
    if called is None or not text.endswith("</function></tool_call>"):
        return False
    name, arguments = called
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in PROMPT["tools"]}
    if name not in schemas or set(arguments) != set(schemas[name]["required"]):
        return False
    return all(value.strip() for value in arguments.values())


def held_out_calls(count: int, split: Split = "test") -> list[Dialogue]:
    """Calls that it has not learnt from."""
    return list(islice(dialogues.dialogues(SEED, split), count))


def score_questions(player: Player, questions: Iterable[str], tally: Tally) -> None:
    """Each the first of its call: refused, or looked up where nothing is found, and then not known."""
    for question in questions:
        *_, answer = written = Conversation(player).answer(question)
        tally.note(REFUSED, answer in (REFUSAL, NOT_KNOWN))
        tally.note("of those without a lookup", answer == REFUSAL and len(written) == 1)
        if answer not in (REFUSAL, NOT_KNOWN):
            tally.wrong.append((question, REFUSAL, answer))


def differing_tokens(player: Player, calls: Iterable[Dialogue]) -> int:
    """How many rendered calls llama.cpp splits otherwise than the training's tokenizer."""
    trained = vocabulary.tokenizer(player.tokens())
    differing = 0
    for call in calls:
        text = player.renderer.served_prefix + "".join(piece.text for piece in player.renderer.pieces(call))
        differing += player.encode(text) != trained.encode(text, add_special_tokens=False).ids
    return differing


def main() -> None:
    """Print the shares, and with --wrong what went wrong."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("gguf", type=Path, nargs="?", default=Path(__file__).parent / "demo.gguf")
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--split", choices=("valid", "test"), default="test")
    parser.add_argument("--wrong", type=int, default=0, help="print this many wrong answers")
    options = parser.parse_args()
    player = Player(options.gguf)
    tally = Tally()
    calls = held_out_calls(options.calls, options.split)
    score_calls(player, calls, tally)
    score_questions(player, outside.questions(), tally)
    print("\n".join(tally.lines()))
    print(f"calls tokenized differently: {differing_tokens(player, calls[:40])} of {len(calls[:40])}")
    print(f"{player.generated / player.spent_s:.0f} tokens a second of one core")
    for heading, expected, given in random.Random(1).sample(
        tally.wrong, min(options.wrong, len(tally.wrong))
    ):
        print(f"\n{heading}\n  expected {expected!r}\n  given    {given!r}")


if __name__ == "__main__":
    main()
