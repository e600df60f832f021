"""Lengths of time as a caller says them: "an hour and a half", "90 seconds", "half an hour"."""

import re
from dataclasses import dataclass

from agent.spoken_numbers import in_digits, plain

SECONDS = {"hour": 3_600, "minute": 60, "second": 1}
MAX_S = 24 * 3_600
_UNIT = r"(hour|minute|second)s?"
_REWRITTEN = (
    (r"\b(half|quarter)(?: of)? (?:an?|the) hour\b", r"\1 hour"),
    (r"\b(hour|minute)s? and (?:a )?(half|quarter)\b", r"\1 and \2 \1"),
    (r"\b(\d+|an?) and (?:a )?(half|quarter) (hour|minute)s?\b", r"\1 \3 and \2 \3"),
    (r"\b(for|in|to) (hour|minute)\b", r"\1 1 \2"),
    (r"\bthree quarters of an hour\b|\b3 quarters of an hour\b", "45 minutes"),
    (r"\b(\d+)\.5 (hour|minute)s?\b", r"\1 \2 and half \2"),
    (r"\bhalf hour\b", "30 minutes"),
    (r"\bquarter hour\b", "15 minutes"),
    (r"\bhalf(?: a)? minute\b", "30 seconds"),
    (r"\bquarter minute\b", "15 seconds"),
    (r"\bmins?\b", "minutes"),
    (r"\bsecs?\b", "seconds"),
    (rf"\ban? (?={_UNIT}\b)", "1 "),
    (r"(?<=\d)(?=[hms])", " "),
)
"""The same in whole numbers of units, one rule after the other."""


@dataclass(frozen=True)
class Duration:
    """How long a timer runs, in the units that it was said in."""

    parts: tuple[tuple[int, str], ...]

    @property
    def seconds(self) -> int:
        """All its parts together."""
        return sum(amount * SECONDS[unit] for amount, unit in self.parts)

    def __str__(self) -> str:
        """`1 hour 30 minutes`."""
        return " ".join(f"{amount} {unit}{'s' if amount != 1 else ''}" for amount, unit in self.parts)

    @property
    def adjective(self) -> str:
        """`45 minute`, as in "your 45 minute timer"."""
        return " ".join(f"{amount} {unit}" for amount, unit in self.parts)


def duration(text: str) -> Duration | None:
    """The duration that the text has; None where it has none. A number without a unit is minutes.

    Raises ValueError, with words to say, for less than a second or more than a day.
    """
    told = in_digits(plain(text))
    for pattern, whole in _REWRITTEN:
        told = re.sub(pattern, whole, told)
    parts = tuple((int(amount), unit) for amount, unit in re.findall(rf"\b(\d+) {_UNIT}\b", told))
    if not parts and (bare := re.search(r"(?:\b(?:for|four|in|to) |^)(\d+)\b(?! (?:for|hours?)\b)", told)):
        parts = ((int(bare[1]), "minute"),)
    if not parts:
        return None
    found = Duration(parts)
    if not 1 <= found.seconds <= MAX_S:
        raise ValueError("a timer runs for a second at least and a day at most")
    return found
