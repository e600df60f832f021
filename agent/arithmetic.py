"""Sums as a caller asks for them, in words or in signs, worked out without running any code.

"what is seventy six plus eighty five", "divide ten by two" and "12 + 30" are all sums.
"""

import ast
import operator
import re
from collections.abc import Callable

from agent.spoken_numbers import in_digits, plain

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


_N = r"(-?\d+(?:\.\d+)?)"
ORDERS = (
    (rf"(?:add|sum(?: of| up)?) {_N} (?:and|to|with) {_N}(?! (?:plus|and))", r"\1 + \2"),
    (rf"(?:subtract|take) {_N} (?:away )?from {_N}", r"\2 - \1"),
    (rf"(?:take|subtract) {_N} (?:away )?of {_N}", r"\2 - \1"),
    (rf"difference (?:between |of )?{_N} and {_N}", r"\1 - \2"),
    (rf"(?:multiply|product(?: of)?) {_N} (?:by|and|with|times) {_N}", r"\1 * \2"),
    (rf"divide {_N} (?:by|with|and) {_N}", r"\1 / \2"),
    (rf"{_N} (?:go|goes|fits?) (?:into|in) {_N}", r"\2 / \1"),
    (rf"half of {_N}", r"\1 / 2"),
    (rf"{_N} percent of {_N}", r"\1 * \2 / 100"),
    (rf"{_N} (?:multiplied by|times|x) {_N}", r"\1 * \2"),
)
"""How an operation is asked for in words, and the same in signs."""
SIGNS = {
    "plus": "+", "and": "+", "minus": "-", "take": "-", "times": "*", "x": "*", "multiplied": "*",
    "divided": "/", "over": "/",
}  # fmt: skip
"""A word between two numbers, and its sign."""
ALIKE = {"an": "and", "too": "to"}
"""What an ear makes of these words."""
_KEPT = """add sum of up from to away difference between product multiply divide subtract by with go goes
    fit fits into in half percent"""
_TALK = frozenset((*SIGNS, *_KEPT.split()))
_IN_SIGNS = re.compile(r"[^\d(]*?([-(]*\d[\d\s.+\-*/()]*?)[\s=?.]*", re.ASCII)
_NUMBER = re.compile(r"[\d.]+")


def calculate(expression: str) -> int | float:
    """The value of the expression, whole where it is whole, else rounded to two decimals.

    Raises ValueError with words to say.
    """
    if len(expression) > MAX_LENGTH:
        raise ValueError("the sum is too long")
    if "**" in expression or "//" in expression:
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
    """A sum in digits and signs; raises ValueError where the text has none.

    "and" belongs to the number ("one hundred and five times two") where a sum is left without it.
    """
    signs = _IN_SIGNS.fullmatch(text)
    if signs and re.search(r"[+*/(]|\d\s*-", signs[1]):
        return signs[1]
    words = [ALIKE.get(word, word) for word in plain(text).split()]
    for joined in (True, False):
        found = _written(in_digits(" ".join(words), joined))
        if re.search(r"\d.*[-+*/].*\d", found):
            return found
    raise ValueError(NO_SUM)


def _written(text: str) -> str:
    """Numbers in digits, operations in signs, and no other word."""
    spaced = re.sub(r"(?<=\d)\s*([+*/]|-(?=\s*\d))\s*", r" \1 ", text)
    kept = " ".join(
        word for word in spaced.split() if word in _TALK or re.fullmatch(r"[\d.]*\d|[-+*/]", word)
    )
    # A number said twice, or put right: the last one counts.
    kept = re.sub(rf"{_N} (?={_N})", "", kept)
    for order, signs in ORDERS:
        kept = re.sub(order, signs, kept)
    return _between_numbers(kept.split())


def _between_numbers(words: list[str]) -> str:
    """From the first number to the last: one sign between two numbers."""
    written: list[str] = []
    sign = ""
    for word in words:
        if _NUMBER.fullmatch(word):
            written += [sign, word] if written else [f"-{word}" if sign == "-" else word]
            sign = ""
        else:
            sign = sign or SIGNS.get(word, word if word in "+-*/" else "")
    return " ".join(written)


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
