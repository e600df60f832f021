import pytest

from agent.clock_time import MORNING, in_figures, nth


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("on the fifteenth at seven thirty", "on the 15th at 7 30"),
        ("friday the twelfth", "friday the 12th"),
        ("the twenty third for four", "the 23rd for 4"),
        ("the thirtieth", "the 30th"),
        ("twenty two people", "22 people"),
    ],
)
def test_a_day_of_the_month_is_no_number(said: str, written: str):
    assert in_figures(said) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"), (31, "31st")],
)
def test_a_day_of_the_month_has_its_ending(value: int, written: str):
    assert nth(value) == written


@pytest.mark.parametrize("said", ["good morning", "good morning tonight at seven", "morning"])
def test_a_greeting_is_no_part_of_the_day(said: str):
    assert not MORNING.search(said)
