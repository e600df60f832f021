import pytest
from hypothesis import given, strategies as st

from agent.patience import SOON_MS, USUAL_MS, patience_ms

LONGEST_MS = 1_200


@pytest.mark.parametrize(
    "text",
    [
        "what time is it",
        "What's the weather like?",
        "can you help me",
        "is there a table free",
        "yes",
        "Yes, please.",
        "no thank you",
        "that’s all",
        "goodbye",
    ],
)
def test_what_is_whole_is_answered_soon(text: str):
    assert patience_ms(text, LONGEST_MS) == SOON_MS


@pytest.mark.parametrize(
    "text",
    [
        "my number is",
        "i would like",
        "I would like, um",
        "book a table for",
        "what is the",
        "what is five plus six and",
        "my name is",
        "under the name",
        "can you",
        "who is it for",
        "let me see",
        "my phone number is five five",
        "the code is 4 2",
    ],
)
def test_what_needs_more_is_waited_for_longest(text: str):
    assert patience_ms(text, LONGEST_MS) == LONGEST_MS


@pytest.mark.parametrize(
    "text", ["", "?", "book a table for two", "under the name robert", "friday at seven"]
)
def test_what_does_not_tell_is_waited_for_as_usual(text: str):
    assert patience_ms(text, LONGEST_MS) == USUAL_MS


@given(st.text(max_size=80), st.integers(min_value=1, max_value=10_000))
def test_nobody_is_waited_for_longer_than_is_set(text: str, longest_ms: int):
    assert min(SOON_MS, longest_ms) <= patience_ms(text, longest_ms) <= longest_ms


@given(st.text(max_size=40))
def test_an_um_is_always_waited_out(text: str):
    assert patience_ms(f"{text} um", LONGEST_MS) == LONGEST_MS
