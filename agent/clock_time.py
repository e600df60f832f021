"""Times of day and days as a caller says them, and as they are written: "half past six" is "6:30 PM"."""

import re

from agent.spoken_numbers import words

DAYS = words("monday tuesday wednesday thursday friday saturday sunday")
MONTHS = words("january february march april may june july august september october november december")
_DAY, _MONTH = f"(?:{'|'.join(DAYS)})", f"(?:{'|'.join(MONTHS)})"
_NTH = r"(?:the )?(?P<nth>\d{1,2})(?:st|nd|rd|th)?"
DATE = (
    re.compile(rf"\b(?:(?P<next>next|this|on) )?(?P<day>{_DAY})s?(?: evening| night| afternoon| morning)?\b"),
    re.compile(r"\b(?P<day>the day after tomorrow|tomorrow|today|tonight)(?: evening| night)?\b"),
    re.compile(rf"\b(?P<month>{_MONTH}) {_NTH}\b(?! (?:people|persons|guests)\b)"),
    re.compile(rf"\b{_NTH} of (?P<month>{_MONTH})\b"),
)
PART = r"(?P<part> ?[ap] ?m\b| in the (?:morning|afternoon|evening)| (?:at )?night| tonight|)"
_NEAR = r"(?:(?:at|around|about|by|after|that) ){0,2}"
_NOT_PEOPLE = r"(?! (?:people|persons?|guests|of us)\b)"
TIME = (
    re.compile(rf"\b{_NEAR}(?P<minutes>half|(?:a )?quarter|5|10|20|25)(?: minutes)? (?P<side>past|after|to)"
               rf" (?P<hour>\d{{1,2}})(?: o'?clock)?{PART}"),
    re.compile(rf"\b{_NEAR}(?P<word>noon|midday|midnight)\b"),
    re.compile(rf"\b{_NEAR}(?P<hour>\d{{1,2}})(?::| oh )(?P<past>\d{{1,2}})\b{PART}"),
    re.compile(rf"\b{_NEAR}(?P<hour>[1-9]|1[0-2]) (?P<past>[1-5]\d)\b{_NOT_PEOPLE}{PART}"),
    re.compile(rf"\b{_NEAR}(?P<hour>\d{{1,2}})(?: o'?clock{PART}|(?P<part2> ?[ap] ?m\b"
               rf"| in the (?:morning|afternoon|evening)| at night))"),
    re.compile(rf"\b(?:at|around|about|by|that) {_NEAR}(?P<hour>\d{{1,2}})\b{_NOT_PEOPLE}"),
)  # fmt: skip
_MINUTES = {"half": 30, "quarter": 15, "a quarter": 15}


def read_day(found: re.Match[str]) -> str:
    """What a match of DATE says: `Friday`, `next Friday`, `tomorrow`, `today`, `November 23`."""
    parts = found.groupdict()
    if month := parts.get("month"):
        return f"{month.title()} {parts['nth']}"
    if parts["day"] in DAYS:
        return f"{'next ' if parts['next'] == 'next' else ''}{parts['day'].title()}"
    return "today" if parts["day"] == "tonight" else parts["day"]


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
