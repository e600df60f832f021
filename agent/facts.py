"""What the agent can look up: short facts from a file, found by a few key words that need not be exact."""

import difflib
import functools
import math
import re
from collections import Counter
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

FACTS_PATH = Path(__file__).parent / "facts.json"
STOP_WORDS = frozenset(
    "a about an and any are at can do does for have how i in is it me my of on or our the there to what with you your".split()
)
ALIKE = 0.8
"""Two words this alike are taken for one, at this weight: a letter more or less in six."""
ENOUGH = 0.6
"""The share of the query's weight that has to be found: with half of it, "lobster price" found another price."""


class Fact(BaseModel):
    """`fact` is read out as it is; `topic` and `also` are the words that find it, `topic` counting more."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str
    also: str = ""
    fact: str


class Facts:
    """A searchable list of facts. Pure; a search over a hundred takes under a millisecond."""

    def __init__(self, facts: list[Fact]) -> None:
        self._facts = facts
        self._topics = [_words(fact.topic) for fact in facts]
        self._words = [_words(f"{fact.topic} {fact.also}") for fact in facts]
        self._counts = Counter(word for words in self._words for word in words)

    def find(self, query: str) -> Fact | None:
        """The fact that most of the query's words find, rare words counting most; None where too few do."""
        weights = self._weights(_words(query))
        if not weights:
            return None
        scores = [self._score(weights, at) for at in range(len(self._facts))]
        found, score = max(enumerate(scores), key=lambda scored: scored[1])
        return self._facts[found] if score >= ENOUGH else None

    def _weights(self, query: frozenset[str]) -> dict[str, float]:
        """How much each word tells, all together one; a word that no fact has tells most."""
        known = {word: self._counts[self._known(word)] or 0.5 for word in query}
        weights = {word: math.log(1 + len(self._facts) / count) for word, count in known.items()}
        return {word: weight / sum(weights.values()) for word, weight in weights.items()}

    def _known(self, word: str) -> str:
        return next(iter(difflib.get_close_matches(word, self._counts, 1, ALIKE)), word)

    def _score(self, weights: dict[str, float], at: int) -> float:
        """The share of the query that this fact has; the fact whose topic has fewer other words goes first."""
        topic, words = self._topics[at], self._words[at]
        found = sum(weight * self._likeness(word, words) for word, weight in weights.items())
        exact = sum(weight for word, weight in weights.items() if word in topic) / (1 + 0.1 * len(topic))
        return found + 0.1 * exact if found >= ENOUGH else 0.0

    def _likeness(self, word: str, words: frozenset[str]) -> float:
        if word in words:
            return 1.0
        return ALIKE if self._known(word) in words else 0.0


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9]+", text.lower())) - STOP_WORDS


@functools.cache
def load(path: Path = FACTS_PATH) -> Facts:
    """The facts of a file. Raises OSError, or ValidationError where it is not a list of facts."""
    return Facts(TypeAdapter(list[Fact]).validate_json(path.read_bytes()))
