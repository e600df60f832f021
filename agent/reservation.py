"""The table of a call: what the caller has said of it so far, in any order and words, and what is missing.

"a table for two on friday" leaves the time and the name. What answers a question needs no more than the
answer: after "For how many people?" it is "four", after "What name should I put it under?" "anna".
"""

import re
from typing import Any

from agent import clock_time
from agent.spoken_numbers import in_digits, plain, words

Result = dict[str, Any]

SLOTS = ("people", "day", "time", "name")
"""In the order in which they are asked for."""
MOST_PEOPLE = 20
MOST_NAME_WORDS = 3
_NAMED = re.compile(
    r"\b(?:(?:under|in|on) (?:the |a )?name(?: of)?|(?:the |my )?name(?:'s| is| should be| to)?|under)"
    r"[: ]+(?P<name>.+)"
)
_NAME_ENDS = frozenset(
    words(
        """a an and at around about by for four on in is it next no now of or please right sir so table
        tables the then this to today tomorrow tonight under we were with you your i i'm i'd would
        like want my people persons guests party noon thank thanks if quickly friend can could have
        has monday tuesday wednesday thursday friday saturday sunday name"""
    )
)
_NOT_A_NAME = _NAME_ENDS | frozenset(
    words(
        """yes yeah sure ok okay nothing none hello hi hey well oh ah alright all listen excuse me hmm
        book reserve reservation change make need get put use say said mean meant actually sorry
        wait let's it's that's there here what who how when don't know one more other another
        something someone anything possible mind good great do does did be will should evening
        morning afternoon night day time lunch dinner later earlier big small bit quiet outside
        inside window"""
    )
)
_BEFORE_A_NAME = frozenset(
    words(
        """no four sorry yes well oh so okay ok it's its it is i'm i am this that's that for put use make
        call say let's just said mean meant hey alright all right excuse me hello hi and now please
        ah hmm listen then there should be under the a um"""
    )
)
_PEOPLE = (
    r"\b(\d+)(?: more)? (?:people|persons?|guests?|adults?|of us)\b",
    r"\b(?:table|tables|party|group|room|place|reservation)(?: for| of| four| with)* (\d+)\b",
    r"\b(?:we are|we're|were|there are|i am|we'll be|we will be|there will be|we will|will be|are) (\d+)\b",
    r"\b(?:with|party of|group of|just|only|(?:people|persons?) to) (\d+)\b",
)
_FOR = r"\bfor (\d+)\b"
_BARE = r"\b(\d+)\b"
_CHANGED = re.compile(r"\b(?:make|no|actually|said|mean|meant|sorry|change|now)\b")
_MISHEARD = (
    (r"\b(?:for|four|table) (?:to|too)\b", "for 2"),
    (r"\bthat (?=\d)", "at "),
    (r"(?<!at )(?<!around )\b4 (?=[1-9]\b)", "for "),
)
"""What an ear makes of "for two", "at seven" and "for six"."""


class Table:
    """What is known of the table; it lasts as long as the call."""

    def __init__(self) -> None:
        self.said: dict[str, str | int] = {}
        self._asked: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """The slots that nobody has told."""
        return tuple(slot for slot in SLOTS if slot not in self.said)

    @property
    def reservation(self) -> Result | None:
        """The reservation once it is made; None before."""
        return None if self.missing else {slot: self.said[slot] for slot in SLOTS}

    def hear(self, request: str) -> Result:
        """Take down what the caller says; what is missing, or the reservation.

        Raises ValueError, with words to say, for a party that no table is for.
        """
        told = read(request, self._asked)
        self._asked = self._next_question()
        if not 1 <= int(told.get("people", 1)) <= MOST_PEOPLE:
            raise ValueError(f"a table is for 1 to {MOST_PEOPLE} people")
        self.said |= told
        self._asked = self._next_question()
        reserved = self.reservation
        return {"status": "reserved", **reserved} if reserved else {"missing": ", ".join(self.missing)}

    def _next_question(self) -> tuple[str, ...]:
        """The day and the time are asked for together."""
        missing = self.missing
        return missing[:2] if missing[:2] == ("day", "time") else missing[:1]


def read(request: str, asked: tuple[str, ...] = ()) -> dict[str, str | int]:
    """What a request says of people, day, time and name; `asked` are the slots that were just asked for."""
    told: dict[str, str | int] = {}
    text = plain(request)
    if (named := _NAMED.search(text)) and (name := _name(named["name"])):
        told["name"] = name.title()
        text = f"{text[: named.start()]} | {named['name'][len(name) :]}"
    text = in_digits(text, ordinals=True)
    for pattern, meant in _MISHEARD:
        text = re.sub(pattern, meant, text)
    text = _take_day(text, told)
    text = _take_time(text, told, "morning" in plain(request))
    _take_people(text, told, asked)
    if "name" not in told and (name := _unmarked_name(request, "name" in asked and not told)):
        told["name"] = name.title()
    return told


def _unmarked_name(request: str, alone: bool) -> str:
    """A name that no word announces: `alone`, or with a capital after a comma, as a model may write it."""
    if alone:
        return _bare_name(plain(request))
    parts = (part.strip() for part in request.split(",")[1:])
    return next((name for part in parts if part[:1].isupper() and (name := _bare_name(plain(part)))), "")


def _name(text: str) -> str:
    """The first words of the text, up to one that no name has."""
    kept: list[str] = []
    for word in text.split()[:MOST_NAME_WORDS]:
        if word in _NAME_ENDS or not re.fullmatch(r"[^\W\d_]['’\w.-]*", word):
            break
        kept.append(word)
    return " ".join(kept)


def _bare_name(text: str) -> str:
    """All that is said, where it can be a name."""
    said = text.split()
    while said and said[0] in _BEFORE_A_NAME:
        said.pop(0)
    name = _name(" ".join(said)).split()
    if set(name) & _NOT_A_NAME or set(said[len(name) :]) - _NOT_A_NAME:
        return ""
    return " ".join(name)


def _take_day(text: str, told: dict[str, str | int]) -> str:
    for pattern in clock_time.DATE:
        if found := list(pattern.finditer(text)):
            told.setdefault("day", clock_time.read_day(found[-1]))
            text = pattern.sub(" | ", text)
    return text


def _take_time(text: str, told: dict[str, str | int], morning: bool) -> str:
    for pattern in clock_time.TIME:
        if found := list(pattern.finditer(text)):
            told["time"] = clock_time.read_time(found[-1], "morning" if morning else "")
            return pattern.sub(" | ", text)
    return text


def _take_people(text: str, told: dict[str, str | int], asked: tuple[str, ...]) -> None:
    """A number that is nothing else is the time where that was asked for, else people."""
    for pattern in _PEOPLE:
        if found := re.findall(pattern, text):
            told["people"] = int(found[-1])
            text = re.sub(pattern, " | ", text)
            break
    loose = "people" in asked or "time" in asked or _CHANGED.search(text)
    numbers = re.findall(_FOR, text) or (re.findall(_BARE, text) if loose else [])
    if numbers and "time" in asked and "time" not in told and 1 <= int(numbers[-1]) <= 12:
        told["time"] = f"{int(numbers[-1])} PM"
    elif numbers and "people" not in told:
        told["people"] = int(numbers[-1])
    elif re.search(r"\b(?:just|only) (?:for )?me\b|\bmyself\b|\balone\b", text):
        told.setdefault("people", 1)
