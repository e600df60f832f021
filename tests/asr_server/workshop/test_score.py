import pytest

from asr_server.recognizer import Heard
from asr_server.workshop.score import Condition, Trial, error_rate, share_below, word_errors


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [("a b c", "a b c", 0), ("a b c", "a c", 1), ("a b", "a x b y", 2), ("a b", "c d", 2), ("a", "", 1)],
)
def test_words_that_are_wrong_missing_or_too_many_are_counted(said: str, heard: str, errors: int):
    assert word_errors(said, heard) == errors


def test_the_error_rate_counts_words_not_sentences():
    assert error_rate([Trial("slt", "a b c", Heard("a b c")), Trial("slt", "d", Heard("e"))]) == 0.25


def test_only_what_was_heard_can_be_unsure():
    heard = [Heard("a", confidence=0.4), Heard("a", confidence=0.6), Heard("a"), Heard("")]
    assert share_below([Trial("slt", "a", each) for each in heard], 0.5) == pytest.approx(1 / 3)


def test_a_condition_is_its_heading():
    assert [str(Condition("clean")), str(Condition("white", 10))] == ["clean", "white 10 dB"]
