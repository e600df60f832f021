import numpy as np
import pytest

from tests.benchmarks.script import Script, Sentence, Word, timed
from tests.benchmarks.stage_times import TurnTimes

HZ = 16_000
TIMES = TurnTimes(1, 2, 3)


def noise(ms: int) -> np.ndarray:
    return np.random.default_rng(1).integers(-9_000, 9_000, HZ * ms // 1000).astype(np.int16)


def silence(ms: int) -> np.ndarray:
    return np.zeros(HZ * ms // 1000, np.int16)


def test_words_share_the_time_of_their_part_by_their_letters():
    audio = np.concatenate([silence(200), noise(900), silence(800), noise(400), silence(200)])
    sentence = timed(["I want", "Tea."], audio, HZ)
    assert sentence.text == "i want tea"
    assert [word.end_ms for word in sentence.words] == pytest.approx([257, 900, 2_100], abs=10)


def test_a_sentence_without_the_pauses_it_should_have_is_one_part():
    sentence = timed(["One", "two"], np.concatenate([noise(400), silence(100), noise(400)]), HZ)
    assert sentence.words[-1].end_ms == pytest.approx(900, abs=10)


def test_words_are_known_once_they_are_over():
    sentence = Sentence((Word("one", 300), Word("two", 600)))
    assert [sentence.between(0, at) for at in (299, 300, 700)] == ["", "one", "one two"]
    assert sentence.between(300, 700) == "two"


async def test_what_is_done_belongs_to_the_turn_in_which_it_began():
    script = Script(TIMES)
    script.begin("llm")
    script.say(Sentence(()), TIMES)
    late = script.begin("llm")
    assert script.of(1, "llm") == [late]
