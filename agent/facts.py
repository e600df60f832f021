"""What the agent can look up: short facts from a file, found by a caller's own question.

Words that are in every question say nothing; words like "where" or "open" say a little; all others have to be
in the fact. So a question about something else finds nothing, however much of it is familiar.
"""

import difflib
import functools
import math
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, TypeAdapter

FACTS_PATH = Path(__file__).parent / "facts.json"
_SAYING_NOTHING = """a about actually ah all already alright also am an and any anybody anyone anything
    are as at be been can can't could did do does don't else er erm ever excuse for friend from give had
    has have hello hey hi hmm how i i'd i'm i've if is it it's its just kindly know let's like listen m
    maybe me mind mine my nearby now of oh okay on or our please possible question quickly re ready
    really right s should sir so some somebody someone something somewhere sorry still t tell that
    that's the their them then there there's these they thing this those to tomorrow tonight too uh um
    us very want was we we'd we'll we're well were what what's which whole will with would you you're
    your yours"""
_SAYING_LITTLE = """allow allowed back best big bring buy by call car case charge city close closed come
    coming cook cost day dish does eat evening expensive family find fit food free get getting go goes
    going good got great happen happens here hold hour house in inside is keep kind large late later
    leave list long look looking made make makes many menu money mother much my necessary need new
    normal number offer old once one open open over pay people person place play possible price put
    reservation restaurant run say see sell send serve sit son stop table take talk time today under
    until up use visit wait walk when where who whose why wife without work write"""
FILLERS = frozenset(_SAYING_NOTHING.split())
GENERAL = frozenset(_SAYING_LITTLE.split())
LITTLE = 0.2
"""The weight of a general word, as a share of another's."""
ASPECTS = {
    "price": "much cost price expensive charge pay money dollar",
    "ingredients": "in ingredient made make put come contain vegetarian vegan spicy meat nut milk egg cheese"
    " onion gluten free garlic",
    "address": "address where street find restaurant place branch one located",
    "hours": "hour open opening close closed when until late time come",
}
"""What a fact says of its subject, the last word of its topic; and the words that ask for it."""
ALIKE = 0.8
"""Two words this alike are taken for one, at this weight: a letter more or less in six."""
ENOUGH = 0.62
"""The share of the question's weight that has to be found: one other word of three is too much."""
LEAST_LETTERS = 5
"""Of a word that is taken for another one."""


_ENDINGS = (
    ("'s", ""), ("s'", ""), ("ss", "ss"), ("us", "us"), ("is", "is"), ("news", "news"), ("ies", "y"),
    ("shes", "sh"), ("ches", "ch"), ("oes", "o"), ("s", ""),
)  # fmt: skip
"""What many are called, and one; the first that fits."""


class Fact(BaseModel):
    """`fact` is read out as it is; `topic` and `also` are the words that find it, `topic` counting more."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str
    also: str = ""
    fact: str

    @property
    def aspect(self) -> str:
        """`price`, where the topic is "soup price"; empty where it is no such pair."""
        return (
            self.topic.rpartition(" ")[2] if self.topic.split()[-1] in ASPECTS and " " in self.topic else ""
        )

    @property
    def subject(self) -> str:
        """`soup`, where the topic is "soup price"."""
        return self.topic.removesuffix(self.aspect).strip()


class Asked(NamedTuple):
    """A word of a question: the word of the facts that it is, how alike they are, and how much it tells."""

    known: str
    likeness: float
    weight: float


class Facts:
    """A searchable list of facts. Pure; a search over a hundred takes about a millisecond."""

    def __init__(self, facts: list[Fact]) -> None:
        self._facts = facts
        self._topics = [_words(fact.topic) for fact in facts]
        self._words = [_words(f"{fact.topic} {fact.also} {ASPECTS.get(fact.aspect, '')}") for fact in facts]
        self._subjects = [
            _words(f"{fact.subject} {fact.also}") if fact.aspect else frozenset[str]() for fact in facts
        ]
        self._counts = Counter(word for words in self._words for word in words)

    def find(self, question: str, before: Fact | None = None) -> Fact | None:
        """The fact that the question's words find, rare words counting most; None where too few do.

        `before` is what an earlier question found: after one dish's price, "and the soup" asks for another's.
        """
        asked = [self._asked(word) for word in sorted(_words(question))]
        whole = sum(word.weight for word in asked)
        scores = [self._score(asked, whole, at) for at in range(len(self._facts))] if asked else [0.0]
        best = max(scores)
        if not best:
            return None
        found = self._facts[scores.index(best)]
        return self._same_aspect(found, asked, before) or found

    def _same_aspect(self, found: Fact, asked: list[Asked], before: Fact | None) -> Fact | None:
        """The fact of this subject that is like the one before, where the question names no aspect."""
        if before is None or not before.aspect or not found.aspect:
            return None
        subject = _words(found.subject)
        if any(word.known in _words(ASPECTS[found.aspect]) - subject for word in asked):
            return None
        wanted = f"{found.subject} {before.aspect}"
        return next((fact for fact in self._facts if fact.topic == wanted), None)

    def _asked(self, word: str) -> Asked:
        """A word of a question; one that no fact has tells most."""
        share = LITTLE if word in GENERAL else 1.0
        alike = [word] if word in self._counts else []
        if not alike and len(word) >= LEAST_LETTERS and share == 1.0:
            alike = difflib.get_close_matches(word, self._counts, 1, ALIKE)
        if not alike:
            return Asked(word, 0.0, share * math.log(1 + 2 * len(self._facts)))
        likeness = 1.0 if alike[0] == word else ALIKE
        return Asked(alike[0], likeness, share * math.log(1 + len(self._facts) / self._counts[alike[0]]))

    def _score(self, asked: list[Asked], whole: float, at: int) -> float:
        """The share of the question that a fact has, a little more where its topic says just that.

        What is said of a subject answers only questions that name it.
        """
        topic, words, subject = self._topics[at], self._words[at], self._subjects[at]
        if subject and not any(word.known in subject for word in asked):
            return 0.0
        found = sum(word.weight * word.likeness for word in asked if word.known in words) / whole
        exact = sum(word.weight for word in asked if word.known in topic) / whole
        return found + 0.1 * exact / (1 + 0.1 * len(topic)) if found >= ENOUGH else 0.0


def _words(text: str) -> frozenset[str]:
    """The words that say something, each in one form for one and for many."""
    found = re.findall(r"[a-z0-9']+", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    return frozenset(one for word in found if word not in FILLERS and (one := _one(word)) not in FILLERS)


def _one(word: str) -> str:
    """`dog` for dogs and dog's, `dish` for dishes, `party` for parties."""
    for ending, one in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word.removesuffix(ending) + one
    return word


@functools.cache
def load(path: Path = FACTS_PATH) -> Facts:
    """The facts of a file. Raises OSError, or ValidationError where it is not a list of facts."""
    return Facts(TypeAdapter(list[Fact]).validate_json(path.read_bytes()))
