from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from agent.arithmetic import MAX_VALUE, calculate


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
    ],
)
def test_sums(expression: str, value: float):
    assert calculate(expression) == value


def test_whole_numbers_come_out_whole():
    assert isinstance(calculate("6 / 2"), int)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("1 / 0", "division by zero"),
        ("2 ** 99", "only digits"),
        ("9 // 2", "only digits"),
        ("__import__('os')", "only digits"),
        ("1 +", "not a sum"),
        ("(1, 2)", "only digits"),
        ("1 2", "not a sum"),
        ("", "only digits"),
        ("9" * 20, "too large"),
        ("99999999 * 99999999 * 99999999", "too large"),
        ("(" * 60 + "1" + ")" * 60, "too long"),
        ("٣ + ٤", "only digits"),
    ],
)
def test_what_is_no_sum_is_refused_in_words(expression: str, why: str):
    with pytest.raises(ValueError, match=why):
        calculate(expression)


@given(st.text(alphabet="0123456789+-*/(). ", max_size=120))
def test_any_expression_gives_a_number_or_a_sentence(expression: str):
    with suppress(ValueError):
        assert abs(calculate(expression)) <= MAX_VALUE
