"""Sums as a caller asks for them, in words or in signs, worked out without running any code.

"what is seventy six plus eighty five", "divide ten by two" and "12 + 30" are all sums.
"""

import ast
import operator
import re
from collections.abc import Callable

from agent.spoken_numbers import in_digits, plain, point_alone, words

MAX_LENGTH = 200
MAX_VALUE = 1e15
"""Above it a float no longer holds every whole number with two decimals, and nobody follows it by ear."""

NO_SUM = "I found no sum in that"

BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda left, right: left / right,
}
UNARY: dict[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


_N = r"(-?(?:\d+(?:\.\d+)?|\.\d+))"
_TERM = rf"({_N[1:-1]}|\([^()]*\))"
_MORE = rf"((?: (?:and|[-+]) {_TERM})*)"
PARTS = (
    (rf"{_N} percent of {_N}", r"(\1 * \2 / 100)"),
    (rf"(?:\b1 )?\bhalf of {_N}", r"(\1 / 2)"),
)
"""What may be a part of a sum, and the same in signs."""
ORDERS = (
    (rf"(?:add|sum(?: of| up)?) {_TERM} (?:and|to|with|[+]) {_TERM}{_MORE}", r"\1 + \2\3"),
    (rf"(?:subtract|take) {_TERM} (?:away )?(?:from|off?) {_TERM}", r"\2 - \1"),
    (rf"difference (?:between |of )?{_TERM} and {_TERM}", r"\1 - \2"),
    (rf"(?:multiply|product(?: of)?) {_TERM} (?:by|and|with|[*]) {_TERM}", r"\1 * \2"),
    (rf"divide {_TERM} (?:by|with|and) {_TERM}", r"\1 / \2"),
    (rf"{_TERM} (?:go|goes|fits?) (?:into|in) {_TERM}", r"\2 / \1"),
    (rf"({_TERM}(?: (?:and|[-+*/]) {_TERM})*)", r"\1"),
)
"""How a whole sum is asked for, and the same in signs. Nothing follows where it could be taken two ways."""
ALIKE = {"an": "and", "too": "to"}
"""What an ear makes of these words."""
_IDLE = frozenset(words("the a please number dollar dollars euro euros pounds people"))
"""They may stand within a sum."""
_REFUSED = frozenset(
    words(
        """square squared squares root roots cube cubed power factorial modulo mod remainder logarithm log
        sine cosine tangent average median dozen dozens double doubled triple tripled twice thrice pi
        billion billions trillion million millions thousand thousands hundred hundreds cent cents
        quarter quarters third thirds fourth fourths fifth fifths sixth sixths seventh sevenths eighth
        eighths ninth ninths tenth tenths twentieth hundredth hundredths thousandth half halves
        percent negative point"""
    )
)
"""Numbers and operations that are not worked out, so that the sum would be another one without them."""
_OPERATIONS = frozenset(
    words("plus minus times multiplied multiply divided divide subtract add difference product + - * /")
)
_SIGNS = (
    (r"%", " percent "),
    (r"[$\N{EURO SIGN}\N{POUND SIGN}](?=\d)", ""),
    (r"(?<![.\d])(\d+) and (?:1 )?half\b(?! of)", r"\1.5"),
    (r"\bhow many times\b", "how often"),
    (r"(?<=\d)\s*([+*/x]|-(?=\s*\d))\s*(?=[-.\d])", r" \1 "),
    (r"\bplus\b", "+"),
    (r"\bminus\b", "-"),
    (r"(?<=\d) (?:times|x|multiplied(?: by| with)?) (?=\S)", " * "),
    (r"(?<=\d) (?:over|divided(?: by)?) (?=\S)", " / "),
    (r"(?<=\d) take(?: away)? (?=-?[\d.])", " - "),
    (r"\bnegative (?=[\d.])", "-"),
    (r"(?<![\d)]) - (?=[\d.])", " -"),
)
"""The operations between two numbers in signs, one rule after the other; a minus before a number joins it."""
_AGAIN = "(?:(?:oh|well|i|it|that|make) )*(?:no|sorry|wait|actually|mean|rather) "
_PUT_RIGHT = re.compile(rf"(?P<before> (?:and|[-+*/]))? {_N} (?:{_AGAIN})+{_N}(?P<after> (?:and|[-+*/]))? ")
"""A number put right; before and after it there may be an operation, not both: two sums could be meant."""
_ASKED = re.compile(r".*\b(?:what is|what's|how much is|calculate|compute|work out) (?=.*\d)")
_CENTURY = re.compile(
    r"\b(seventeen|eighteen|nineteen|twenty) "
    r"(?=(?:ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|"
    r"(?:twen|thir|for|fif|six|seven|eigh|nine)ty)\b)"
)
"""How years are said: "nineteen ninety nine"."""
_LISTED = re.compile(r"\b(?:add|sum|multiply|product)\b")
"""Numbers may follow one another here: "add twenty thirty and forty"."""
_IN_SIGNS = re.compile(r"([^\d(+*/)]*?)([-(.\s]*\d[\d\s.+\-*/()]*?)[\s=?.]*", re.ASCII)
_OTHER_SIGNS = re.compile(r"\*\*|//|\^|\d!\s*[-+*/]")
_NUMBER = re.compile(_N)
_WORD = re.compile(r"[^\W\d_]+(?:['./:][^\W\d_]*)*|[=:]")
"""What is no number and no sign of an operation."""


def calculate(expression: str) -> int | float:
    """The value of the expression, whole where it is whole, else rounded to two decimals.

    Raises ValueError with words to say.
    """
    if len(expression) > MAX_LENGTH:
        raise ValueError("the sum is too long")
    if _OTHER_SIGNS.search(expression):
        raise ValueError(NO_SUM)
    # Python refuses 007; a caller's number may begin so.
    text = re.sub(r"(?<![\d.])0+(?=\d)", "", in_signs(expression))
    try:
        value = round(_value(ast.parse(text, mode="eval").body), 2)
    except SyntaxError:
        raise ValueError(NO_SUM) from None
    except ZeroDivisionError:
        raise ValueError("nothing can be divided by zero") from None
    return int(value) if value == int(value) else value


def in_signs(text: str) -> str:
    """A sum in digits and signs; raises ValueError where the text has none or more than is understood.

    "and" belongs to the number ("one hundred and five times two") where a sum is left without it.
    """
    signs = _IN_SIGNS.fullmatch(text)
    if signs and re.search(r"[+*/(]|\d\s*-", signs[2]) and _is_talk(in_digits(plain(signs[1])).split()):
        return signs[2].strip()
    said = " ".join(ALIKE.get(word, word) for word in plain(text).split())
    if not _LISTED.search(said):
        said = _CENTURY.sub(r"\1 hundred ", said)
    for joined in (True, False):
        if found := _written(in_digits(said, joined)):
            return found
    raise ValueError(NO_SUM)


def _written(text: str) -> str:
    """Numbers in digits and operations in signs; empty where a word among them is not understood."""
    told = f" {_without_talk(_with_signs(text))} "
    if (right := _PUT_RIGHT.search(told)) and not (right["before"] and right["after"]):
        told = f"{told[: right.start(2)]}{told[right.start(3) :]}"
    for part, signs in PARTS:
        told = re.sub(part, signs, told)
    told = told.strip()
    for order, signs in ORDERS:
        found = re.search(rf"(?<!\S){order}$", told)
        if found and _is_talk(told[: found.start()].split()):
            written = found.expand(signs).replace(" and ", " + ")
            return written if re.search(r"\d [-+*/]", written) else ""
    return ""


def _with_signs(text: str) -> str:
    """The signs of operations, and decimals; no word that means nothing in a sum."""
    told = " ".join(word for word in point_alone(text).split() if word not in _IDLE)
    told = f" {told} "
    for word, sign in _SIGNS:
        told = re.sub(word, sign, told)
    return re.sub(rf"(?<!\S){_N} (?=\1 )", "", told)


def _without_talk(told: str) -> str:
    """From the last question to the last number; nothing where an operation would be lost."""
    asked = _ASKED.match(told)
    if asked and _REFUSED & set(asked[0].split()):
        return ""
    said = told[asked.end() if asked else 0 :].split()
    places = [at for at, word in enumerate(said) if _NUMBER.fullmatch(word)]
    end = places[-1] + 1 if places else 0
    return " ".join(said[:end]) if _is_talk(said[end:]) else ""


def _is_talk(said: list[str]) -> bool:
    """Whether nothing is lost with these words: no number, no operation and no sign."""
    if any(word in _REFUSED or word in _OPERATIONS or not _WORD.fullmatch(word) for word in said):
        return False
    return not re.search(r"(?:^| )(?:x|over|by|sum|sum of|sum up)$", " ".join(said))


def _value(node: ast.expr) -> float:
    """At most MAX_LENGTH characters of input bound the depth of this recursion."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return _bounded(number)
        case ast.BinOp(left, operation, right) if type(operation) in BINARY:
            return _bounded(BINARY[type(operation)](_value(left), _value(right)))
        case ast.UnaryOp(operation, operand) if type(operation) in UNARY:
            return UNARY[type(operation)](_value(operand))
        case _:
            raise ValueError(NO_SUM)


def _bounded(number: float) -> float:
    if abs(number) > MAX_VALUE:
        raise ValueError("the number is too large")
    return number
