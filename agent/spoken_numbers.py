"""Numbers as people say them, put into digits: "seventy six plus eighty five" becomes "76 plus 85".

Speech arrives as words; a model may have put them into digits already, which is fine too.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple


def words(text: str) -> tuple[str, ...]:
    """The words of a list written as one text."""
    return tuple(text.split())


_SMALL = words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = words("twenty thirty forty fifty sixty seventy eighty ninety")
_NTH = words(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
SMALL = {word: value for value, word in enumerate(_SMALL)}
TENS = {word: 10 * value for value, word in enumerate(_TENS, 2)}
LARGE = {"thousand": 1_000, "million": 1_000_000}
CARDINALS = {**SMALL, **TENS}
ORDINALS = {**{word: value for value, word in enumerate(_NTH, 1)}, "thirtieth": 30}
HESITATION = frozenset(words("um uh er erm hmm ah"))


class Part(NamedTuple):
    """A number that was read, and the place of the word after it."""

    value: int
    end: int


def plain(text: str) -> str:
    """Lower case, without punctuation and hesitation; a word said twice in a row is said once.

    Keeps the marks of times and sums: `: ' . + - * / ( )` where they stand within or beside a number.
    """
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    text = re.sub(r"(?<=[a-z0-9])-(?=[a-z])", " ", text)
    text = re.sub(r"[,;!?\"]|\.(?!\d)|:(?!\d)", " ", text)
    said = [word for word in text.split() if word not in HESITATION]
    return " ".join(
        word
        for at, word in enumerate(said)
        if not (at and word == said[at - 1] and word.isalpha() and word != "ten")  # "ten ten" is a time
    )


def in_digits(text: str, joined: bool = True, ordinals: bool = False) -> str:
    """The text with its numbers in digits; all else, also times of day ("7 30"), is left as it stands.

    `joined`: "one hundred and five" is 105, else "100 and 5". `ordinals`: "twenty third" is 23.
    """
    said, ones = text.split(), {**CARDINALS, **ORDINALS} if ordinals else CARDINALS
    written: list[str] = []
    at = 0
    while at < len(said):
        part = _number(said, at, ones, joined)
        written.append(str(part.value) if part else said[at])
        at = part.end if part else at + 1
    return re.sub(r"\b(\d+) point (\d+(?: \d\b)*)", _decimal, " ".join(written))


def point_alone(text: str) -> str:
    """The text, which is in digits, with its numbers that begin with "point": "point 2 5" is 0.25."""
    return re.sub(r"\bpoint (\d+(?: \d\b)*)", lambda found: f"0.{found[1].replace(' ', '')}", text)


def _decimal(found: re.Match[str]) -> str:
    return f"{found[1]}.{found[2].replace(' ', '')}"


def _number(said: Sequence[str], at: int, ones: Mapping[str, int], joined: bool) -> Part | None:
    """The longest number from here: "two hundred thousand five hundred six"."""
    total, end, below = 0, at, math.inf
    while chunk := _below_thousand(said, end, ones, joined, later=end > at):
        scale = LARGE.get(_word(said, chunk.end), 1)
        if scale >= below:
            break
        total, end, below = total + chunk.value * scale, chunk.end + (scale > 1), scale
    return Part(total, end) if end > at else None


def _below_thousand(
    said: Sequence[str], at: int, ones: Mapping[str, int], joined: bool, later: bool
) -> Part | None:
    """Hundreds, and what is below; `later`: it goes on with a number, and "and" may stand before it."""
    at += joined and later and _word(said, at) == "and"
    many = _word(said, at) == "a" and (_word(said, at + 1) == "hundred" or _word(said, at + 1) in LARGE)
    part = Part(1, at + 1) if many else _below_hundred(said, at, ones)
    if part is None or _word(said, part.end) != "hundred":
        return part
    value, end = part.value * 100, part.end + 1
    rest = _below_hundred(said, end + (joined and _word(said, end) == "and"), ones)
    if rest and _word(said, rest.end) != "hundred":
        return Part(value + rest.value, rest.end)
    return Part(value, end)


def _word(said: Sequence[str], at: int) -> str:
    return said[at] if at < len(said) else ""


def _below_hundred(said: Sequence[str], at: int, ones: Mapping[str, int]) -> Part | None:
    word = _word(said, at)
    if word in TENS:
        unit = ones.get(_word(said, at + 1), 0)
        return Part(TENS[word] + unit, at + 2) if 0 < unit < 10 else Part(TENS[word], at + 1)
    return Part(ones[word], at + 1) if word in ones else None
