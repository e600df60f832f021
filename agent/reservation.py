"""The table of a call: what the caller has said of it so far, in any order and words, and what is missing.

"a table for two on friday" leaves the time and the name. What answers a question needs no more than the
answer: after "For how many people?" it is "four", after "What name should I put it under?" "anna".
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from agent import clock_time
from agent.spoken_numbers import plain, words

Result = dict[str, Any]

SLOTS = ("people", "day", "time", "name")
"""In the order in which they are asked for."""
MOST_PEOPLE = 20
MOST_NAME_WORDS = 3
_NAMED = re.compile(
    r"\b(?:(?:under|in|on) (?:the |a )?name(?: of)?|(?:the |my )?name"
    r"(?:'s| is| should be| from (?:\S+ ){1,3}?to| to)?|under)[: ]+(?P<name>.+)"
)
_NAME_ENDS = frozenset(
    words(
        """a an and at around about by for four on in is it next no now of or please right sir so table
        tables the then this to today tomorrow tonight under we were with you your i i'm i'd would
        like want my people persons guests party noon thank thanks if quickly friend can could have
        has monday tuesday wednesday thursday friday saturday sunday name
        but make change not instead because"""
    )
)
_NOT_A_NAME = _NAME_ENDS | frozenset(
    words(
        """yes yeah sure ok okay nothing none hello hi hey well oh ah alright all listen excuse me hmm
        book reserve reservation change make need get put use say said mean meant actually sorry
        wait let's it's that's there here what who how when don't know one more other another
        something someone anything possible mind good great do does did be should that evening
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
_WILL_DO = frozenset(words("i it that this there"))
"""Before "will", which is a name where it stands alone."""
_POLITE = frozenset(words("please thank thanks you sir now"))
_OLD_OR_YOUNG = r"(?:adults?|children|child|kids?|baby|babies)"
_PEOPLE = (
    rf"\b(\d+) (?:{clock_time.PEOPLE}|of us)\b",
    r"\b(?:table|tables|party|group|room|place|reservation)(?: for| of| four| with)* (\d+)\b",
    r"\b(?:we are|we're|were|there are|i am|we'll be|we will be|there will be|we will|will be|are) (\d+)\b",
    r"\b(?:with|party of|group of|just|only|(?:people|persons?) to) (\d+)\b",
)
_TOGETHER = re.compile(
    rf"\b(\d+)(?: adults?(?: and| plus| with)?|(?: {clock_time.PEOPLE}| of us)?(?: and| plus| with))"
    rf" (\d+|an?) {_OLD_OR_YOUNG}\b"
)
"""Parts of one party: "two adults and three children"."""
_MORE = re.compile(
    rf"\b(?P<count>\d+)(?: {clock_time.PEOPLE})? (?P<sign>more|less|fewer)"
    rf"(?= (?:{clock_time.PEOPLE}|of us|please|at|on|for)\b|$| \|)"
    rf"|\banother(?: (?P<other>\d+))?(?= {clock_time.PEOPLE}\b)"
)
"""What is added to a party that is known, or taken from it."""
_FOR = r"\bfor (\d+)\b"
_BARE = r"\b(\d+)\b"
_CHANGED = re.compile(r"\b(?:make|no|actually|said|mean|meant|sorry|change|now|instead)\b")
_MISHEARD = (
    (r"\b(?:for|four|table) (?:to|too)\b", "for 2"),
    (r"\bthat (?=\d)", "at "),
    (r"(?<!at )(?<!around )(?<!for )\b4 (?=[1-9]\b)", "for "),
)
"""What an ear makes of "for two", "at seven" and "for six"."""
_CLOCK = (
    r"(?:(?:half|(?:a )?quarter|\d+)(?: minutes)? (?:past|to|after) \d+|\d+(?:(?::| )\d\d\b)?|noon|midnight)"
)
_VALUE = (
    rf"(?:(?:at|on|for|the|a table for|this|next) )*"
    rf"(?:{'|'.join(clock_time.DAYS)}|today|tonight|tomorrow|{_CLOCK})(?:st|nd|rd|th)?\b"
    rf"(?: (?:{clock_time.PEOPLE}|o'?clock|[ap] ?m|in the (?:morning|afternoon|evening))\b)*"
)
"""One day, time or number, as far as it goes."""
_NOT_MEANT = re.compile(rf"\b(?:instead of|rather than|(?<!why )not) (?P<old>{_VALUE})")
_LEFT = re.compile(rf"(?P<verb>\b(?:change|move|switch|make|go)\b.*?) from (?P<old>{_VALUE})(?= to\b)")
"""What the caller wants no longer; without the verb "from six to eight" says how long they stay."""
_PERHAPS_PEOPLE = re.compile(
    r"^(?P<before>(?:(?:well|so|oh|okay|yes|i think|maybe|for|just|it's|we are|we're|we'll be|we will be"
    r"|there are|there will be|a table for|a party of) )*)(?:(?:about|around|maybe) )?"
    rf"(?:(?P<least>\d+) (?:to|or) )?(?P<most>\d+)\b{clock_time.NOT_A_TIME}"
    rf"(?!.*\b(?:for \d|\d+ {clock_time.PEOPLE}))"
)
"""Where an answer to "For how many people?" begins with a number."""


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
        told = read(request, self._asked, self.said)
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


