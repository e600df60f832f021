from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from agent.arithmetic import MAX_VALUE, calculate
from agent.spoken_numbers import words


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("12 + 30", 42),
        ("7 / 2", 3.5),
        ("10 / 3", 3.33),
        ("6 / 2", 3),
        ("-3 * -4", 12),
        ("2 * (3 + 4) - 1", 13),
        ("007 + 0", 7),
        ("0.5 + .25", 0.75),
        (" 1 + 1 ", 2),
        ("0 - 0.001", 0),
        (".5 + 1", 1.5),
        ("- 5 + 3", -2),
        ("5 -3", 2),
        ("12x3", 36),
        ("20% of 50", 10),
        ("$5 + $3", 8),
        ("two times 3 + 4", 10),
    ],
)
def test_sums_in_signs(expression: str, value: float):
    assert calculate(expression) == value


def test_whole_numbers_come_out_whole():
    assert isinstance(calculate("6 / 2"), int)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("what is seventy six plus eighty five", 161),
        ("What is 12+30?", 42),
        ("the sum of two and three", 5),
        ("what is five and six", 11),
        ("add five to twelve", 17),
        ("add two and three and four", 9),
        ("divide ten by two", 5),
        ("how often does five go into ten", 2),
        ("subtract five from twelve", 7),
        ("take five away from twelve please", 7),
        ("twelve take away five", 7),
        ("multiply six and seven", 42),
        ("what is 12 x 3", 36),
        ("minus five plus three", -2),
        ("twenty percent of fifty", 10),
        ("half of ten", 5),
        ("twelve plus four minus three", 13),
        ("three point five times two", 7),
    ],
)
def test_sums_in_words(expression: str, value: float):
    assert calculate(expression) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("what is um seventy six plus uh eighty five", 161),
        ("what is is seven seven plus one", 8),
        ("what is forty forty two plus one", 43),
        ("add five too three", 8),
        ("add five an three", 8),
    ],
)
def test_hesitation_and_mishearing_do_no_harm(expression: str, value: float):
    assert calculate(expression) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [("what is one hundred and five plus three", 108), ("add one hundred and five", 105)],
)
def test_and_is_part_of_a_number_where_a_sum_is_left(expression: str, value: float):
    assert calculate(expression) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("two and a half times four", 10),
        ("ten divided by two and a half", 4),
        ("one and a half plus half of five", 4),
        ("two and a half percent of forty", 1),
        ("five point five plus one", 6.5),
        ("point five plus one", 1.5),
        ("zero point five plus point five", 1),
        ("nineteen ninety nine plus one", 2000),
        ("ten plus twenty percent of fifty", 20),
        ("ten over twenty percent of fifty", 1),
    ],
)
def test_halves_decimals_and_years_are_read(expression: str, value: float):
    assert calculate(expression) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("negative five plus three", -2),
        ("five minus negative three", 8),
        ("five plus minus three", 2),
        ("multiply minus two by four", -8),
        ("minus 5 + 3", -2),
    ],
)
def test_a_number_may_be_negative(expression: str, value: float):
    assert calculate(expression) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("five no six plus seven", 13),
        ("five plus six no wait seven", 12),
        ("what is five plus six no what is seven plus eight", 15),
        ("i have one question what is five plus three", 8),
        ("how many times does five go into ten", 2),
    ],
)
def test_what_is_put_right_does_not_count(expression: str, value: float):
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "two billion plus one",
        "2 million plus 1",
        "half a million plus one",
        "a dozen plus two",
        "one third plus one third",
        "one half plus one half",
        "five plus one and a third",
        "the square root of sixteen plus nine",
        "square root of 16 + 9",
        "\N{SQUARE ROOT}16 + 9",
        "\N{MINUS SIGN}5 + 3",
        "two squared plus three",
        "5^2 + 3",
        "5! + 3",
        "two to the power of three plus one",
        "ten to the fifth plus one",
        "double five plus three",
        "double what is five plus three",
        "fifty minus ten percent",
        "50 - 10%",
        "five dollars and fifty cents times two",
        "five plus three times",
        "times five plus three",
    ],
)
def test_a_sum_is_refused_where_a_word_of_it_is_not_understood(expression: str):
    with pytest.raises(ValueError, match="no sum"):
        calculate(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "add two and three and multiply by four",
        "add two and three times four",
        "subtract two from ten times three",
        "add five six and seven",
        "add twenty thirty and forty",
        "one two three plus four",
        "five plus three then times two",
        "five plus six no seven plus eight",
        "five plus six or seven",
    ],
)
def test_a_sum_is_refused_where_it_could_be_two(expression: str):
    with pytest.raises(ValueError, match="no sum"):
        calculate(expression)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("1 / 0", "divided by zero"),
        ("2 ** 99", "no sum"),
        ("9 // 2", "no sum"),
        ("__import__('os')", "no sum"),
        ("hello", "no sum"),
        ("twelve", "no sum"),
        ("1 +", "no sum"),
        ("", "no sum"),
        ("9" * 20 + " + 1", "too large"),
        ("99999999 * 99999999 * 99999999", "too large"),
        ("(" * 100 + "1" + ")" * 100, "too long"),
        ("\N{ARABIC-INDIC DIGIT THREE} + \N{ARABIC-INDIC DIGIT FOUR}", "no sum"),
    ],
)
def test_what_is_no_sum_is_refused_in_words(expression: str, why: str):
    with pytest.raises(ValueError, match=why):
        calculate(expression)


TALK = words(
    """what is two five twenty hundred and plus minus times over by from add half percent point of no negative
    % x"""
)


@given(st.lists(st.sampled_from([*TALK, "7", "0", "-", "(", "3.5"])).map(" ".join))
def test_any_talk_gives_a_number_or_a_sentence(talk: str):
    with suppress(ValueError):
        assert abs(calculate(talk)) <= MAX_VALUE


@given(st.text(alphabet="0123456789+-*/(). ", max_size=120))
def test_any_expression_gives_a_number_or_a_sentence(expression: str):
    with suppress(ValueError):
        assert abs(calculate(expression)) <= MAX_VALUE
