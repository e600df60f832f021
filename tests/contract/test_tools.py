"""The calls that the demo model learns from, held with the agent's own tools, answer as the corpus has it.

Times, dates and facts are made up there. Noise makes a few messages mean something else, to anyone.
"""

import json
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from agent.spoken_numbers import in_digits
from agent.tools import Tools
from llm.demo.corpus import dialogues
from llm.demo.corpus.call import Message, Split
from llm.demo.corpus.dialogues import Dialogue
from llm.demo.corpus.spoken import number, ordinal
from tests.agent.test_tools import Told, call
from tests.benchmarks.whole_conversations import is_met

MADE_UP = {"get_time", "get_date", "lookup"}
CALLS = 400


@given(st.integers(0, 999_999))
def test_every_number_that_the_corpus_says_is_read(value: int):
    assert in_digits(number(value)) == str(value)


@pytest.mark.parametrize("day", range(1, 32))
def test_every_day_that_the_corpus_says_is_read(day: int):
    assert in_digits(ordinal(day), ordinals=True) == str(day)


async def held(made: Dialogue) -> list[tuple[Any, Any, Any]]:
    """The tool calls of one call: (the arguments, what the corpus says, what the agent says)."""
    tools = Tools(datetime.now, Told())
    answers: list[tuple[Any, Any, Any]] = []
    for message, result in zip(made.messages, made.messages[1:], strict=False):
        if "tool_calls" not in message or name_of(message) in MADE_UP:
            continue
        arguments = message["tool_calls"][0]["function"]["arguments"]
        given = await call(tools, name_of(message), **arguments)
        answers.append((arguments, json.loads(result["content"]), given))
    await tools.close()
    return answers


def name_of(message: Message) -> str:
    return message["tool_calls"][0]["function"]["name"]


@pytest.mark.parametrize("split", ["train", "test"])
async def test_the_tools_answer_as_the_corpus_says(split: Split):
    calls = [await held(made) for made in islice(dialogues.dialogues(17, split), CALLS)]
    # After a slip of the ear the rest of its call differs too.
    wrong = [
        next(one for one in made if one[1] != one[2]) for made in calls if any(a != b for _, a, b in made)
    ]
    assert len(wrong) <= 0.01 * CALLS, wrong
    assert sum(map(len, calls)) > CALLS


CONVERSATIONS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "benchmarks" / "conversations.json").read_text()
)
TOOL = {
    "table": ("reserve_table", "request"),
    "change": ("reserve_table", "request"),
    "hesitation": ("reserve_table", "request"),
    "sum": ("calculate", "expression"),
    "facts": ("lookup", "question"),
    "timer": ("set_timer", "duration"),
}
"""The tool that each kind of conversation is about, and its argument."""


@pytest.mark.parametrize(
    "script", [s for s in CONVERSATIONS if s["kind"] in TOOL], ids=lambda script: str(script["say"])
)
async def test_the_conversations_that_are_measured_reach_their_goal(script: dict[str, Any]):
    tools, (name, argument) = Tools(datetime.now, Told()), TOOL[script["kind"]]
    said = [part if isinstance(part, str) else f"{part[0]} {part[2]}" for part in script["say"]]
    result: Any = {}
    for text in said:
        if text == "What is my reservation?":
            result = await call(tools, "get_reservation")
        elif text != "What time is it?":
            result = await call(tools, name, **{argument: text.lower().rstrip(".?")})
    await tools.close()
    found = " ".join(str(value) for value in result.values())
    parts = (part.removeprefix("for ").removeprefix("name ") for part in script["goal"])
    assert all(is_met(part, found, datetime.now()) for part in parts), found
    assert "error" not in result
    assert "missing" not in result
