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


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("five minutes no ten minutes", "10 minutes"),
        ("five minutes ten seconds no wait six minutes", "6 minutes"),
        ("five minutes no ten", "10 minutes"),
        ("ten minutes not five minutes", "10 minutes"),
        ("one hour no half an hour", "30 minutes"),
    ],
)
def test_the_last_duration_puts_the_others_right(said: str, written: str):
    assert str(duration(said)) == written


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("set a second timer for ten minutes", "10 minutes"),
        ("set a one second timer", "1 second"),
        ("wait a minute set a timer for ten minutes", "10 minutes"),
        ("ten minutes just a second", "10 minutes"),
        ("give me a moment make it two minutes", "2 minutes"),
        ("just a minute", "1 minute"),
        ("give me a minute timer", "1 minute"),
    ],
)
def test_a_request_to_wait_and_a_second_timer_are_no_durations(said: str, written: str):
    assert str(duration(said)) == written


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("an hour fifteen", "1 hour 15 minutes"),
        ("one minute thirty", "1 minute 30 seconds"),
        ("an hour and five please", "1 hour 5 minutes"),
        ("ten minutes five times", "10 minutes"),
        ("five minutes four me", "5 minutes"),
    ],
)
def test_a_number_right_behind_a_unit_counts_in_the_next_smaller_one(said: str, written: str):
    assert str(duration(said)) == written


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("1:30", "1 minute 30 seconds"),
        ("1:30 hours", "1 hour 30 minutes"),
        ("1:30:00", "1 hour 30 minutes"),
        ("1h30m", "1 hour 30 minutes"),
        ("for 10s", "10 seconds"),
    ],
)
def test_a_duration_may_be_typed_in_short(typed: str, written: str):
    assert str(duration(typed)) == written


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("two point seven five minutes", "2 minutes 45 seconds"),
        ("zero point five minutes", "30 seconds"),
        ("point five minutes", "30 seconds"),
        ("three and a half", "3 minutes 30 seconds"),
        ("half an hour and five minutes", "35 minutes"),
        ("an hour and three quarters", "1 hour 45 minutes"),
    ],
)
def test_parts_of_a_unit_are_written_in_smaller_ones(said: str, written: str):
    assert str(duration(said)) == written


@pytest.mark.parametrize("said", ["set a timer for ten", "ten"])
def test_a_number_alone_is_minutes(said: str):
    assert str(duration(said)) == "10 minutes"


@pytest.mark.parametrize(
    "said", ["set a timer", "set one timer", "", "later", "a timer please", "wait a minute", "till 7:30"]
)
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
