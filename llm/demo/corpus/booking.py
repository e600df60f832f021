"""The reservation: told in any order and over several turns, asked for, corrected, changed, and read back.

The tool is given each message whole, and says what is still missing.
"""

import re

from llm.demo.corpus import knowledge, outside, small_talk, tools
from llm.demo.corpus.call import Call, wordings
from llm.demo.corpus.spoken import both, name, table_day, table_time, typed

_ON = re.compile(r"\bon (today|tonight|tomorrow)\b")
SLOTS = ("people", "day", "time", "name")
OPENERS = wordings("""i would like a table; i'd like a table; book a table; reserve a table; i want a table
    a table
    can i get a table; can i book a table; i would like to book a table; i want to book a table
    we need a table
    could you reserve a table; i'd like to reserve a table; please book a table; please reserve a table
    i need a table
    can you book a table; can you book me a table; can i have a table; could i get a table
    i would like to reserve a table
    i want to make a reservation; make a reservation; i would like to make a reservation
    can i make a reservation
    i'd like a reservation; we would like a reservation; a reservation please
    i would like a reservation please; we need a reservation; can i have a reservation
    i need to reserve a table; i need to make a reservation
    i'd like to make a reservation; book me a table; can you reserve a table; get me a table
    i would like a reservation
    ~could you book a table; ~we would like a table; ~i want to reserve a table; ~i need a reservation""")
ASKED = {
    "people": "For how many people?",
    "day": "For which day?",
    "time": "At what time?",
    "day time": "For which day, and at what time?",
    "name": "What name should I put it under?",
}
ANSWERS = {
    "people": wordings("""{n}; {n} people; for {n}; for {n} people; we are {n}; just {n}
    there will be {n} of us; {n} please
        there are {n} of us; we will be {n}; {n} persons; only {n}; it's for {n}; a table for {n}
        for {n} please; we'll be {n}
        ~we are {n} people; ~that would be {n}; ~it will be {n} people; ~for a party of {n}"""),
    "day": wordings("""{day}; on {day}; {day} please; for {day}; on {day} please; let's say {day}
    how about {day}; maybe {day}
        it's for {day}; {day} would be good; i would like {day}; ~i think {day}; ~make it {day}
        ~{day} is good"""),
    "time": wordings("""at {time}; {time}; {time} please; around {time}; at {time} please; let's say {time}
    at around {time}
        how about {time}; maybe at {time}; we will come at {time}; about {time}; ~i think {time}
        ~{time} would be good; ~say at {time}"""),
    "day time": wordings("""{day} at {time}; on {day} at {time}; at {time} on {day}; {day} {time}
    {day} at {time} please
        at {time} {day}; for {day} at {time}; let's say {day} at {time}; {day} around {time}
        how about {day} at {time}
        ~maybe {day} at {time}; ~i would like {day} at {time}; ~on {day} around {time}"""),
    "name": wordings("""{name}; my name is {name}; it's {name}; {name} please; the name is {name}
    under {name}; i'm {name}
        under the name {name}; i am {name}; put it under {name}; it is {name}; please put it under {name}
        use {name}
        for {name}; the name {name}; my name's {name}; ~under the name of {name}; ~put {name}
        ~name is {name}"""),
}
PARTS = {
    "people": wordings(
        "for {n}; for {n}; for {n} people; for {n} persons; for a party of {n}; with {n} people; "
        "~for {n} guests"
    ),
    "day": wordings("on {day}; {day}; for {day}; ~on the evening of {day}"),
    "time": wordings("at {time}; at {time}; around {time}; ~at about {time}"),
    "name": wordings("""under the name {name}; under the name {name}; my name is {name}; the name is {name}
    under {name}
        in the name of {name}; ~under the name of {name}; ~name {name}"""),
}
CHANGES = {
    "people": wordings("""make it {n} people; no {n} people; and for {n} people; for {n} people
    sorry {n} people; change it to {n} people; can you make it {n} people; we will be {n}
    change the number of people to {n}; i mean {n} people; we are {n} now; no we are {n}
    actually we are {n}; wait make it {n} people; we are {n} people
    ~actually for {n} people; ~please change it to {n} people; ~no make it {n} people"""),
    "people alone": wordings("""make it {n}; no for {n}; for {n}; no i said {n}; can you make it {n}
    sorry i meant {n}; wait make it {n}; ~no make it {n}"""),
    "day": wordings("""no on {day}; make it {day}; no {day}; actually on {day}; change it to {day}
    i mean {day}; sorry {day}
        can you change it to {day}; change the day to {day}; no i said {day}; can we do {day}
        actually {day}
        sorry i meant {day}; wait make it {day}; on {day} please; ~please change it to {day}
        ~no make it {day}"""),
    "time": wordings("""no at {time}; actually at {time}; sorry at {time}; and at {time}
    can we come at {time}; at {time} please; make it at {time}; change the time to {clock}; no {clock}
    make it {clock}
    change it to {clock}; i mean {clock}; no i said {clock}; can you change it to {clock}
    sorry i meant {clock}; wait make it {clock}; actually {clock}
        ~please change it to {clock}; ~no make it {clock}; ~no we come at {time}"""),
    "name": wordings("""no my name is {name}; change the name to {name}; the name is {name}
        actually under {name}; put it under {name}; the name should be {name}; no under {name}
        no the name is {name}; please put it under {name}; put it under the name {name}
        can you change the name to {name}; ~please change the name to {name}
        ~sorry the name is {name}; ~no put it under {name}"""),
}
"""What is said to put something right; `clock` is a time that cannot be a number of people."""
READ_BACK = wordings("""what is my reservation; what is my reservation; what is my reservation
    what's my reservation; tell me my reservation; do i have a reservation
    when is my reservation; what did i reserve; can you tell me my reservation; what reservation do i have
    which table do i have
    can you repeat my reservation; is my table reserved; when is my table; what have i booked
    what did i book; read my reservation
    what name is my reservation under; for how many people is my reservation; is there a reservation
    check my reservation
    what is booked for me; do you have a booking for me; my booking please; what's my booking
    is a table booked for me; do we have a table; what about my booking; tell me my booking; read my booking
    when is my booking; have i got a table; have i got a reservation; do i have a booking; did i book a table
    ~could you tell me my reservation; ~do i have a table; ~what is my booking
    ~tell me about my reservation""")
