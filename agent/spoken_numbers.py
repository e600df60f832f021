"""Numbers as people say them, put into digits: "seventy six plus eighty five" becomes "76 plus 85".

Speech arrives as words; a model may have put them into digits already, which is fine too.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen""".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_NTH = """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
    fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth""".split()
SMALL = {word: value for value, word in enumerate(_SMALL)}
TENS = {word: 10 * value for value, word in enumerate(_TENS, 2)}
SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
CARDINALS = {**SMALL, **TENS}
ORDINALS = {**{word: value for value, word in enumerate(_NTH, 1)}, "thirtieth": 30}
HESITATION = frozenset(("um", "uh", "er", "erm", "hmm", "ah"))


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
    words = [word for word in text.split() if word not in HESITATION]
    return " ".join(
        word
        for at, word in enumerate(words)
        if not (at and word == words[at - 1] and word.isalpha() and word != "ten")  # "ten ten" is a time
    )


def in_digits(text: str, joined: bool = True, ordinals: bool = False) -> str:
    """The text with its numbers in digits; all else, also times of day ("7 30"), is left as it stands.

    `joined`: "one hundred and five" is 105, else "100 and 5". `ordinals`: "twenty third" is 23.
    """
    words, ones = text.split(), {**CARDINALS, **ORDINALS} if ordinals else CARDINALS
    written: list[str] = []
    at = 0
    while at < len(words):
        part = _number(words, at, ones, joined)
        written.append(str(part.value) if part else words[at])
        at = part.end if part else at + 1
    return re.sub(r"\b(\d+) point (\d+(?: \d\b)*)", _decimal, " ".join(written))


def _decimal(found: re.Match[str]) -> str:
    return f"{found[1]}.{found[2].replace(' ', '')}"


def _number(words: Sequence[str], at: int, ones: Mapping[str, int], joined: bool) -> Part | None:
    """The longest number from here: "two thousand five hundred six"."""
    total, scale = 0, 1_000_000_000
    end = at
    while part := _scaled(words, end, ones, scale, joined and end > at):
        total, end, scale = total + part[0], part[1], part[2]
    return Part(total, end) if end > at else None


def _scaled(
    words: Sequence[str], at: int, ones: Mapping[str, int], below: int, joined: bool
) -> tuple[int, int, int] | None:
    """(value, end, its scale) of one part of a number, smaller in scale than the part before."""
    if joined and words[at : at + 1] == ["and"]:
        at += 1
    if words[at : at + 1] == ["a"] and words[at + 1 : at + 2] and words[at + 1] in SCALES:
        part = Part(1, at + 1)
    else:
        part = _below_hundred(words, at, ones)
    if part is None:
        return None
    value, end = part
    scale = 1
    while words[end : end + 1] and words[end] in SCALES:
        scale *= SCALES[words[end]]
        end += 1
    return (value * scale, end, scale) if scale < below and below > 1 else None


def _below_hundred(words: Sequence[str], at: int, ones: Mapping[str, int]) -> Part | None:
    word = words[at] if at < len(words) else ""
    if word in TENS:
        unit = ones.get(words[at + 1], 0) if at + 1 < len(words) else 0
        return Part(TENS[word] + unit, at + 2) if 0 < unit < 10 else Part(TENS[word], at + 1)
    return Part(ones[word], at + 1) if word in ones else None
