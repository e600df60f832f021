import pytest

from agent.duration import duration


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("set a timer for forty five minutes", "45 minutes"),
        ("90 seconds", "90 seconds"),
        ("an hour", "1 hour"),
        ("half an hour", "30 minutes"),
        ("an hour and a half", "1 hour 30 minutes"),
        ("one and a half hours", "1 hour 30 minutes"),
        ("two and a half minutes", "2 minutes 30 seconds"),
        ("2.5 hours", "2 hours 30 minutes"),
        ("a quarter of an hour", "15 minutes"),
        ("three quarters of an hour", "45 minutes"),
        ("one hour and thirty minutes", "1 hour 30 minutes"),
        ("set a ten second timer", "10 seconds"),
        ("a 1-hour timer", "1 hour"),
        ("5 mins", "5 minutes"),
        ("tell me when um twenty seconds are over", "20 seconds"),
        ("set timer four five minutes", "5 minutes"),
    ],
)
def test_a_duration_is_found_in_what_is_said(said: str, written: str):
    assert str(duration(said)) == written


@pytest.mark.parametrize("said", ["set a timer for ten", "ten"])
def test_a_number_alone_is_minutes(said: str):
    assert str(duration(said)) == "10 minutes"


@pytest.mark.parametrize("said", ["set a timer", "set one timer", "", "later", "a timer please"])
def test_where_none_is_said_there_is_none(said: str):
    assert duration(said) is None


@pytest.mark.parametrize("said", ["zero seconds", "25 hours", "a million minutes"])
def test_too_short_and_too_long_are_refused_in_words(said: str):
    with pytest.raises(ValueError, match="a day at most"):
        duration(said)


def test_the_longest_is_a_day():
    found = duration("twenty four hours")
    assert found
    assert found.seconds == 86_400


def test_before_the_timer_it_is_in_the_singular():
    found = duration("an hour and a half")
    assert found
    assert found.adjective == "1 hour 30 minute"
