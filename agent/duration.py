"""Lengths of time as a caller says them: "an hour and a half", "90 seconds", "half an hour"."""

import re
from dataclasses import dataclass
from fractions import Fraction

from agent.spoken_numbers import in_digits, plain, point_alone

SECONDS = {"hour": 3_600, "minute": 60, "second": 1}
MAX_S = 24 * 3_600
_SMALLER = {"hour": "minute", "minute": "second"}
_UNIT = r"(?:hour|minute|second)s?"
_N = r"(?:\d+(?:\.\d+)?|\.\d+)"
_JUST = re.compile(r"(?<!\bfor )\bjust (?:a|1) (?:second|minute|moment)\b")
"""A request to wait, unless it is the only duration in the text."""
_REWRITTEN = (
    (r"(?<=\d)(?=[hms])|(?<=\d[hms])(?=\d)", " "),
    (r"(?<=\d) (?:h|hrs?)\b", " hours"),
    (r"(?<=\d) m\b|\bmins?\b", " minutes"),
    (r"(?<=\d) s\b|\bsecs?\b", " seconds"),
    (r"\b(?:wait|hold on|hang on|give me)(?: just)? (?:a|1) (?:second|minute|moment)\b(?! timer)", " "),
    (r"\b(a|the|my) second (?=timer|alarm|one)", r"\1 "),
    (r"\b(\d+):(\d\d):(\d\d)\b", r"\1 hours \2 minutes \3 seconds"),
    (r"\b(\d+):(\d\d) hours?\b", r"\1 hours \2 minutes"),
    (
        r"(?<!at )(?<!till )(?<!until )\b(\d+):(\d\d)\b(?! ?[ap] ?m\b)(?: minutes?\b)?",
        r"\1 minutes \2 seconds",
    ),
    (r"\b(\d+|an?) and? (?:a |the |1 )?half\b(?! an? )", r"\1.5"),
    (r"\b(\d+|an?) and? (?:a |the |1 )?quarter\b(?! of )", r"\1.25"),
    (r"\b(\d+|an?) and? 3 quarters\b(?! of )", r"\1.75"),
    (r"\ban?(?=\.\d)", "1"),
    (r"\b3 quarters of (?:an?|the|1) (?=hour|minute)", "0.75 "),
    (r"\b(hour|minute)s? and? (?:a |the |1 )?half\b(?! (?:an? )?(?:hour|minute))", r"\1 and 0.5 \1"),
    (
        r"\b(hour|minute)s? and? (?:a |the |1 )?quarter\b(?! (?:of )?(?:an? )?(?:hour|minute))",
        r"\1 and 0.25 \1",
    ),
    (r"\b(hour|minute)s? and? 3 quarters\b(?! of)", r"\1 and 0.75 \1"),
    (r"\b(?:(?:a|1) )?half(?: of)?(?: (?:an?|the|1))? (?=hour|minute)", "0.5 "),
    (r"\b(?:(?:a|1) )?quarter(?: of)?(?: (?:an?|the|1))? (?=hour|minute)", "0.25 "),
    (r"\b(for|in|to) (?=(?:hour|minute)\b)", r"\1 1 "),
    (rf"\ban? (?={_UNIT}\b)", "1 "),
    (rf"\b(?:not|instead of|rather than) {_N} {_UNIT}\b", " "),
    (r"\s+", " "),
)
"""The same as numbers of units, one rule after the other."""
_PART = re.compile(
    rf"(?<![\d.:])(?P<amount>{_N}) (?P<unit>hour|minute|second)s?\b"
    rf"(?: (?:and? )?(?!4 (?:me|us|my|the)\b)(?P<more>[1-5]?\d)\b(?![.:]| (?:{_UNIT}|times|people|more)\b))?"
)
_JOINT = re.compile(r" ?(and?|plus)? ?")
"""What may stand between the parts of one duration."""
_BARE = re.compile(
    rf"(?:\b(?:for|four|in|to|make it|say|just) |^ ?)({_N})(?![\d.:])(?! (?:for|hours?|timers?)\b)"
)
_PUT_RIGHT = re.compile(rf"\b(?:no|sorry|mean|actually|make it|make that) ({_N})(?![\d.:])")


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

    Where it has several, the last one counts: it puts the others right.
    Raises ValueError, with words to say, for less than a second or more than a day.
    """
    told = point_alone(in_digits(plain(text)))
    said = _said(_JUST.sub(" ", told)) or _said(told)
    if not said:
        return None
    found = Duration(_whole(said))
    if not 1 <= found.seconds <= MAX_S:
        raise ValueError("a timer runs for a second at least and a day at most")
    return found


def _said(told: str) -> list[tuple[Fraction, str]]:
    """The parts of the last duration, the largest unit first; no parts where there is none."""
    for pattern, rewritten in _REWRITTEN:
        told = re.sub(pattern, rewritten, told)
    last: list[tuple[Fraction, str]] = []
    end = 0
    for found in _PART.finditer(told):
        amount, unit = Fraction(found["amount"]), found["unit"]
        if not (last and _goes_on(last[-1][1], told[end : found.start()], amount, unit)):
            last = []
        last.append((amount, unit))
        if found["more"] and unit in _SMALLER:
            last.append((Fraction(found["more"]), _SMALLER[unit]))
        end = found.end()
    if last:
        right = _PUT_RIGHT.search(told, end)
        return [(Fraction(right[1]), last[-1][1])] if right else last
    bare = _BARE.search(told)
    return [(Fraction(bare[1]), "minute")] if bare else []


def _goes_on(before: str, between: str, amount: Fraction, unit: str) -> bool:
    """Whether a part belongs to the one before it: "1 hour and 5 minutes", "1 hour and 0.5 hour"."""
    joint = _JOINT.fullmatch(between)
    return bool(joint) and (
        SECONDS[unit] < SECONDS[before] or (unit == before and amount < 1 and joint[1] is not None)
    )


def _whole(said: list[tuple[Fraction, str]]) -> tuple[tuple[int, str], ...]:
    """Whole numbers of each unit: half an hour is 30 minutes."""
    amounts = dict.fromkeys(SECONDS, 0)
    for amount, unit in said:
        rest_s = round(amount * SECONDS[unit])
        for smaller in list(SECONDS)[list(SECONDS).index(unit) :]:
            count, rest_s = divmod(rest_s, SECONDS[smaller])
            amounts[smaller] += count
    return tuple((amount, unit) for unit, amount in amounts.items() if amount)
