"""Exercises in copying, which come before the calls: they are short, and most of what is written is copied.

A model that begins with calls finds out late that a name can be copied: few of a call's tokens are names, and
after 4 million tokens none of 31 was right. Of these exercises it needs 0.6 million, and copying stays.
"""

import json
import random

from llm.demo.corpus.made_up_facts import NOUNS, QUALITIES, SMALL_WORDS, VERBS
from llm.demo.corpus.names import invented, rare_words
from llm.demo.corpus.spoken import MONTHS, WEEKDAYS
from llm.demo.rendering import ASSISTANT, END, TOOL, USER, Piece, tool_call

_DAYS = tuple(day.lower() for day in (*WEEKDAYS, *MONTHS))
_WORDS = tuple(dict.fromkeys((*NOUNS, *QUALITIES, *VERBS, *_DAYS)))
_TALK = tuple(dict.fromkeys((*_WORDS, *SMALL_WORDS)))
_COPYING = {
    "lookup": "question",
    "reserve_table": "request",
    "calculate": "expression",
    "set_timer": "duration",
}
"""The tools that are given the caller's message whole, and the name of their argument."""


def drill(rng: random.Random) -> list[Piece]:
    """One of the two things that calls are full of."""
    return _whole(rng) if rng.random() < 0.5 else _named(rng)


def _whole(rng: random.Random) -> list[Piece]:
    """A message goes into a tool's argument, and what the tool finds is read out, both to the letter."""
    pieces: list[Piece] = []
    for _ in range(rng.randint(1, 2)):
        said, found = _sentence(rng, rng.randint(1, 9)), _sentence(rng, rng.randint(3, 9))
        tool, argument = rng.choice(list(_COPYING.items()))
        before, after = tool_call(tool, {argument: "\n"}).split("\n")
        result = json.dumps({"found": f"{found}."})
        pieces += [
            Piece(f"{USER}{said}{ASSISTANT}{before}", False),
            Piece(f"{said}{after}{END}", True),
            Piece(f"{TOOL}{result}{ASSISTANT}", False),
            Piece(f"{found}.{END}", True),
        ]
    return pieces


def _sentence(rng: random.Random, length: int) -> str:
    """Words without sense, one in six of them spelled or a number; half of the time with a capital.

    In one of three the same words come again and again: what follows a word is no sign of where one is.
    """
    words = [_thing(rng) if rng.random() < 1 / 6 else rng.choice(_TALK) for _ in range(length)]
    words = rng.choices(words[: 1 + length // 2], k=length) if rng.random() < 1 / 3 else words
    text = " ".join(words)
    return text[0].upper() + text[1:] if rng.random() < 0.5 else text


def _named(rng: random.Random) -> list[Piece]:
    """Some things are named, each behind a word; asked for by that word, each is written again.

    Half of them after a mark, where a single word gets a capital, as names do.
    """
    things = {key: _thing(rng) for key in rng.sample(_WORDS, rng.randint(2, 5))}
    named = " ".join(f"{key} {thing}{_nothing(rng)}" for key, thing in things.items())
    pieces = [Piece(f"{USER}{named}{ASSISTANT}", False)]
    for key in rng.sample(list(things), len(things)):
        thing = things[key]
        if rng.random() < 0.5:
            capital = thing.title() if thing.isalpha() else thing
            pieces += [Piece(f"{key}</function>", False), Piece(f"{capital}</parameter>", True)]
        else:
            pieces += [Piece(f" {key}", False), Piece(f" {thing},", True)]
    return pieces


def _thing(rng: random.Random) -> str:
    """A name, a day, a number, a time of day, or a few words."""
    kind = rng.random()
    if kind < 0.45:
        return rng.choice(rare_words())
    if kind < 0.65:
        return invented(rng)
    if kind < 0.72:
        return rng.choice(_DAYS)
    if kind < 0.78:
        return str(rng.randint(0, 10 ** rng.randint(1, 4)))
    if kind < 0.88:
        return f"{rng.randint(1, 12)}:{rng.randint(0, 59):02d} {rng.choice(('AM', 'PM'))}"
    return " ".join(rng.choices(_WORDS, k=rng.randint(2, 5)))


def _nothing(rng: random.Random) -> str:
    """Words that nobody asks for, half of the time."""
    words = rng.choices(_WORDS, k=rng.randint(1, 4)) if rng.random() < 0.5 else ()
    return "".join(f" {word}" for word in words)
