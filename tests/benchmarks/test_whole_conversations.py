import json
from datetime import datetime
from typing import Any

import pytest

from agent.call_report import CallReport, TurnReport
from tests.benchmarks.whole_conversations import CONVERSATIONS, VOICES, Outcome, is_met, markdown, outcome_of

TABLE = {"kind": "table", "say": ["Book it.", "What is my reservation?"], "goal": ["2", "Friday"]}
TIMER = {"kind": "timer", "say": ["Set it."], "rings": "It is up.", "goal": []}


def report(*answers: str, last: str = "the last") -> CallReport:
    names = [*["a turn"] * (len(answers) - 1), last]
    turns = (
        TurnReport(name, bool(answer), "words", (), answer, None, None, None, None, None, None)
        for name, answer in zip(names, answers, strict=True)
    )
    return CallReport("http://localhost", tuple(turns), "", 1.0, 0.0, 0.0, ())


@pytest.mark.parametrize(
    ("script", "heard", "reached"),
    [
        (TABLE, report("Hello!", "A table for 2 on Friday."), True),
        (TABLE, report("A table for 2 on Friday.", "For 3 on Friday."), False),
        (TABLE, report("A table for 2 on Friday.", ""), False),
        (TIMER, report("It is set.", "It is up.", last="ring"), True),
        (TIMER, report("It is set. It is up.", "", last="ring"), True),
        (TIMER, report("It is set.", "", last="ring"), False),
        (TIMER, report("It is up.", last="Set it."), False),
    ],
)
def test_the_last_answer_says_whether_the_goal_is_reached(
    script: dict[str, Any], heard: CallReport, reached: bool
):
    assert outcome_of(script, "slt", heard).reached is reached


@pytest.mark.parametrize(
    ("part", "answer", "met"),
    [
        ("42", "That makes 42.", True),
        ("42", "That makes 142.", False),
        ("It is {time}", "It is 7:04 PM.", True),
        ("It is {time}", "It is 7:02 PM.", True),
        ("It is {time}", "It is 7:14 PM.", False),
        ("Today is {date}", "Today is Sunday, November 22.", True),
    ],
)
def test_a_goal_is_met_in_whole_words_and_by_the_clock(part: str, answer: str, met: bool):
    assert is_met(part, answer, datetime(2026, 11, 22, 19, 4)) is met


def test_there_are_a_hundred_conversations():
    assert len(json.loads(CONVERSATIONS.read_text())) * len(VOICES) == 100


def test_the_table_counts_and_shows_what_failed():
    outcomes = [
        Outcome("table", "slt", True, []),
        Outcome("table", "awb", False, ["Book it. | look at | No."]),
        Outcome("table", "slt", False, []),
    ]
    text = markdown(outcomes)
    assert "1 of 3 reached their goal" in text
    assert "| table | 0/1 | 1/2 |" in text
    assert "    Book it. | look at | No." in text