def read(
    request: str, asked: tuple[str, ...] = (), known: Mapping[str, str | int] | None = None
) -> dict[str, str | int]:
    """What a request says of people, day, time and name.

    `asked` are the slots that were just asked for, `known` what was told before.
    """
    told: dict[str, str | int] = {}
    text = clock_time.in_figures(_take_name(plain(request), told))
    for pattern, meant in _MISHEARD:
        text = re.sub(pattern, meant, text)
    text, asked = _without_old(text, asked, known or {})
    if "people" in asked:
        text = _PERHAPS_PEOPLE.sub(_most, text)
    morning = bool(clock_time.MORNING.search(text))
    text = clock_time.SPAN.sub(" | ", _take_day(text, told))
    text = _take_time(text, told, morning)
    _take_people(text, told, asked, int((known or {}).get("people", 0)))
    if "name" not in told and (name := _unmarked_name(request, "name" in asked and not told)):
        told["name"] = name.title()
    return told


def _without_old(
    text: str, asked: tuple[str, ...], known: Mapping[str, str | int]
) -> tuple[str, tuple[str, ...]]:
    """Without what the caller no longer wants ("instead of seven"); that tells which slot they talk about."""
    for pattern in (_NOT_MEANT, _LEFT):
        if not (found := pattern.search(text)):
            continue
        if number := re.search(r"\d+", found["old"]):
            hours = str(known.get("time", "")).replace(":", " ").split()[:1]
            slots = {"people": number[0] == str(known.get("people")), "time": [number[0]] == hours}
            meant = tuple(slot for slot, same in slots.items() if same)
            asked = meant if len(meant) == 1 else asked
        text = pattern.sub(lambda one: f"{one.groupdict().get('verb', '')} | instead |", text)
    return text, asked


def _most(found: re.Match[str]) -> str:
    """The larger of "five to six", and "six" of "about six"."""
    if found["least"] and int(found["least"]) >= int(found["most"]):
        return found[0]
    return f"{found['before']}{found['most']}"


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
    said, before = text.split(), ""
    while said and said[0] in _BEFORE_A_NAME:
        before = said.pop(0)
    if said[:1] == ["will"] and (before in _WILL_DO or set(said[1:]) & _NOT_A_NAME - _POLITE):
        return ""
    name = _name(" ".join(said)).split()
    if set(name) & _NOT_A_NAME or set(said[len(name) :]) - _NOT_A_NAME:
        return ""
    return " ".join(name)


def _take_name(text: str, told: dict[str, str | int]) -> str:
    """The last name that words announce."""
    while named := _NAMED.search(text):
        if name := _name(named["name"]):
            told["name"] = name.title()
        text = f"{text[: named.start()]} | {named['name'][len(name) :]}"
    return text


def _take_day(text: str, told: dict[str, str | int]) -> str:
    found, text = _found(clock_time.DATE, text)
    if found:
        told["day"] = clock_time.read_day(found)
    return text


def _take_time(text: str, told: dict[str, str | int], morning: bool) -> str:
    found, text = _found(clock_time.TIME, text)
    if found:
        told["time"] = clock_time.read_time(found, "morning" if morning else "")
    return text


def _found(patterns: Iterable[re.Pattern[str]], text: str) -> tuple[re.Match[str] | None, str]:
    """The match that is said last, and the text with all of them blotted out; earlier patterns go first."""
    last: re.Match[str] | None = None
    for pattern in patterns:
        for found in pattern.finditer(text):
            last = found if last is None or found.start() > last.start() else last
        text = pattern.sub(lambda one: "|" * len(one[0]), text)
    return last, text


def _take_people(text: str, told: dict[str, str | int], asked: tuple[str, ...], party: int) -> None:
    """A number that is nothing else is the time where that was asked for, else people."""
    text = _added_up(_MORE.sub(lambda more: _changed_party(more, party), text))
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


def _changed_party(more: re.Match[str], party: int) -> str:
    """How many "two more" are, or "one less", where the party is known."""
    count = int(more["count"] or more["other"] or 1)
    return f"{max(0, party - count if more['sign'] in ('less', 'fewer') else party + count)} people"


def _added_up(text: str) -> str:
    """The text with "2 adults and 3 children" as "5 people"."""
    while found := _TOGETHER.search(text):
        more = int(found[2]) if found[2].isdecimal() else 1
        text = f"{text[: found.start()]}{int(found[1]) + more} people{text[found.end() :]}"
    return text
