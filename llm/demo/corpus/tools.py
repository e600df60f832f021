"""The simple tools: time, date, arithmetic and timers, as asked for, called and reported."""

import random
import zlib
from typing import NamedTuple

from llm.demo.corpus.call import Call, Split, wordings
from llm.demo.corpus.spoken import MONTHS, WEEKDAYS, both

TIME = wordings("""what time is it; what is the time; what's the time; can you tell me the time
    do you have the time
    what time is it now; tell me the time; tell me what time it is; do you know what time it is
    the time please
    could you tell me the time please; how late is it; what time do we have; time please
    what time is it please
    ~please tell me the time; ~what is the time now; ~do you know the time; hey what time is it""")
DATE = wordings("""what is today's date; what is the date; what day is it; what day is today
    what's the date today
    what is the date today; tell me the date; which day is it today; what day of the week is it
    what's today's date
    do you know what day it is; can you tell me the date; what date is it; the date please
    what day is it today
    ~could you tell me the date; ~what is the day today; ~which day is today; tell me today's date
    is it monday today""")
ASKS = wordings("""what is {sum}; what's {sum}; how much is {sum}; calculate {sum}; can you calculate {sum}
    {sum}
    compute {sum}; tell me what {sum} is; what does {sum} make; how much does {sum} make
    please calculate {sum}
    work out {sum}; can you tell me what {sum} is; and {sum}; and what is {sum}; do you know what {sum} is
    ~could you calculate {sum}; ~tell me {sum}; ~can you work out {sum}; i need to know what {sum} is
    what about {sum}""")
ADD = wordings(
    "add {a} and {b}; add {b} to {a}; what is the sum of {a} and {b}; sum up {a} and {b}; "
    "~please add {a} and {b}"
)
TAKE = wordings(
    "subtract {b} from {a}; take {b} away from {a}; what is {a} take away {b}; ~please subtract {b} from {a}"
)
TIMES = wordings(
    "multiply {a} by {b}; multiply {a} and {b}; what is the product of {a} and {b}; "
    "~please multiply {a} by {b}"
)
SHARE = wordings(
    "divide {a} by {b}; what is {a} over {b}; how often does {b} go into {a}; ~please divide {a} by {b}"
)
SIGNS = {
    "+": (("plus", "plus", "plus", "and"), ADD),
    "-": (("minus",), TAKE),
    "*": (("times", "times", "multiplied by"), TIMES),
    "/": (("divided by",), SHARE),
}
BY_ZERO = "nothing can be divided by zero"  # as the agent's tool says it
TIMER = wordings("""set a timer for {span}; start a timer for {span}; set a {span} timer; timer for {span}
    remind me in {span}; wake me up in {span}; can you set a timer for {span}; please set a timer for {span}
    set the timer to {span}; i need a timer for {span}; start a {span} timer
    could you start a timer for {span}
    tell me when {span} are over; set timer {span}; a timer for {span} please; set another timer for {span}
    count down {span}
    ~i want a timer for {span}; ~can you start a timer for {span}; ~give me a timer for {span}
    ~alert me in {span}""")
UNUSUAL = (
    ("half an hour", "30 minutes"),
    ("an hour and a half", "1 hour 30 minutes"),
    ("{one|1} and a half hours", "1 hour 30 minutes"),
    ("{two|2} and a half hours", "2 hours 30 minutes"),
    ("{two|2} and a half minutes", "2 minutes 30 seconds"),
    ("half a minute", "30 seconds"),
    ("a quarter of an hour", "15 minutes"),
    ("a minute and a half", "1 minute 30 seconds"),
)
"""Durations that are not a number of units, and as the agent's tool writes them."""
BARE_TIMER = wordings("""set a timer; start a timer; can you set a timer; i need a timer; set a timer please
    could you set a timer for me; timer; can you start a timer; ~please set a timer
    ~i want to set a timer""")
SPAN = wordings(
    "{span}; {span} please; for {span}; make it {span}; {span} would be good; let's say {span}; "
    "~i think {span}"
)


def tell_time(call: Call) -> None:
    """The time of day, as the tool has it."""
    rng = call.rng
    now = f"{rng.randint(1, 12)}:{rng.randint(0, 59):02d} {rng.choice(('AM', 'PM'))}"
    call.hear(call.pick(TIME))
    call.use("get_time", {}, {"time": now})
    call.say(f"It is {now}.")


def tell_date(call: Call) -> None:
    """The date, as the tool has it."""
    rng = call.rng
    today = f"{rng.choice(WEEKDAYS)}, {rng.choice(MONTHS)} {rng.randint(1, 31)}"
    call.hear(call.pick(DATE))
    call.use("get_date", {}, {"date": today})
    call.say(f"Today is {today}.")


