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
    ("said", "changed"),
    [
        ("two more people please", {"people": 4}),
        ("make it two more", {"people": 4}),
        ("another person", {"people": 3}),
        ("one less", {"people": 1}),
        ("change it from five to six people", {"people": 6}),
        ("make it six instead of two", {"people": 6}),
        ("make it eight instead of seven", {"time": "8 PM"}),
        ("make it eight o'clock instead of seven", {"time": "8 PM"}),
        ("change it from seven to eight", {"time": "8 PM"}),
        ("saturday instead of friday", {"day": "Saturday"}),
        ("not friday but saturday", {"day": "Saturday"}),
        ("change the name from robert to paul", {"name": "Paul"}),
    ],
)
def test_what_was_known_says_what_is_changed(table: Table, said: str, changed: dict[str, Any]):
    table.hear("a table for two on friday at seven under the name robert")
    assert table.hear(said) == {"status": "reserved", **ROBERT, **changed}


@pytest.mark.parametrize(
    ("said", "last"),
    [
        ("my name is peter no my name is paul", {"name": "Paul"}),
        ("friday no tomorrow", {"day": "tomorrow"}),
        ("at half past eight no at seven", {"time": "7 PM"}),
    ],
)
def test_what_is_said_last_counts(said: str, last: dict[str, Any]):
    assert read(said) == last


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ("four", {"people": 4}),
        ("for nine", {"people": 9}),
        ("two of us", {"people": 2}),
        ("just me", {"people": 1}),
        ("for for four people", {"people": 4}),
        ("about six", {"people": 6}),
        ("we are about six at seven", {"people": 6, "time": "7 PM"}),
        ("five to six", {"people": 6}),
        ("for six people around seven", {"people": 6, "time": "7 PM"}),
        ("friday the twelfth at seven", {"day": "Friday the 12th", "time": "7 PM"}),
        ("two adults and three children", {"people": 5}),
        ("two adults two children and a baby", {"people": 5}),
        ("four people two adults and two children", {"people": 4}),
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
        ("from six to eight", "6 PM"),
        ("at twenty minutes to eight", "7:40 PM"),
        ("for two hours at seven", "7 PM"),
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
        ("on the fifteenth", "the 15th"),
        ("the second", "the 2nd"),
        ("fifteenth please", "the 15th"),
        ("the twenty third of next month", "the 23rd of next month"),
        ("friday the twelfth", "Friday the 12th"),
        ("friday the twelfth of november", "November 12"),
        ("in two weeks on friday", "Friday in 2 weeks"),
        ("friday next week", "Friday next week"),
        ("a week from friday", "a week from Friday"),
    ],
)
def test_a_day_is_written_as_calendars_have_it(said: str, day: str):
    assert read(said, ("day", "time")) == {"day": day}


@pytest.mark.parametrize(
    "said", ["in two weeks", "in two days", "wait a second", "the first available table", "on second thought"]
)
def test_not_every_number_is_a_day_or_an_hour(said: str):
    assert read(said, ("day", "time")) == {}


@pytest.mark.parametrize("said", ["monday morning at ten", "in the morning on monday at ten"])
def test_the_morning_of_a_day_is_the_morning_of_the_time(said: str):
    assert read(said) == {"day": "Monday", "time": "10 AM"}


def test_who_says_good_morning_comes_in_the_evening():
    assert read("good morning a table tonight at half past seven") == {"day": "today", "time": "7:30 PM"}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("a table for ten to twelve people", {"people": 12}),
        ("table for four 7 pm", {"people": 4, "time": "7 PM"}),
        ("a table for four ten thirty", {"people": 4, "time": "10:30 PM"}),
        ("two more people please", {"people": 2}),
        ("my name is robert make it eight people", {"name": "Robert", "people": 8}),
        ("my name is anna but", {"name": "Anna"}),
        ("on the fifteenth at seven", {"day": "the 15th", "time": "7 PM"}),
    ],
)
def test_a_number_and_a_name_end_where_something_else_begins(said: str, told: dict[str, Any]):
    assert read(said) == told


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
    "said",
    [
        "i don't know",
        "can you change it",
        "yes please",
        "no",
        "what do you mean",
        "i will",
        "will you help me",
    ],
)
def test_not_every_answer_is_a_name(said: str):
    assert read(said, ("name",)) == {}


@pytest.mark.parametrize(
    ("said", "name"), [("will", "Will"), ("it's will please", "Will"), ("will smith", "Will Smith")]
)
def test_will_is_a_name_too(said: str, name: str):
    assert read(said, ("name",)) == {"name": name}


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
    anna is my people no make it tonight morning pm o'clock 7:30 19 um i'm please the the , . ?
    twelfth second of in weeks from instead not change more another adults and child about will is"""
)


@given(
    st.lists(st.sampled_from(TALK)).map(" ".join),
    st.sampled_from([(), ("people",), ("day", "time"), ("name",)]),
)
def test_anything_can_be_said(said: str, asked: tuple[str, ...]):
    assert set(read(said, asked, ROBERT)) <= {"people", "day", "time", "name"}
