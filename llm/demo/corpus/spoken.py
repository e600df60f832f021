"""How numbers, times and days are said, and how they are typed.

Texts of the corpus carry both at once: `{seven|7}` is said "seven" and typed "7".
`spoken` and `typed` choose one side.
"""

import random
import re
from typing import NamedTuple

_BOTH = re.compile(r"\{([^|{}]*)\|([^|{}]*)\}")


def words(text: str) -> tuple[str, ...]:
    """The words of a list written as one text."""
    return tuple(text.split())


_SMALL = words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = words("zero ten twenty thirty forty fifty sixty seventy eighty ninety")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = words("January February March April May June July August September October November December")
_ORDINALS = words(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)


class Said(NamedTuple):
    """`text` as said and typed (with `{said|typed}` parts), and the `value` that a tool call carries."""

    text: str
    value: str


def spoken(text: str) -> str:
    """The text as the ear hears it."""
    return _BOTH.sub(r"\1", text)


def typed(text: str) -> str:
    """The text as somebody types it."""
    return _BOTH.sub(r"\2", text)


def number(value: int) -> str:
    """English words for 0 <= value < 1,000,000."""
    if value < 20:
        return _SMALL[value]
    if value < 100:
        tens, ones = divmod(value, 10)
        return _TENS[tens] + (f" {_SMALL[ones]}" if ones else "")
    scale, word = (100, "hundred") if value < 1000 else (1000, "thousand")
    high, low = divmod(value, scale)
    return f"{number(high)} {word}" + (f" {number(low)}" if low else "")


def both(value: int) -> str:
    """`{forty two|42}`."""
    return f"{{{number(value)}|{value}}}"


def name(plain: str) -> str:
    """`{anna|Anna}`: a name as heard and as typed."""
    return f"{{{plain}|{plain.title()}}}"


def ordinal(day: int) -> str:
    """English words for 1 <= day <= 31."""
    if day <= 20:
        return _ORDINALS[day - 1]
    return "thirtieth" if day == 30 else f"{_TENS[day // 10]} {_ORDINALS[day % 10 - 1]}"


def table_day(rng: random.Random) -> Said:
    """A day for a reservation."""
    weekday = rng.choice(WEEKDAYS)
    plain = f"{{{weekday.lower()}|{weekday}}}"
    kind = rng.random()
    if kind < 0.2:
        return Said("tomorrow", "tomorrow")
    if kind < 0.28:
        return Said("today", "today")
    if kind < 0.36:
        return Said("tonight", "today")
    if kind < 0.42:
        return Said(f"next {plain}", f"next {weekday}")
    if kind < 0.47:
        month, day = rng.choice(MONTHS), rng.randint(1, 31)
        said = f"{{{month.lower()}|{month}}} {{{ordinal(day)}|{day}}}"
        return Said(said, f"{month} {day}")
    if kind < 0.55:
        return Said(f"this {plain}", weekday)
    return Said(plain, weekday)


def table_time(rng: random.Random) -> Said:
    """A time for a reservation: hours from one to eleven are in the evening unless said otherwise."""
    hour = rng.choice((5, 6, 6, 7, 7, 7, 7, 8, 8, 8, 9, 9, 10, 12, 1, 2, 3, 4, 11))
    minute = rng.choice((0,) * 12 + (30,) * 5 + (15, 15, 45, 45) + (rng.choice((10, 20, 40, 50)),))
    clock = f"{hour}:{minute:02d}" if minute else f"{hour}"
    if rng.random() < 0.04:
        return Said("noon", "12 PM")
    if 8 <= hour <= 11 and rng.random() < 0.15:
        return Said(
            f"{_plain_time(hour, minute)} {rng.choice(('{a m|am}', 'in the morning'))}", f"{clock} AM"
        )
    said = _relative_time(hour, minute) if rng.random() < 0.3 else _plain_time(hour, minute)
    return Said(said + _part_of_day(rng, hour, said), f"{clock} PM")


def _plain_time(hour: int, minute: int) -> str:
    said = f"{number(hour)} {number(minute)}" if minute else number(hour)
    return f"{{{said}|{hour}:{minute:02d}}}" if minute else f"{{{said}|{hour}}}"


def _relative_time(hour: int, minute: int) -> str:
    """Half past, quarter past and quarter to, or the full hour with "o'clock"."""
    if minute == 30:
        return f"half past {both(hour)}"
    if minute == 15:
        return f"quarter past {both(hour)}"
    if minute == 45:
        return f"quarter to {both(hour % 12 + 1)}"
    return f"{both(hour)} o'clock" if not minute else _plain_time(hour, minute)


def _part_of_day(rng: random.Random, hour: int, said: str) -> str:
    kind = rng.random()
    if kind < 0.6:
        return ""
    if kind < 0.88 and "o'clock" not in said and "past" not in said and "quarter" not in said:
        return " {p m|pm}"
    if hour in (12, 1, 2, 3, 4):
        return " in the afternoon"
    return " in the evening" if hour < 10 else " at night"
