"""The committed ear keeps its scores, over all sentences that `make demo-score` counts: minutes."""

import pytest

from asr_server.sphinx import SphinxRecognizer
from asr_server.workshop import score
from asr_server.workshop.score import CLEAN, ENOUGH, Condition, error_rate, share_below, trials
from asr_server.workshop.speech import sentences

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def recognizer(flite: object) -> SphinxRecognizer:
    return score.loaded()


@pytest.mark.parametrize(
    ("condition", "most"), [(CLEAN, 0.05), (Condition("white", 10), 0.15), (Condition("babble", 10), 0.15)]
)
def test_its_word_error_rate_is_low(recognizer: SphinxRecognizer, condition: Condition, most: float):
    assert error_rate(list(trials(recognizer, sentences().in_domain, condition))) <= most


def test_it_is_unsure_of_what_is_no_sentence_of_its_domain(recognizer: SphinxRecognizer):
    found = list(trials(recognizer, sentences().out_of_domain, CLEAN))
    unheard = sum(not trial.heard.text for trial in found)
    assert share_below(found, ENOUGH) * (len(found) - unheard) + unheard >= 0.8 * len(found)


def test_it_is_sure_of_what_is_one(recognizer: SphinxRecognizer):
    assert share_below(list(trials(recognizer, sentences().in_domain, CLEAN)), ENOUGH) <= 0.03
