"""What becomes of a sentence on its way to the model: hesitation and mishearing, or typing."""

import random
import zlib
from itertools import pairwise

from llm.demo.corpus.spoken import spoken, typed

_DROPPED = frozenset(("a", "the", "please", "is", "an"))
"""Words that get lost; not the one of "eight a m"."""
FILLED = ("um", "uh")
_MISHEARD = {
    "for": "four",
    "a": "the",
    "the": "a",
    "at": "that",
    "and": "an",
    "in": "and",
    "it": "at",
    "to": "too",
}


def hesitate(rng: random.Random, words: list[str]) -> list[str]:
    """One filled pause, anywhere."""
    place = rng.randint(0, len(words))
    return [*words[:place], rng.choice(FILLED), *words[place:]]


def heard(rng: random.Random, text: str, learnt: bool | None = None) -> str:
    """As the ear may hand it over: one in four with a filled pause, one in eight with a small mistake.

    A sentence with a mistake is another sentence: half of those are only for calls that are `learnt` from,
    the others only for calls that are not; None: all of them.
    """
    words = spoken(text).split()
    if rng.random() < 0.25:
        words = hesitate(rng, words)
    if rng.random() < 0.06:
        place = rng.randrange(len(words))
        words.insert(place, words[place])
    mistaken = _mistake(rng, words)
    if learnt is None or _is_learnt(mistaken) is learnt:
        words = mistaken
    return " ".join(words)


def _mistake(rng: random.Random, words: list[str]) -> list[str]:
    if rng.random() < 0.06:
        words = [
            word for word, after in pairwise([*words, ""]) if word not in _DROPPED or after == "m"
        ] or words
    if rng.random() < 0.04:
        place = rng.randrange(len(words))
        words = [*words[:place], _MISHEARD.get(words[place], words[place]), *words[place + 1 :]]
    return words


def _is_learnt(words: list[str]) -> bool:
    plain = " ".join(word for word in words if word not in FILLED)
    return zlib.crc32(plain.encode()) % 2 == 0


def written(rng: random.Random, text: str) -> str:
    """As somebody types it: digits, names in capitals, mostly a capital and a mark at the end."""
    line = typed(text)
    if rng.random() < 0.75:
        line = line[0].upper() + line[1:]
        line = line.replace(" i ", " I ").replace(" i'", " I'")
    if rng.random() < 0.6:
        line += (
            "?" if line.lower().startswith(("what", "who", "can", "could", "how", "do", "is", "are")) else "."
        )
    return line
