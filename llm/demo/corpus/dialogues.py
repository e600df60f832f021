"""Made-up calls to the demo assistant, from a seed: what it learns, and what the ear expects to hear.

    python -m llm.demo.corpus.dialogues --seed 1 --calls 3

prints some. A call is a list of messages as an OpenAI request carries them, system prompt left out.
Three in four are heard (lower case, words, hesitation); the rest is typed.
"""

import argparse
import json
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from llm.demo.corpus import booking, knowledge, names, noise, outside, small_talk, tools
from llm.demo.corpus.call import Call, Json, Manner, Message, Split
from llm.demo.corpus.names import Source

PROMPT: Json = json.loads((Path(__file__).parent / "prompt.json").read_text(encoding="utf-8"))
MAX_TURNS = 8
SKILLS = (
    (booking.book, 26),
    (knowledge.ask, 34),
    (tools.calculate, 12),
    (tools.tell_time, 5),
    (tools.tell_date, 5),
    (tools.set_timer, 8),
    (small_talk.chat, 24),
    (small_talk.joke, 2),
    (outside.wonder, 17),
    (outside.refuse, 9),
    (booking.read_back, 4),
    (booking.introduce, 3),
)


class Dialogue(NamedTuple):
    """Messages without the system prompt; `unscored` are indices of answers that the caller cut off.

    `entities` are the names, cities, dishes and sums that callers said, in lower case.
    """

    messages: list[Message]
    unscored: frozenset[int]
    entities: frozenset[str] = frozenset()


def manner(rng: random.Random, split: Split = "every") -> Manner:
    """One way of putting things for a whole call."""
    learnt = None if split == "every" else split == "train"
    return partial(noise.heard, learnt=learnt) if rng.random() < 0.78 else noise.written


def dialogue(
    rng: random.Random, split: Split = "train", source: Source | None = None, turns: int | None = None
) -> Dialogue:
    """One call of 1 to `MAX_TURNS` caller's turns (or `turns`), give or take a reservation's own."""
    call = Call(rng, source or names.SOURCES[split], manner(rng, split), split)
    if call.chance(0.4):
        call.cue(PROMPT["greeting_cue"])
        call.say(small_talk.GREETING)
    wanted = call.turns + (turns or rng.randint(1, MAX_TURNS))
    while call.turns < wanted:
        topic(call)
        if call.chance(0.05) and "content" in call.messages[-1]:
            _interrupt(call)
        if call.timers and call.chance(0.3):
            call.ring()
    return Dialogue(call.messages, frozenset(call.unscored), frozenset(call.entities))


def topic(call: Call) -> None:
    """One skill, by its weight; a second reservation is a change of the first."""
    skill = call.rng.choices([skill for skill, _ in SKILLS], [weight for _, weight in SKILLS])[0]
    if skill is booking.book and not booking.missing(call):
        skill = call.rng.choice((booking.change, booking.change, booking.book, booking.read_back))
    skill(call)


def _interrupt(call: Call) -> None:
    """The caller speaks over the last answer; half of the time to have the assistant wait."""
    call.cut_off()
    if call.chance(0.5):
        ways, answer = small_talk.WAIT
        call.hear(call.pick(ways))
        call.say(answer)


def dialogues(seed: int, split: Split = "train") -> Iterator[Dialogue]:
    """Calls without end; the same ones for the same seed."""
    rng = random.Random(seed)
    while True:
        yield dialogue(rng, split)


def main() -> None:
    """Print some calls."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calls", type=int, default=3)
    parser.add_argument("--split", choices=("train", "valid", "test"), default="train")
    options = parser.parse_args()
    for call, _ in zip(dialogues(options.seed, options.split), range(options.calls), strict=False):
        for message in call.messages:
            print(f"{message['role']:>9}: {message.get('content') or message['tool_calls'][0]['function']}")
        print()


if __name__ == "__main__":
    main()
