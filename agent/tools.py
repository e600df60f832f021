"""What the agent can do: tell the time and date, calculate, keep a reservation, run timers, look up facts.

One `Tools` per call: a reservation lasts as long as the call, and its timers end with it. Every tool
answers with a JSON object; one that cannot do what it was asked answers {"error": why}, in words that
the model can pass on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from loguru import logger
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.services.llm_service import FunctionCallParams
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from agent import facts
from agent.arithmetic import calculate

Clock = Callable[[], datetime]
"""Now, in the caller's time zone."""
Say = Callable[[str], Awaitable[None]]
"""Have the agent say a sentence of its own accord, when nobody else is speaking."""
Result = dict[str, Any]

MAX_TIMERS = 20
"""A caller who sets more has a program call for them."""

Unit = Literal["seconds", "minutes", "hours"]
SECONDS: dict[Unit, int] = {"seconds": 1, "minutes": 60, "hours": 3_600}
Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class Arguments(BaseModel):
    """What a tool is called with. Lenient about types ("2" is 2): models are not always exact."""

    model_config = ConfigDict(frozen=True)


class Expression(Arguments):
    """What to work out."""

    expression: str


class Reservation(Arguments):
    """A table at the restaurant."""

    name: Said
    people: Annotated[int, Field(ge=1, le=20)]
    day: Said
    time: Said


class Timer(Arguments):
    """How long to wait."""

    amount: Annotated[int, Field(ge=1, le=100_000)]
    unit: Unit

    @property
    def duration_s(self) -> int:
        """At most a day; raises ValueError above."""
        seconds = self.amount * SECONDS[self.unit]
        if seconds > 24 * 3_600:
            raise ValueError("a timer can run for a day at most")
        return seconds


class Question(Arguments):
    """What to look up."""

    topic: Said


class Tools:
    """The seven tools of one call, and what they remember."""

    def __init__(self, clock: Clock, say: Say) -> None:
        self._clock = clock
        self._say = say
        self._reservation: Reservation | None = None
        self._timers: set[asyncio.Task[None]] = set()

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
        """Keep a reservation, in place of an earlier one of this call."""
        self._reservation = Reservation.model_validate(arguments)
        return {"status": "reserved", **self._reservation.model_dump()}

    def get_reservation(self, arguments: Result) -> Result:
        """The reservation of this call."""
        return self._reservation.model_dump() if self._reservation else {"reservation": "none"}

    def set_timer(self, arguments: Result) -> Result:
        """Start a timer; when it is over the agent speaks up."""
        timer = Timer.model_validate(arguments)
        duration_s = timer.duration_s
        if len(self._timers) >= MAX_TIMERS:
            raise ValueError("too many timers are running")
        task = asyncio.create_task(self._ring(timer, duration_s))
        self._timers.add(task)
        task.add_done_callback(self._timers.discard)
        return {"status": "started", **timer.model_dump()}

    def lookup(self, arguments: Result) -> Result:
        """The fact that a few key words find."""
        fact = facts.load().find(Question.model_validate(arguments).topic)
        return {"found": fact.fact if fact else "nothing"}

    async def close(self) -> None:
        """End the call's timers."""
        for task in self._timers:
            task.cancel()
        await asyncio.gather(*self._timers, return_exceptions=True)

    async def _ring(self, timer: Timer, duration_s: float) -> None:
        await asyncio.sleep(duration_s)
        await self._say(f"Your {timer.amount} {timer.unit.removesuffix('s')} timer is up.")


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
        "Work out an arithmetic expression.",
        {
            "expression": {
                "type": "string",
                "description": "Digits and the signs + - * / only, for example 12 + 30.",
            }
        },
    ),
    "reserve_table": (
        "Reserve a table at the restaurant, or change the reservation of this call.",
        {
            "name": {"type": "string", "description": "The name of the guest."},
            "people": {"type": "integer", "description": "How many people will come."},
            "day": {"type": "string", "description": "The day, for example today or Friday."},
            "time": {"type": "string", "description": "The time, for example 7 PM."},
        },
    ),
    "get_reservation": ("The reservation made in this call.", {}),
    "set_timer": (
        "Set a timer that speaks up when it is over.",
        {
            "amount": {"type": "integer", "description": "How many units of time."},
            "unit": {
                "type": "string",
                "enum": ["seconds", "minutes", "hours"],
                "description": "The unit of time.",
            },
        },
    ),
    "lookup": (
        "Look up a fact about the restaurant or about yourself.",
        {
            "topic": {
                "type": "string",
                "description": "A few key words, for example parking or soup price.",
            }
        },
    ),
}
"""Name: what it does, and its arguments, all required. The demo model was trained on these very words."""
