"""How much silence is missing before a final."""

import pytest
from hypothesis import given, strategies as st

from asr_server.endpointing import missing_silence


@pytest.mark.parametrize(
    ("heard", "speech_end", "missing"),
    [(0, 0, 800), (1_000, 1_000, 800), (1_000, 700, 500), (1_000, 200, 0), (10_000, 0, 0)],
)
def test_what_was_heard_since_the_speech_is_not_made_up(heard: int, speech_end: int, missing: int):
    assert missing_silence(heard, speech_end, 800) == missing


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**4))
def test_heard_and_made_up_silence_are_enough_and_no_more(speech_end: int, pause: int, tail: int):
    missing = missing_silence(speech_end + pause, speech_end, tail)
    assert pause + missing >= tail
    assert missing == 0 or pause + missing == tail
