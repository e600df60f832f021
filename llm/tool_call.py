"""From the text of a <tool_call> block to calls with typed arguments.

<function=set_timer>
<parameter=amount>
5
</parameter>
<parameter=unit>
minutes
</parameter>
</function>
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

FUNCTION = re.compile(r"<function=([^<>\n]+)>(.*?)</function>", re.DOTALL)
PARAMETER = re.compile(r"<parameter=([^<>\n]+)>\n?(.*?)\n?</parameter>", re.DOTALL)

Schema = Mapping[str, JsonValue]
"""The JSON schema of a function's arguments."""


@dataclass(frozen=True)
class Call:
    """A function that the model wants called."""

    name: str
    arguments: dict[str, JsonValue]


@dataclass(frozen=True)
class Block:
    """What stood in one <tool_call>: calls that can be made, and how much was nothing of the kind."""

    calls: tuple[Call, ...]
    dropped: int


def parse(text: str, functions: Mapping[str, Schema]) -> Block:
    """Read a block. A function that is not offered, or a call that is malformed, is dropped.

    Arguments that do not fit the schema are passed on as the text they are: the function can tell the
    model what it did not understand, which this parser cannot.
    """
    found = [_call(name.strip(), body, functions) for name, body in FUNCTION.findall(text)]
    calls = tuple(call for call in found if call)
    return Block(calls, max(len(found), 1) - len(calls))


def _call(name: str, body: str, functions: Mapping[str, Schema]) -> Call | None:
    if name not in functions or PARAMETER.sub("", body).strip():
        return None
    properties = functions[name].get("properties")
    schemas = properties if isinstance(properties, dict) else {}
    found = {key.strip(): value for key, value in PARAMETER.findall(body)}
    return Call(name, {key: typed(value, schemas.get(key)) for key, value in found.items()})


def typed(text: str, schema: JsonValue) -> JsonValue:
    """An argument's value in the type that its schema names; text where it is none of that type."""
    kinds = _kinds(schema)
    if kinds == {"string"}:
        return text
    try:
        value: JsonValue = json.loads(_python_words(text.strip()), parse_constant=_not_json)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, float) and value.is_integer() and "integer" in kinds and "number" not in kinds:
        value = int(value)
    return value if _kind(value) & kinds else text


def _kinds(schema: JsonValue) -> set[str]:
    """The types that a schema allows; text where it names none, since text is what the model writes."""
    kinds = schema.get("type") if isinstance(schema, dict) else None
    named = kinds if isinstance(kinds, list) else [kinds]
    return {kind for kind in named if isinstance(kind, str)} or {"string"}


def _python_words(text: str) -> str:
    """Models trained on Python say True, False and None."""
    return {"True": "true", "False": "false", "None": "null"}.get(text, text)


def _kind(value: object) -> set[str]:
    match value:
        case bool():
            return {"boolean"}
        case int():
            return {"integer", "number"}
        case float():
            return {"number"}
        case dict():
            return {"object"}
        case list():
            return {"array"}
        case None:
            return {"null"}
        case _:
            return {"string"}


def _not_json(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
