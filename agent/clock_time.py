"""Times of day and days as a caller says them, and as they are written: "half past six" is "6:30 PM"."""

import re

from agent.spoken_numbers import ORDINALS, in_digits, words

DAYS = words("monday tuesday wednesday thursday friday saturday sunday")
MONTHS = words("january february march april may june july august september october november december")
_DAY, _MONTH = f"(?:{'|'.join(DAYS)})", f"(?:{'|'.join(MONTHS)})"
_BELOW_TENTH = "|".join(word for word, value in ORDINALS.items() if value < 10)
_ORDINAL = re.compile(rf"\b(?:(?:twenty|thirty) (?:{_BELOW_TENTH})|{'|'.join(ORDINALS)})\b")
_TH = r"(?:st|nd|rd|th)\b"
_NTH = r"(?:the )?(?P<nth>\d{1,2})"
PEOPLE = r"(?:people|persons?|guests?|adults?|children|child|kids?|baby|babies)"
_NOT_PEOPLE = rf"(?! (?:more|{PEOPLE}|of us)\b)"
_WEEKS = r"(?P<weeks>in (?:a|\d+) weeks?|next week)"
_NOT_A_DAY = (
    r"(?! (?:one|name|time|thing|table|floor|person|people|guests?|seat|place|question|option|part"
    r"|reservation|booking|available|thoughts?)\b| of (?!this|the|next))"
)
"""What else is first, second and third."""
DATE = (
    re.compile(rf"\b(?P<ahead>(?:a|\d+) weeks? from) (?:next )?(?P<day>{_DAY})\b"),
    re.compile(rf"\b{_WEEKS}(?: on)? (?P<day>{_DAY})\b"),
    re.compile(
        rf"\b(?:(?P<next>next|this|on) )?(?P<day>{_DAY})s?(?: evening| night| afternoon| morning)?\b"
        rf"(?: {_NTH}{_TH}(?: of (?P<month>{_MONTH}))?| {_WEEKS}\b)?"
    ),
    re.compile(
        r"\b(?P<day>the day after tomorrow|tomorrow|today|tonight)(?: evening| night| afternoon| morning)?\b"
    ),
    re.compile(rf"\b(?P<month>{_MONTH}) {_NTH}(?:{_TH}|\b){_NOT_PEOPLE}"),
    re.compile(rf"\b{_NTH}(?:{_TH}(?: of)?| of) (?P<month>{_MONTH})\b"),
    re.compile(
        rf"(?:\b(?:the|on) |^(?=\w+(?:$| (?:at|around|about|please)\b)))(?P<nth>\d{{1,2}}){_TH}{_NOT_A_DAY}"
        r"(?P<later> of next month\b)?"
    ),
)
SPAN = re.compile(
    r"\b(?:in |for |within )?\d+ (?:minutes?(?! (?:past|after|to)\b)|(?:hour|day|week|month)s?)\b"
)
"""How long, or how long from now: neither people nor an hour."""
MORNING = re.compile(rf"\b(?:(?:in|on)(?: the)?|this|today|tomorrow|{_DAY}) morning\b")
"""The morning of a day, unlike that of "good morning"."""
PART = r"(?P<part> ?[ap] ?m\b| in the (?:morning|afternoon|evening)| (?:at )?night| tonight|)"
NOT_A_TIME = r"(?!:| \d| o'?clock| ?[ap] ?m\b| in the | (?:at )?night| tonight)"
"""After a number that may well be people."""
_NEAR = r"(?:(?:at|around|about|by|after|that) ){0,2}"
TIME = (
    re.compile(rf"\bfrom (?P<hour>\d{{1,2}})(?:[: ](?P<past>[0-5]\d))?\b{PART} (?:to|till|until) \d{{1,2}}"
               rf"(?:[: ][0-5]\d)?\b{_NOT_PEOPLE}(?: ?[ap] ?m\b| o'?clock)?"),
    re.compile(rf"\b{_NEAR}(?P<minutes>half|(?:a )?quarter|5|10|20|25)(?: minutes)? (?P<side>past|after|to)"
               rf" (?P<hour>\d{{1,2}})\b{_NOT_PEOPLE}(?: o'?clock)?{PART}"),
    re.compile(rf"\b{_NEAR}(?P<word>noon|midday|midnight)\b"),
    re.compile(rf"\b{_NEAR}(?P<hour>\d{{1,2}})(?::| oh )(?P<past>\d{{1,2}})\b{PART}"),
    re.compile(rf"\b{_NEAR}(?P<hour>[1-9]|1[0-2]) (?P<past>[1-5]\d)\b(?! \d){_NOT_PEOPLE}{PART}"),
    re.compile(rf"\b{_NEAR}(?P<hour>\d{{1,2}})(?: o'?clock{PART}|(?P<part2> ?[ap] ?m\b"
               rf"| in the (?:morning|afternoon|evening)| at night))"),
    re.compile(rf"\b(?:at|around|about|by|that) {_NEAR}(?P<hour>\d{{1,2}})\b{_NOT_PEOPLE}"),
)  # fmt: skip
_MINUTES = {"half": 30, "quarter": 15, "a quarter": 15}


def in_figures(text: str) -> str:
    """The text with its numbers in digits; a day of the month keeps its ending: "the 12th at 7"."""
    text = _ORDINAL.sub(lambda found: nth(int(in_digits(found[0], ordinals=True))), text)
    return in_digits(text)


def nth(value: int) -> str:
    """`1st`, `12th`, `23rd`."""
    ending = "th" if value // 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{ending}"


def read_day(found: re.Match[str]) -> str:
    """What a match of DATE says.

    `Friday`, `next Friday`, `Friday the 12th`, `Friday in 2 weeks`, `tomorrow`, `today`, `November 23`,
    `the 12th`.
    """
    parts = {key: value for key, value in found.groupdict().items() if value}
    if month := parts.get("month"):
        return f"{month.title()} {int(parts['nth'])}"
    day = parts.get("day", "")
    date = f"the {nth(int(parts['nth']))}" if "nth" in parts else ""
    if day in DAYS:
        after = f" {date or parts.get('weeks', '')}".rstrip()
        before = "next" if parts.get("next") == "next" else parts.get("ahead", "")
        return f"{before} {day.title()}{after}".lstrip()
    return date + parts.get("later", "") or ("today" if day == "tonight" else day)


def read_time(found: re.Match[str], later: str = "") -> str:
    """What a match of TIME says, with the part of the day that is told elsewhere: `6:30 PM`.

    Where nothing says otherwise an hour is in the afternoon or the evening: the restaurant opens at noon.
    """
    parts = {key: value for key, value in found.groupdict().items() if value}
    if word := parts.get("word"):
        return "12 AM" if word == "midnight" else "12 PM"
    minutes = parts.get("minutes", "")
    past = _MINUTES.get(minutes) or int(minutes or parts.get("past", 0))
    total = int(parts["hour"]) * 60 + (-past if parts.get("side") == "to" else past)
    hour, minute = divmod(total % (24 * 60), 60)
    part = parts.get("part", parts.get("part2", later)).strip()
    morning = (
        part[:1] == "a" and part[-1:] == "m" or "morning" in part or ("night" in part and hour % 12 == 0)
    )
    half = "AM" if morning and hour <= 12 else "PM"
    clock = f"{hour % 12 or 12}:{minute:02d}" if minute else f"{hour % 12 or 12}"
    return f"{clock} {half}"
