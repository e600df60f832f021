from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, strategies as st

from agent.reservation import Table, read
from agent.spoken_numbers import words

ROBERT = {"people": 2, "day": "Friday", "time": "7 PM", "name": "Robert"}


@pytest.fixture
def table() -> Table:
    return Table()


def test_what_is_missing_is_told_in_the_order_in_which_it_is_asked(table: Table):
    assert table.hear("a table on friday") == {"missing": "people, time, name"}


def test_once_all_is_told_it_is_reserved(table: Table):
    table.hear("Book a table for two on Friday at seven p m.")
    assert table.hear("My name is Robert.") == {"status": "reserved", **ROBERT}


def test_until_then_it_is_not(table: Table):
    table.hear("Book a table for two on Friday at seven p m.")
    assert table.reservation is None


def test_all_can_be_told_at_once(table: Table):
    said = "a table for two on friday at seven under the name robert"
    assert table.hear(said) == {"status": "reserved", **ROBERT}


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        ("make it four people", {"people": 4}),
        ("no for four", {"people": 4}),
        ("make it four", {"people": 4}),
        ("change the number of people to four", {"people": 4}),
        ("no at eight p m", {"time": "8 PM"}),
        ("change it to Sunday", {"day": "Sunday"}),
        ("no the name is peter", {"name": "Peter"}),
        ("sunday at half past eight for ten people", {"day": "Sunday", "time": "8:30 PM", "people": 10}),
        ("i would like a table", {}),
    ],
)
def test_afterwards_it_is_changed(table: Table, said: str, changed: dict[str, Any]):
    table.hear("a table for two on friday at seven under the name robert")
    assert table.hear(said) == {"status": "reserved", **ROBERT, **changed}


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ("four", {"people": 4}),
        ("for nine", {"people": 9}),
        ("two of us", {"people": 2}),
        ("just me", {"people": 1}),
        ("for for four people", {"people": 4}),
    ],
)
def test_a_number_answers_how_many(said: str, answered: dict[str, Any]):
    assert read(said, ("people",)) == answered


@pytest.mark.parametrize(
    ("said", "time"),
    [
        ("half past six", "6:30 PM"),
        ("quarter to eight", "7:45 PM"),
        ("ten past six", "6:10 PM"),
        ("for nine", "9 PM"),
        ("nine", "9 PM"),
        ("seven thirty", "7:30 PM"),
        ("7:30 pm", "7:30 PM"),
        ("at seven o'clock in the evening", "7 PM"),
        ("19:30", "7:30 PM"),
        ("noon", "12 PM"),
        ("twelve", "12 PM"),
        ("at midnight", "12 AM"),
        ("at eight in the morning", "8 AM"),
        ("eleven at night", "11 PM"),
        ("quarter to one", "12:45 PM"),
        ("at ten ten", "10:10 PM"),
    ],
)
def test_a_time_is_written_as_clocks_have_it_and_is_late_where_nobody_says_otherwise(said: str, time: str):
    assert read(said, ("time",)) == {"time": time}


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("on monday", "Monday"),
        ("this friday", "Friday"),
        ("next friday", "next Friday"),
        ("tonight", "today"),
        ("tomorrow evening", "tomorrow"),
        ("the day after tomorrow", "the day after tomorrow"),
        ("november twenty third", "November 23"),
        ("the third of may", "May 3"),
        ("November 23", "November 23"),
    ],
)
def test_a_day_is_written_as_calendars_have_it(said: str, day: str):
    assert read(said, ("day", "time")) == {"day": day}


def test_the_morning_of_a_day_is_the_morning_of_the_time():
    assert read("monday morning at ten") == {"day": "Monday", "time": "10 AM"}


@pytest.mark.parametrize(
    "said",
    [
        "lailokes",
        "my name is lailokes",
        "it's um lailokes please",
        "under the name of lailokes",
        "hello the name is lailokes",
        "put it under lailokes my friend",
        "Lailokes.",
        "lailokes lailokes",
    ],
)
def test_a_name_answers_under_which_name(said: str):
    assert read(said, ("name",)) == {"name": "Lailokes"}


@pytest.mark.parametrize(
    "said", ["i don't know", "can you change it", "yes please", "no", "what do you mean"]
)
def test_not_every_answer_is_a_name(said: str):
    assert read(said, ("name",)) == {}


def test_a_name_may_have_two_words():
    assert read("for two under the name kata brown on friday")["name"] == "Kata Brown"


def test_a_model_may_sum_up():
    assert read("2 people, Friday, 7 PM, Robert") == ROBERT


@pytest.mark.parametrize(
    "said", ["a table four two", "a table for to", "table for for two", "a table um for two"]
)
def test_two_is_heard_in_many_ways(said: str):
    assert read(said) == {"people": 2}


@pytest.mark.parametrize("said", ["for zero people", "for twenty one people", "a party of one hundred"])
def test_no_table_is_for_so_many(table: Table, said: str):
    with pytest.raises(ValueError, match="a table is for 1 to 20 people"):
        table.hear(said)


def test_what_was_refused_is_asked_again(table: Table):
    with suppress(ValueError):
        table.hear("a table for ninety people on friday")
    assert table.hear("nine") == {"missing": "day, time, name"}


def test_what_was_refused_is_not_kept(table: Table):
    with suppress(ValueError):
        table.hear("for ninety people on friday")
    assert table.hear("for nine") == {"missing": "day, time, name"}


TALK = words(
    """a table for two four at seven thirty half past quarter to on friday next may third under the name
    anna is my people no make it tonight morning pm o'clock 7:30 19 um i'm please the the , . ?"""
)


@given(
    st.lists(st.sampled_from(TALK)).map(" ".join),
    st.sampled_from([(), ("people",), ("day", "time"), ("name",)]),
)
def test_anything_can_be_said(said: str, asked: tuple[str, ...]):
    assert set(read(said, asked)) <= {"people", "day", "time", "name"}
