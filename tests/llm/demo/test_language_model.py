import collections
import json
import math

import pytest

from llm.demo import language_model
from llm.demo.language_model import BEGIN, CITY, CLASSES, DISH, DOMAIN, Entry


@pytest.fixture(scope="module")
def built() -> tuple[str, str]:
    return language_model.build()


def probability(tables, *gram):
    """By the rule of ARPA's format: the n-gram's own, or the context's back-off times the shorter one's."""
    entry = tables[len(gram) - 1].get(gram)
    if entry:
        return 10**entry.probability
    context = tables[len(gram) - 2].get(gram[:-1], Entry(0.0, 0.0))
    return 10**context.backoff * probability(tables, *gram[1:])


def test_the_committed_language_model_is_what_the_script_builds(built):
    assert (DOMAIN / "demo.lm").read_text(encoding="utf-8") == built[0]


def test_the_committed_dictionary_is_what_the_script_builds(built):
    assert (DOMAIN / "demo.dict").read_text(encoding="utf-8") == built[1]


def test_every_word_that_callers_say_can_be_pronounced(built):
    pronounced = {line.split()[0] for line in built[1].splitlines()}
    said = {word for words in language_model.utterances(seed=77, calls=200) for word in words}
    assert said - set(CLASSES) <= pronounced


def test_hesitation_is_a_word_of_the_ear(built):
    assert {"um AH M", "uh AH"} <= set(built[1].splitlines())


@pytest.mark.parametrize(
    "context", [(), ("is",), (BEGIN, "what"), ("name", "is"), ("in",), ("never", "said")]
)
def test_probabilities_after_any_context_sum_to_one(context):
    sentences = list(language_model.utterances(seed=1, calls=200))
    tables = language_model.with_words(language_model.estimate(sentences), language_model.classes())
    words = [gram[0] for gram in tables[0] if gram[0] != BEGIN]
    assert math.isclose(sum(probability(tables, *context, word) for word in words), 1.0, abs_tol=1e-6)


def test_of_two_words_that_sound_the_same_one_stays():
    words = [word for words in language_model.classes().values() for word in words]
    sounds = collections.Counter(language_model.pronunciations()[word][0] for word in words)
    assert sounds.most_common(1)[0][1] == 1


def test_the_classes_have_at_least_500_words(built):
    pronounced = {line.split()[0] for line in built[1].splitlines()}
    words = {word for words in language_model.classes().values() for word in words}
    assert len(words & pronounced) >= 500


def test_the_words_of_the_committed_facts_are_in_their_classes():
    facts = json.loads((DOMAIN.parents[1] / "agent" / "facts.json").read_text(encoding="utf-8"))
    topics = {fact["topic"] for fact in facts if "also" not in fact or fact["also"] == "soup"}
    words = {topic.split()[0] for topic in topics if not topic.split()[0].endswith("day")}
    every = language_model.classes()
    assert words <= {*every[CITY], *every[DISH]}


def test_a_word_without_pronunciation_is_named():
    with pytest.raises(KeyError, match="zyxxy"):
        language_model.dictionary(["table", "zyxxy"])
