import pytest
from hypothesis import given, strategies as st

from agent.spoken_numbers import in_digits, plain, point_alone, words


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("seventy six plus eighty five", "76 plus 85"),
        ("a hundred and five", "105"),
        ("twelve hundred", "1200"),
        ("two million", "2000000"),
        ("one hundred one thousand", "101000"),
        ("two hundred thousand five hundred six", "200506"),
        ("three point one four", "3.14"),
        ("five hundred and six hundred", "500 and 600"),
        ("seven thirty", "7 30"),
        ("twenty twenty five", "20 25"),
        ("salt and pepper", "salt and pepper"),
        ("", ""),
    ],
)
def test_numbers_are_put_into_digits_and_all_else_is_left(said: str, written: str):
    assert in_digits(said) == written


def test_and_may_be_left_out_of_numbers():
    assert in_digits("one hundred and five", joined=False) == "100 and 5"


@pytest.mark.parametrize(("text", "read"), [("point 2 5", "0.25"), ("no point in that", "no point in that")])
def test_a_number_may_begin_with_point(text: str, read: str):
    assert point_alone(text) == read


TALK = words("one ten twenty hundred thousand and a point third 7 table")


@given(st.lists(st.sampled_from(TALK)).map(" ".join))
def test_any_words_are_read(text: str):
    assert isinstance(in_digits(text, ordinals=True), str)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Um, a table for twenty-two, please!", "a table for twenty two please"),
        ("the the table", "the table"),
        ("at ten ten", "at ten ten"),
        ("1,000 + 2.5", "1000 + 2.5"),
        ("at 7:30 p.m.", "at 7:30 p m"),
        ("a 1-hour timer", "a 1 hour timer"),
    ],
)
def test_text_becomes_plain(said: str, kept: str):
    assert plain(said) == kept
