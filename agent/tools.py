"""What the agent can do: tell the time and date, calculate, keep a reservation, run timers, look up facts.

One `Tools` per call: a reservation lasts as long as the call, and its timers end with it. Every tool
answers with a JSON object; one that cannot do what it was asked answers {"error": why}, in words that
the model can pass on.

The tools read the caller's own words ("half past six", "seventy six plus eighty five"), so a model need not
understand them: it chooses a tool and copies. "6:30 PM" and "76 + 85" are as welcome.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

from loguru import logger
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.services.llm_service import FunctionCallParams
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from agent import facts
from agent.arithmetic import calculate
from agent.duration import Duration, duration
from agent.reservation import Table

Clock = Callable[[], datetime]
"""Now, in the caller's time zone."""
Say = Callable[[str], Awaitable[None]]
"""Have the agent say a sentence of its own accord, when nobody else is speaking."""
Result = dict[str, Any]

SECOND_S = 1.0
"""A timer's second; tests have shorter ones."""
MAX_TIMERS = 20
"""A caller who sets more has a program call for them."""

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]
"""What a caller says in one turn; the longest that they say in 20 seconds."""


class Arguments(BaseModel):
    """What a tool is called with. Lenient about types (2 is "2"): models are not always exact."""

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)


class Expression(Arguments):
    """What to work out."""

    expression: Words


class Request(Arguments):
    """What the caller says of the table."""

    request: Words


class Timer(Arguments):
    """How long to wait."""

    duration: Words


class Question(Arguments):
    """What to look up."""

    question: Words


class Tools:
    """The seven tools of one call, and what they remember."""

    def __init__(self, clock: Clock, say: Say) -> None:
        self._clock = clock
        self._say = say
        self._table = Table()
        self._found: facts.Fact | None = None
        self._timers: set[asyncio.Task[None]] = set()

    @property
    def timers(self) -> int:
        """How many timers run."""
        return len(self._timers)

    def schema(self) -> ToolsSchema:
        """What the LLM is told about the tools, each with the method that does it."""
        methods = (
            self.get_time,
            self.get_date,
            self.calculate,
            self.reserve_table,
            self.get_reservation,
            self.set_timer,
            self.lookup,
        )
        return ToolsSchema(standard_tools=[_schema(method) for method in methods])

    def get_time(self, arguments: Result) -> Result:
        """The time of day, as it is said."""
        now = self._clock()
        return {"time": f"{now:%I:%M %p}".lstrip("0")}

    def get_date(self, arguments: Result) -> Result:
        """The day of the week, the month and the day."""
        now = self._clock()
        return {"date": f"{now:%A, %B} {now.day}"}

    def calculate(self, arguments: Result) -> Result:
        """The value of an expression."""
        return {"result": calculate(Expression.model_validate(arguments).expression)}

    def reserve_table(self, arguments: Result) -> Result:
        """Take down what is said of the table; it is reserved once all is known, and changed after that."""
        return self._table.hear(Request.model_validate(arguments).request)

    def get_reservation(self, arguments: Result) -> Result:
        """The reservation of this call."""
        return self._table.reservation or {"reservation": "none"}

    def set_timer(self, arguments: Result) -> Result:
        """Start a timer; when it is over the agent speaks up."""
        length = duration(Timer.model_validate(arguments).duration)
        if length is None:
            return {"missing": "duration"}
        if len(self._timers) >= MAX_TIMERS:
            raise ValueError("too many timers are running")
        task = asyncio.create_task(self._ring(length))
        self._timers.add(task)
        task.add_done_callback(self._timers.discard)
        return {"status": "started", "duration": str(length)}

    def lookup(self, arguments: Result) -> Result:
        """The fact that answers the question; "and in Denver?" is asked of what was found before."""
        fact = facts.load().find(Question.model_validate(arguments).question, self._found)
        self._found = fact or self._found
        return {"found": fact.fact if fact else "nothing"}

    async def close(self) -> None:
        """End the call's timers."""
        for task in self._timers:
            task.cancel()
        await asyncio.gather(*self._timers, return_exceptions=True)

    async def _ring(self, length: Duration) -> None:
        await asyncio.sleep(length.seconds * SECOND_S)
        await self._say(f"Your {length.adjective} timer is up.")


def _schema(method: Callable[[Result], Result]) -> FunctionSchema:
    """The description of the tool that a method does, and the handler that Pipecat calls for it."""
    name = method.__name__
    description, properties = DESCRIPTIONS[name]

    async def handle(params: FunctionCallParams) -> None:
        await params.result_callback(_attempt(method, dict(params.arguments)))

    return FunctionSchema(name, description, properties, list(properties), handler=handle)


def _attempt(method: Callable[[Result], Result], arguments: Result) -> Result:
    """What the tool answers; what is wrong with the arguments becomes an answer too."""
    try:
        return method(arguments)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        logger.warning("tool {}: {}: {}", method.__name__, where, first["msg"])
        return {"error": f"{where}: {first['msg']}"}
    except ValueError as error:
        return {"error": str(error)}


DESCRIPTIONS: dict[str, tuple[str, dict[str, dict[str, Any]]]] = {
    "get_time": ("The time of day now.", {}),
    "get_date": ("The date and the day of the week today.", {}),
    "calculate": (
        "Work out a sum.",
        {
            "expression": {
                "type": "string",
                "description": "The sum as the caller says it, or in digits and signs, for example 12 + 30.",
            }
        },
    ),
    "reserve_table": (
        "Reserve a table at the restaurant, or change the reservation of this call. "
        "Answers what is still missing.",
        {
            "request": {
                "type": "string",
                "description": "What the caller says of it, in their words: "
                "how many people, which day, what time, which name.",
            }
        },
    ),
    "get_reservation": ("The reservation made in this call.", {}),
    "set_timer": (
        "Set a timer that speaks up when it is over.",
        {
            "duration": {
                "type": "string",
                "description": "How long, as the caller says it, for example forty five minutes.",
            }
        },
    ),
    "lookup": (
        "Look up a fact about the restaurant or about yourself, or anything else that you do not know.",
        {
            "question": {
                "type": "string",
                "description": "The caller's question, word for word.",
            }
        },
    ),
}
"""Name: what it does, and its arguments, all required. The demo model was trained on these very words."""
