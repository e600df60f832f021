from typing import Any

import pytest
from pydantic import JsonValue

from llm.tool_call import Block, Call, Schema, parse, typed

TIMER: dict[str, JsonValue] = {
    "type": "object",
    "properties": {"amount": {"type": "integer"}, "unit": {"type": "string"}},
}
FUNCTIONS: dict[str, Schema] = {"get_time": {}, "set_timer": TIMER}


def block(name: str, **arguments: str) -> str:
    lines = [f"<parameter={key}>\n{value}\n</parameter>" for key, value in arguments.items()]
    return "\n".join(["", f"<function={name}>", *lines, "</function>", ""])


def test_a_call_has_arguments_in_the_types_of_its_schema():
    call = Call("set_timer", {"amount": 5, "unit": "minutes"})
    assert parse(block("set_timer", amount="5", unit="minutes"), FUNCTIONS) == Block((call,), 0)


def test_a_call_without_parameters_has_no_arguments():
    assert parse(block("get_time"), FUNCTIONS) == Block((Call("get_time", {}),), 0)


def test_a_block_may_hold_two_calls():
    assert len(parse(block("get_time") + block("set_timer", amount="1"), FUNCTIONS).calls) == 2


def test_a_parameter_keeps_its_own_lines():
    call = parse(block("set_timer", unit="a\n\n b"), FUNCTIONS).calls[0]
    assert call.arguments == {"unit": "a\n\n b"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "get_time",
        block("fly"),
        "<function=get_time>",
        "<function=get_time>\n<parameter=x>\n5\n</function>",
        "<function=get_time>\nsoon\n</function>",
        '{"name": "get_time"}',
    ],
)
def test_what_is_no_call_of_an_offered_function_is_dropped_and_counted(text: str):
    assert parse(text, FUNCTIONS) == Block((), 1)


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("5", {"type": "integer"}, 5),
        (" 5 ", {"type": "integer"}, 5),
        ("5.0", {"type": "integer"}, 5),
        ("five", {"type": "integer"}, "five"),
        ("5.5", {"type": "integer"}, "5.5"),
        ("true", {"type": "integer"}, "true"),
        ("5", {"type": "number"}, 5),
        ("-0.5", {"type": "number"}, -0.5),
        ("NaN", {"type": "number"}, "NaN"),
        ("9" * 5000, {"type": "integer"}, "9" * 5000),
        ("true", {"type": "boolean"}, True),
        ("False", {"type": "boolean"}, False),
        ("1", {"type": "boolean"}, "1"),
        ('{"a": [1]}', {"type": "object"}, {"a": [1]}),
        ("{'a': 1}", {"type": "object"}, "{'a': 1}"),
        ("[1, 2]", {"type": "array"}, [1, 2]),
        ("[" * 5000, {"type": "array"}, "[" * 5000),
        ("5", {"type": "string"}, "5"),
        ("5", {}, "5"),
        ("5", {"type": ["integer", "null"]}, 5),
        ("None", {"type": ["string", "null"]}, None),
        ("hello", {"type": ["string", "null"]}, "hello"),
        ("5", {"type": ["string", "null"]}, "5"),
        ("5", {"type": 7}, "5"),
        ("5", None, "5"),
    ],
)
def test_a_value_is_of_its_schemas_type_or_text(text: str, schema: Any, value: object):
    assert typed(text, schema) == value
    assert type(typed(text, schema)) is type(value)
