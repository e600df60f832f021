import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

import pytest

from agent.tools import MAX_TIMERS, Tools

ANNA = {"people": 2, "day": "Friday", "time": "7 PM", "name": "Anna"}
REQUEST = "a table for two on friday at seven under the name anna"


class Told:
    """What the agent was told to say."""

    def __init__(self) -> None:
        self.texts: asyncio.Queue[str] = asyncio.Queue()

    async def __call__(self, text: str) -> None:
        await self.texts.put(text)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def tools(told: Told) -> AsyncGenerator[Tools, None]:
    tools = Tools(lambda: datetime(2026, 11, 22, 16, 5), told)
    yield tools
    await tools.close()


async def call(tools: Tools, name: str, /, **arguments: Any) -> Any:
    """The result as Pipecat puts it into the conversation."""
    schema = next(tool for tool in tools.schema().standard_tools if tool.name == name)
    results: list[Any] = []

    class Params:
        async def result_callback(self, result: Any) -> None:
            results.append(json.loads(json.dumps(result)))

    params: Any = Params()
    params.arguments = arguments
    assert schema.handler
    await schema.handler(params)
    return results[0]


async def test_the_time_is_said_as_people_say_it(tools: Tools):
    assert await call(tools, "get_time") == {"time": "4:05 PM"}


async def test_midnight_is_twelve(told: Told):
    tools = Tools(lambda: datetime(2026, 1, 1, 0, 30), told)
    assert await call(tools, "get_time") == {"time": "12:30 AM"}


async def test_the_date_has_its_day_of_the_week(tools: Tools):
    assert await call(tools, "get_date") == {"date": "Sunday, November 22"}


async def test_a_sum_is_worked_out(tools: Tools):
    assert await call(tools, "calculate", expression="12 + 30") == {"result": 42}


async def test_a_sum_that_cannot_be_worked_out_says_why(tools: Tools):
    assert await call(tools, "calculate", expression="1 / 0") == {"error": "nothing can be divided by zero"}


async def test_a_reservation_is_confirmed(tools: Tools):
    assert await call(tools, "reserve_table", request=REQUEST) == {"status": "reserved", **ANNA}


async def test_a_reservation_is_kept(tools: Tools):
    await call(tools, "reserve_table", request=REQUEST)
    assert await call(tools, "get_reservation") == ANNA


async def test_a_second_request_changes_the_reservation(tools: Tools):
    await call(tools, "reserve_table", request=REQUEST)
    await call(tools, "reserve_table", request="make it four people")
    assert await call(tools, "get_reservation") == {**ANNA, "people": 4}


async def test_what_is_missing_is_said(tools: Tools):
    assert await call(tools, "reserve_table", request="a table for two") == {"missing": "day, time, name"}


async def test_a_table_that_lacks_something_is_no_reservation(tools: Tools):
    await call(tools, "reserve_table", request="a table for two")
    assert await call(tools, "get_reservation") == {"reservation": "none"}


async def test_without_a_reservation_there_is_none(tools: Tools):
    assert await call(tools, "get_reservation") == {"reservation": "none"}


async def test_a_number_is_as_good_as_its_text(tools: Tools):
    await call(tools, "reserve_table", request="a table on friday")
    assert await call(tools, "reserve_table", request=2) == {"missing": "time, name"}


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        ("reserve_table", {"request": "for ninety people"}, "1 to 20"),
        ("reserve_table", {"request": " "}, "request: "),
        ("reserve_table", {}, "request: "),
        ("calculate", {}, "expression: "),
        ("calculate", {"expression": "import os"}, "no sum"),
        ("calculate", {"expression": "ten divided by zero"}, "divided by zero"),
        ("set_timer", {"duration": "25 hours"}, "a day at most"),
        ("set_timer", {"duration": ["5"]}, "duration: "),
        ("lookup", {}, "question: "),
        ("lookup", {"question": " "}, "question: "),
        ("lookup", {"question": "why " * 200}, "question: "),
    ],
)
async def test_wrong_arguments_are_an_answer(tools: Tools, name: str, arguments: dict[str, Any], why: str):
    assert why in (await call(tools, name, **arguments))["error"]


async def test_a_fact_is_looked_up(tools: Tools):
    found = await call(tools, "lookup", question="how much is the lasagna")
    assert found == {"found": "The lasagna is 14 dollars."}


async def test_a_second_question_is_asked_of_the_first(tools: Tools):
    await call(tools, "lookup", question="How much is the lasagna?")
    assert await call(tools, "lookup", question="And the goulash?") == {"found": "The goulash is 16 dollars."}


async def test_what_is_in_no_fact_is_not_found(tools: Tools):
    assert await call(tools, "lookup", question="where is my helicopter") == {"found": "nothing"}


async def test_a_timer_is_confirmed(tools: Tools):
    result = await call(tools, "set_timer", duration="set a timer for five minutes")
    assert result == {"status": "started", "duration": "5 minutes"}


async def test_a_timer_without_a_duration_is_not_started(tools: Tools):
    assert await call(tools, "set_timer", duration="set a timer") == {"missing": "duration"}


@pytest.fixture
def short_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.tools.SECOND_S", 0.01)


@pytest.mark.usefixtures("short_second")
async def test_a_timer_speaks_up(tools: Tools, told: Told):
    await call(tools, "set_timer", duration="one second")
    assert await told.texts.get() == "Your 1 second timer is up."


@pytest.mark.usefixtures("short_second")
async def test_timers_end_with_the_call(tools: Tools, told: Told):
    await call(tools, "set_timer", duration="one second")
    await tools.close()
    await asyncio.sleep(0.03)
    assert told.texts.empty()


async def test_timers_are_not_without_number(tools: Tools):
    for _ in range(MAX_TIMERS):
        await call(tools, "set_timer", duration="1 hour")
    assert await call(tools, "set_timer", duration="1 hour") == {"error": "too many timers are running"}


async def test_two_calls_do_not_share_a_reservation(tools: Tools, told: Told):
    await call(tools, "reserve_table", request=REQUEST)
    other = Tools(datetime.now, told)
    assert await call(other, "get_reservation") == {"reservation": "none"}
