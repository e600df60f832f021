import collections
import math

import pytest

from llm.demo import language_model
from llm.demo.language_model import BEGIN, DOMAIN, NAME, Entry


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
    assert said - {NAME} <= pronounced


def test_hesitation_is_a_word_of_the_ear(built):
    assert {"um AH M", "uh AH"} <= set(built[1].splitlines())


@pytest.mark.parametrize("context", [(), ("is",), (BEGIN, "what"), ("name", "is"), ("never", "said")])
def test_probabilities_after_any_context_sum_to_one(context):
    sentences = list(language_model.utterances(seed=1, calls=200))
    tables = language_model.with_names(language_model.estimate(sentences), language_model.names())
    words = [gram[0] for gram in tables[0] if gram[0] != BEGIN]
    assert math.isclose(sum(probability(tables, *context, word) for word in words), 1.0, abs_tol=1e-6)


def test_the_more_common_of_two_names_that_sound_the_same_stays():
    sounds = collections.Counter(language_model.pronunciations()[name][0] for name in language_model.names())
    assert sounds.most_common(1)[0][1] == 1


def test_a_word_without_pronunciation_is_named():
    with pytest.raises(KeyError, match="zyxxy"):
        language_model.dictionary(["table", "zyxxy"])
