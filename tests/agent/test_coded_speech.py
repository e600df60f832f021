import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.agent.coded_speech import SPREAD, Vocabulary, is_silent

SAMPLES = 4_800


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    vocabulary = Vocabulary()
    for number in range(SPREAD**2):
        vocabulary.say(str(number), 1)
    return vocabulary


@given(number=st.integers(0, SPREAD**2 - 1), start=st.integers(0, 4_000), gain=st.floats(0.01, 1))
def test_a_word_is_heard_in_any_piece_of_20_ms_at_any_loudness(
    vocabulary: Vocabulary, number: int, start: int, gain: float
):
    pcm = np.frombuffer(vocabulary.say(str(number), SAMPLES), "<i2")
    piece = (pcm[start : start + 480] * gain).astype("<i2").tobytes()
    assert vocabulary.hear(piece) == [str(number)]


def test_words_are_heard_in_order(vocabulary: Vocabulary):
    pcm = b"".join(vocabulary.say(word, SAMPLES) for word in ("7", "1100", "8"))
    assert vocabulary.hear(bytes(960) + pcm) == ["7", "1100", "8"]


def test_silence_is_no_word(vocabulary: Vocabulary):
    assert (vocabulary.hear(bytes(960)), is_silent(bytes(960)), is_silent(b"\1\0")) == ([], True, False)


def test_there_is_an_end_to_words(vocabulary: Vocabulary):
    with pytest.raises(ValueError, match="no more"):
        vocabulary.say("one more", 1)
