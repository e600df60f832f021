"""What the agent can look up: short facts from a file, found by a few key words that need not be exact."""

import difflib
import functools
import math
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, TypeAdapter

FACTS_PATH = Path(__file__).parent / "facts.json"
_SAYING_NOTHING = """a about an and any are at can do does for have how i in is it me my of on or our
    the there to what with you your"""
STOP_WORDS = frozenset(_SAYING_NOTHING.split())
ALIKE = 0.8
"""Two words this alike are taken for one, at this weight: a letter more or less in six."""
ENOUGH = 0.6
"""The share of the query's weight that has to be found: all but a word that says little."""


class Fact(BaseModel):
    """`fact` is read out as it is; `topic` and `also` are the words that find it, `topic` counting more."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str
    also: str = ""
    fact: str


class Asked(NamedTuple):
    """A word of a query: the word of the facts that it is, how alike the two are, and how much it tells."""

    known: str
    likeness: float
    weight: float


class Facts:
    """A searchable list of facts. Pure; a search over a hundred takes under a millisecond."""

    def __init__(self, facts: list[Fact]) -> None:
        self._facts = facts
        self._topics = [_words(fact.topic) for fact in facts]
        self._words = [_words(f"{fact.topic} {fact.also}") for fact in facts]
        self._counts = Counter(word for words in self._words for word in words)

    def find(self, query: str) -> Fact | None:
        """The fact that most of the query's words find, rare words counting most; None where too few do."""
        asked = [self._asked(word) for word in sorted(_words(query))]
        whole = sum(word.weight for word in asked)
        scores = [self._score(asked, whole, at) for at in range(len(self._facts))] if asked else [0.0]
        best = max(scores)
        return self._facts[scores.index(best)] if best else None

    def _asked(self, word: str) -> Asked:
        """A word of a query; one that no fact has tells most."""
        alike = [word] if word in self._counts else difflib.get_close_matches(word, self._counts, 1, ALIKE)
        if not alike:
            return Asked(word, 0.0, math.log(1 + 2 * len(self._facts)))
        likeness = 1.0 if alike[0] == word else ALIKE
        return Asked(alike[0], likeness, math.log(1 + len(self._facts) / self._counts[alike[0]]))

    def _score(self, asked: list[Asked], whole: float, at: int) -> float:
        """The share of the query that a fact has, a little more where its topic says just that."""
        topic, words = self._topics[at], self._words[at]
        found = sum(word.weight * word.likeness for word in asked if word.known in words) / whole
        exact = sum(word.weight for word in asked if word.known in topic) / whole
        return found + 0.1 * exact / (1 + 0.1 * len(topic)) if found >= ENOUGH else 0.0


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9]+", text.lower())) - STOP_WORDS


@functools.cache
def load(path: Path = FACTS_PATH) -> Facts:
    """The facts of a file. Raises OSError, or ValidationError where it is not a list of facts."""
    return Facts(TypeAdapter(list[Fact]).validate_json(path.read_bytes()))
