import random

import pytest
from hypothesis import given, strategies as st

from llm.demo.corpus import spoken


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "zero"),
        (12, "twelve"),
        (42, "forty two"),
        (100, "one hundred"),
        (1234, "one thousand two hundred thirty four"),
    ],
)
def test_numbers_are_words(value, words):
    assert spoken.number(value) == words


@given(st.sets(st.integers(0, 999_999), min_size=2, max_size=2))
def test_two_numbers_are_never_said_alike(values):
    assert len({spoken.number(value) for value in values}) == 2


@pytest.mark.parametrize(
    ("day", "words"), [(1, "first"), (20, "twentieth"), (23, "twenty third"), (30, "thirtieth")]
)
def test_days_of_the_month_are_ordinals(day, words):
    assert spoken.ordinal(day) == words


def test_a_text_has_a_said_and_a_typed_side():
    text = f"{spoken.name('anna')} at {spoken.both(7)} {{p m|pm}}"
    assert (spoken.spoken(text), spoken.typed(text)) == ("anna at seven p m", "Anna at 7 pm")


@pytest.mark.parametrize("seed", range(50))
def test_a_time_says_the_hour_its_value_has(seed):
    said, value = spoken.table_time(random.Random(seed))
    hour = int(value.split()[0].split(":")[0])
    words = spoken.spoken(said)
    assert words == "noon" or spoken.number(hour) in words or "quarter to" in words