YES = wordings(
    "yes; yes please; sure; yeah; yes i would; okay; of course; i would like that; ~yes i'd like that"
)
NO = wordings("no; no thank you; no thanks; not now; ~no not now; maybe later")
_INTERLUDES = (
    tools.calculate,
    tools.tell_time,
    tools.tell_date,
    tools.set_timer,
    knowledge.ask,
    outside.wonder,
)
MOST_PEOPLE = 20
TOO_MANY = f"a table is for 1 to {MOST_PEOPLE} people"  # as the agent's tool says it
NONE_YET = "You don't have a reservation yet. Would you like to book a table?"
RESERVED = "Your table for {people} is reserved for {day} at {time} under the name {name}."
READ = "You have a table for {people} reserved for {day} at {time} under the name {name}."
_BLANKS = {"people": ("{n}",), "day": ("{day}",), "time": ("{time}", "{clock}"), "name": ("{name}",)}
Values = dict[str, str | int]


def missing(call: Call) -> tuple[str, ...]:
    """The slots nobody has given yet, in the order in which they are asked for."""
    return tuple(slot for slot in SLOTS if slot not in call.slots)


def question(call: Call) -> str:
    """What is asked for next; empty where nothing is missing."""
    left = missing(call)
    return "day time" if left[:2] == ("day", "time") else left[0] if left else ""


def _value(call: Call, slot: str, clock: bool) -> tuple[str, str | int]:
    """(how it is said, what the tool writes) for a new value of the slot."""
    if slot == "people":
        count = call.rng.choice((1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 10, 12, call.rng.randint(1, 20)))
        count = call.rng.randint(MOST_PEOPLE + 1, 60) if call.chance(0.012) else count
        return both(count), count
    if slot == "name":
        plain = call.entity("name")
        return name(plain), plain.title()
    if slot == "day":
        return table_day(call.rng)
    said = table_time(call.rng)
    while clock and typed(said.text).isdecimal():
        said = table_time(call.rng)
    return said


