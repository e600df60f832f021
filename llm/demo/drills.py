"""Exercises in copying, which come before the calls: they are short, and half of what is written is copied.

A model that begins with calls finds out late that a name can be copied: few of a call's tokens are names, and
after 4 million tokens none of 31 was right. Of these exercises it needs 0.6 million, and copying stays.
"""

import random

from llm.demo.corpus.made_up_facts import NOUNS, QUALITIES, VERBS
from llm.demo.corpus.names import invented, rare_words
from llm.demo.corpus.spoken import MONTHS, WEEKDAYS
from llm.demo.rendering import ASSISTANT, USER, Piece

_DAYS = tuple(day.lower() for day in (*WEEKDAYS, *MONTHS))
_WORDS = tuple(dict.fromkeys((*NOUNS, *QUALITIES, *VERBS, *_DAYS)))


def drill(rng: random.Random) -> list[Piece]:
    """Some things are named, each behind a word; asked for by that word, each is written again.

    Half of them as the arguments of tools are: a single word then gets a capital, as names do.
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
    """A name, a day, a time of day, or a few words."""
    kind = rng.random()
    if kind < 0.5:
        return rng.choice(rare_words())
    if kind < 0.7:
        return invented(rng)
    if kind < 0.77:
        return rng.choice(_DAYS)
    if kind < 0.87:
        return f"{rng.randint(1, 12)}:{rng.randint(0, 59):02d} {rng.choice(('AM', 'PM'))}"
    return " ".join(rng.choices(_WORDS, k=rng.randint(2, 5)))


def _nothing(rng: random.Random) -> str:
    """Words that nobody asks for, half of the time."""
    words = rng.choices(_WORDS, k=rng.randint(1, 4)) if rng.random() < 0.5 else ()
    return "".join(f" {word}" for word in words)