def calculate(call: Call) -> None:
    """A sum of two or three numbers: the tool is given the whole question."""
    text, result = _sum(call)
    message = call.hear(text)
    if result is None:
        call.use("calculate", {"expression": message}, {"error": BY_ZERO})
        call.say(sorry(BY_ZERO))
        return
    call.use("calculate", {"expression": message}, {"result": result})
    call.say(f"The answer is {'minus ' if result < 0 else ''}{abs(result)}.")


def sorry(error: str) -> str:
    """What is said of a tool's error."""
    return f"I'm sorry, {error}."


def _operand(call: Call) -> int:
    """Small numbers mostly: callers ask for those."""
    kind = call.rng.random()
    if kind < 0.5:
        return call.rng.randint(0, 20)
    if kind < 0.85:
        return call.rng.randint(1, 100)
    return (
        call.rng.randint(100, 1000) if kind < 0.97 else call.rng.choice((2000, 5000, 1500, 10000, 2500, 1234))
    )


def _operands(call: Call, sign: str) -> tuple[int, int]:
    """Two numbers; a pair is in one split only."""
    while True:
        a, b = _operand(call), _operand(call)
        if sign == "/" and b and call.chance(0.7):
            a = b * call.rng.randint(1, 12)
        if call.split in (split_of_pair(a, b), "every"):
            return a, b


def split_of_pair(a: int, b: int) -> Split:
    """Seven in ten pairs are for training, whatever is done with them."""
    number = zlib.crc32(f"{a} {b}".encode()) % 10
    return "train" if number > 2 else "test" if number else "valid"


def _sum(call: Call) -> tuple[str, int | float | None]:
    """(what is asked, its result; None for a division by zero)."""
    sign = call.rng.choice("++-*/" if call.chance(0.8) else "+-*")
    a, b = _operands(call, sign)
    words, orders = SIGNS[sign]
    call.entities.add(f"{a} {sign} {b}")
    result = value(a, sign, b)
    if call.chance(0.2):
        return call.pick(orders).format(a=both(a), b=both(b)), whole(result)
    said = f"{both(a)} {call.rng.choice(words)} {both(b)}"
    if call.chance(0.1):
        c = _operand(call)
        third = call.rng.choice("+-")
        said = f"{said} {SIGNS[third][0][0]} {both(c)}"
        result = None if result is None else value(result, third, c)
    return call.pick(ASKS).replace("{sum}", said), whole(result)


def value(a: float, sign: str, b: float) -> float | None:
    """What it makes; None for a division by zero."""
    if sign == "/" and not b:
        return None
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / (b or 1)}[sign]


def whole(result: float | None) -> int | float | None:
    """As the agent's tool answers: whole where it is whole, else with two decimals."""
    rounded = None if result is None else round(result, 2)
    return rounded if rounded is None or rounded != int(rounded) else int(rounded)


class Span(NamedTuple):
    """How a duration is said, how it is said before "timer", and how the tool writes it."""

    said: str
    adjective: str
    value: str

    @property
    def rings(self) -> str:
        """What the agent says when it is over."""
        return f"Your {self.value.replace('s ', ' ').removesuffix('s')} timer is up."


def _span(rng: random.Random) -> Span:
    """Mostly a number of one unit."""
    if rng.random() < 0.15:
        said, written = rng.choice(UNUSUAL)
        return Span(said, "", written)
    unit = rng.choice(("second", "minute", "minute", "hour"))
    amount = rng.choice((1, 2, 3, 5, 10, 10, 15, 20, 30, 45, rng.randint(1, 90)))
    amount = min(amount, 24) if unit == "hour" else amount
    units = unit if amount == 1 else f"{unit}s"
    said = f"{both(amount)} {units}"
    if amount == 1 and rng.random() < 0.5:
        said = "an hour" if unit == "hour" else f"a {unit}"
    elif amount < 24 and unit != "second" and rng.random() < 0.07:
        smaller, part = (
            ("minute", 15 * rng.randint(1, 3)) if unit == "hour" else ("second", 10 * rng.randint(1, 5))
        )
        return Span(f"{said} and {both(part)} {smaller}s", "", f"{amount} {units} {part} {smaller}s")
    return Span(said, f"{both(amount)} {unit}", f"{amount} {units}")


def set_timer(call: Call) -> None:
    """A timer, its length given at once or when asked for: the tool finds it in the message."""
    span = _span(call.rng)
    if call.chance(0.2):
        call.use("set_timer", {"duration": call.hear(call.pick(BARE_TIMER))}, {"missing": "duration"})
        call.say("For how long?")
        message = call.hear(call.pick(SPAN).replace("{span}", span.said))
    else:
        text = call.pick(TIMER)
        before_timer = "{span} timer" in text
        while before_timer and not span.adjective:
            span = _span(call.rng)
        message = call.hear(text.replace("{span}", span.adjective if before_timer else span.said))
    call.use("set_timer", {"duration": message}, {"status": "started", "duration": span.value})
    call.timers.append(span.rings)
    call.say(f"Your timer for {span.value} is running.")
