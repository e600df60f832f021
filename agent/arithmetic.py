"""Sums as a caller asks for them: digits and + - * / ( ), worked out without running any code."""

import ast
import operator
import re
from collections.abc import Callable

MAX_LENGTH = 100
MAX_VALUE = 1e15
"""Above it a float no longer holds every whole number with two decimals, and nobody follows it by ear."""

BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda left, right: left / right,
}
UNARY: dict[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


def calculate(expression: str) -> int | float:
    """The value of the expression, whole where it is whole, else rounded to two decimals.

    Raises ValueError with a sentence to say.
    """
    if len(expression) > MAX_LENGTH:
        raise ValueError("the expression is too long")
    if "**" in expression or "//" in expression or not re.fullmatch(r"[\d\s.+\-*/()]+", expression, re.ASCII):
        raise ValueError("only digits and + - * / ( ) can be worked out")
    # Python refuses 007; a caller's number may begin so.
    text = re.sub(r"(?<![\d.])0+(?=\d)", "", expression.strip())
    try:
        value = round(_value(ast.parse(text, mode="eval").body), 2)
    except SyntaxError:
        raise ValueError("this is not a sum") from None
    except ZeroDivisionError:
        raise ValueError("division by zero") from None
    return int(value) if value == int(value) else value


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
            raise ValueError("this is not a sum")


def _bounded(number: float) -> float:
    if abs(number) > MAX_VALUE:
        raise ValueError("the number is too large")
    return number