def _tell(call: Call, text: str, slots: tuple[str, ...]) -> None:
    """New values for these slots of a text, the tool told of them, and what is said to its answer."""
    values: Values = {}
    for slot in slots:
        said, values[slot] = _value(call, slot, "{clock}" in text)
        for blank in _BLANKS[slot]:
            text = text.replace(blank, said)
    if values.get("people") == 1:
        text = text.replace("people", "person").replace("we are", "i am")
    request = {"request": call.hear(_ON.sub(r"\1", text))}
    if int(values.get("people", 1)) > MOST_PEOPLE:
        call.use("reserve_table", request, {"error": TOO_MANY})
        call.say(tools.sorry(TOO_MANY))
        return
    call.slots |= values
    _answer_of_tool(call, request)


def _answer_of_tool(call: Call, request: dict[str, str]) -> None:
    """What is still missing, and the question for it; or the reservation."""
    if left := missing(call):
        call.use("reserve_table", request, {"missing": ", ".join(left)})
        call.say(ASKED[question(call)])
        return
    call.use("reserve_table", request, {"status": "reserved", **reservation(call)})
    call.say(RESERVED.format(**reservation(call)))


def reservation(call: Call) -> Values:
    """What the tool knows, in its order."""
    return {slot: call.slots[slot] for slot in SLOTS}


def _open(call: Call) -> None:
    """The first request, with any of the four facts in it."""
    share = call.rng.choice((0.0, 0.3, 0.5, 0.6, 0.8, 1.0))
    given = [slot for slot in SLOTS[:3] if call.chance(share)]
    if call.chance(0.4):
        call.rng.shuffle(given)
    if call.chance(share * 0.6):
        given.append("name")

    def opener() -> str:
        return " ".join([call.part(OPENERS), *(call.part(PARTS[slot]) for slot in given)])

    _tell(call, call.phrase(opener), tuple(given))


def _answer(call: Call) -> None:
    """What was asked for, sometimes with more, or with less when two things were asked."""
    slots = tuple(question(call).split())
    if len(slots) == 2 and call.chance(0.25):
        slots = (call.rng.choice(slots),)
    extra = tuple(slot for slot in missing(call) if slot not in slots and call.chance(0.12))

    def answer() -> str:
        return " ".join([call.part(ANSWERS[" ".join(slots)]), *(call.part(PARTS[slot]) for slot in extra)])

    _tell(call, call.phrase(answer), (*slots, *extra))


def change(call: Call) -> None:
    """Another value for something that was given before; a bare number is a time where that was asked for."""
    slot = call.rng.choice([slot for slot in SLOTS if slot in call.slots])
    alone = slot == "people" and "time" not in question(call) and call.chance(0.4)
    _tell(call, call.pick(CHANGES["people alone" if alone else slot]), (slot,))


def _interlude(call: Call) -> None:
    """Another topic in the middle of a reservation."""
    call.rng.choice(_INTERLUDES)(call)


def book(call: Call) -> None:
    """A reservation from the first request to the last change."""
    _open(call)
    _finish_booking(call)


def _finish_booking(call: Call) -> None:
    """Answers until nothing is missing, or until the caller gives up; the tool forgets nothing."""
    while missing(call):
        if call.chance(0.03):
            call.hear(call.pick(small_talk.FORGET[0]))
            call.say(small_talk.FORGET[1])
            return
        if call.chance(0.07):
            _interlude(call)
        if call.chance(0.1) and call.slots:
            change(call)
        else:
            _answer(call)
    while call.chance(0.3):
        if call.chance(0.2):
            _interlude(call)
        change(call)


def introduce(call: Call) -> None:
    """The caller gives a name of their own accord."""
    given = call.entity("name")
    call.hear(call.pick(small_talk.NAMED).replace("{name}", name(given)))
    call.say(f"Nice to meet you, {given.title()}. What can I do for you?")


def read_back(call: Call) -> None:
    """What is reserved; where nothing is, the offer to do it, and what the caller says to that."""
    call.hear(call.pick(READ_BACK))
    if not missing(call):
        call.use("get_reservation", {}, reservation(call))
        call.say(READ.format(**reservation(call)))
        return
    call.use("get_reservation", {}, {"reservation": "none"})
    call.say(NONE_YET)
    if call.chance(0.3):
        call.hear(call.pick(NO))
        call.say("Okay, no problem.")
    elif call.chance(0.5):
        _tell(call, call.pick(YES), ())
        _finish_booking(call)
