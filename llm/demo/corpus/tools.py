"""The simple tools: time, date, arithmetic and timers, as asked for, called and reported."""

import zlib

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
ERRORS = ("division by zero", "the number is too large", "this is not a sum")  # as the agent's tool says it
TIMER = wordings("""set a timer for {span}; start a timer for {span}; set a {span} timer; timer for {span}
    remind me in {span}; wake me up in {span}; can you set a timer for {span}; please set a timer for {span}
    set the timer to {span}; i need a timer for {span}; start a {span} timer
    could you start a timer for {span}
    tell me when {span} are over; set timer {span}; a timer for {span} please; set another timer for {span}
    count down {span}
    ~i want a timer for {span}; ~can you start a timer for {span}; ~give me a timer for {span}
    ~alert me in {span}""")
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
    """A sum of two or three numbers."""
    text, expression, result = _sum(call)
    call.hear(text)
    if result is None:
        call.use("calculate", {"expression": expression}, {"error": call.rng.choice(ERRORS)})
        call.say("I'm sorry, I can't work that out.")
        return
    call.use("calculate", {"expression": expression}, {"result": result})
    call.say(f"The answer is {'minus ' if result < 0 else ''}{abs(result)}.")


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


def _sum(call: Call) -> tuple[str, str, int | float | None]:
    """(what is asked, the expression, its result; None for a division by zero)."""
    sign = call.rng.choice("++-*/" if call.chance(0.8) else "+-*")
    a, b = _operands(call, sign)
    words, orders = SIGNS[sign]
    expression = f"{a} {sign} {b}"
    call.entities.add(expression)
    if call.chance(0.2):
        return call.pick(orders).format(a=both(a), b=both(b)), expression, value(a, sign, b)
    said = f"{both(a)} {call.rng.choice(words)} {both(b)}"
    if call.chance(0.9):
        return call.pick(ASKS).replace("{sum}", said), expression, value(a, sign, b)
    c = _operand(call)
    third = call.rng.choice("+-")
    said = f"{said} {SIGNS[third][0][0]} {both(c)}"
    first = value(a, sign, b)
    result = None if first is None else value(first, third, c)
    return call.pick(ASKS).replace("{sum}", said), f"{expression} {third} {c}", result


def value(a: float, sign: str, b: float) -> int | float | None:
    """As the agent's tool works it out: whole where whole, else two decimals; None for a division by zero."""
    if sign == "/" and not b:
        return None
    result = round({"+": a + b, "-": a - b, "*": a * b, "/": a / (b or 1)}[sign], 2)
    return int(result) if result == int(result) else result


def set_timer(call: Call) -> None:
    """A timer, its length given at once or when asked for."""
    unit = call.rng.choice(("seconds", "minutes", "minutes", "hours"))
    amount = call.rng.choice((1, 2, 3, 5, 10, 10, 15, 20, 30, 45, call.rng.randint(1, 90)))
    amount = min(amount, 24) if unit == "hours" else amount
    single = unit.removesuffix("s")
    span = f"{both(amount)} {unit if amount > 1 else single}"
    if amount == 1 and call.chance(0.5):
        span = "an hour" if unit == "hours" else f"a {single}"
    if call.chance(0.2):
        call.hear(call.pick(BARE_TIMER))
        call.say("For how long?")
        call.hear(call.pick(SPAN).replace("{span}", span))
    else:
        text = call.pick(TIMER)
        if text in ("set a {span} timer", "start a {span} timer"):
            span = f"{both(amount)} {single}"
        call.hear(text.replace("{span}", span))
    call.use(
        "set_timer", {"amount": amount, "unit": unit}, {"status": "started", "amount": amount, "unit": unit}
    )
    call.timers.append(f"Your {amount} {single} timer is up.")
    call.say(f"Your timer for {amount} {unit if amount > 1 else single} is running.")
