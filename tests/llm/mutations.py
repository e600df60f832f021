"""Requests that nobody should send: random bytes, and valid requests with something wrong in them."""

import json
import random
from typing import Any

TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "set_timer",
        "description": "Set a timer.",
        "parameters": {
            "type": "object",
            "properties": {"amount": {"type": "integer"}, "unit": {"type": "string", "enum": ["minutes"]}},
            "required": ["amount"],
        },
    },
}
CALL: dict[str, Any] = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "set_timer", "arguments": '{"amount": 5}'},
}
VALID: list[dict[str, Any]] = [
    {"messages": [{"role": "user", "content": "Hello."}], "max_tokens": 2},
    {
        "model": "any",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Hello. 👋"}]},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 1,
        "stop": ["x", "\n"],
    },
    {
        "messages": [
            {"role": "user", "content": "Five minutes."},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": '{"status": "started"}'},
        ],
        "tools": [TOOL],
        "tool_choice": "auto",
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 40,
        "min_p": 0.05,
        "seed": 7,
        "presence_penalty": 0.5,
        "chat_template_kwargs": {"enable_thinking": True},
        "max_tokens": 1,
    },
]
VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    10**30,
    0.5,
    -1e308,
    "",
    "x",
    "<|im_end|>",
    "<tool_call>",
    "\u0000",
    "😀" * 50,
    "{{ 1 }}",
    "a" * 3_000,
    [],
    {},
    [[]],
    [None],
    {"type": "text"},
    {"role": "user", "content": "x"},
    {"": ""},
]
BYTES = [
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\\",
    b"\xff",
    b"\x00",
    b"1e999",
    b"NaN",
    b"\\ud800",
    b"null",
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something could be changed within a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in items for place in places(one, (*path, key)))]


def changed(rng: random.Random, request: dict[str, Any]) -> Any:
    """The request with one of its values replaced, removed or doubled."""
    whole = json.loads(json.dumps(request))
    *above, last = rng.choice(places(whole)[1:])
    holder = whole
    for key in above:
        holder = holder[key]
    match rng.randrange(4):
        case 0:
            del holder[last]
        case 1 if isinstance(holder, list):
            holder += [holder[last]] * rng.randint(1, 20)
        case _:
            holder[last] = rng.choice(VALUES)
    return whole


def damaged(rng: random.Random, body: bytes) -> bytes:
    """The body with bytes cut out, put in or doubled."""
    start = rng.randrange(len(body) + 1)
    end = min(len(body), start + rng.randrange(12))
    match rng.randrange(3):
        case 0:
            return body[:start] + body[end:]
        case 1:
            return body[:start] + rng.choice(BYTES) + body[start:]
        case _:
            return body[:end] + body[start:]


def body(rng: random.Random) -> bytes:
    """One body: one in ten is noise, some are damaged as text, most in meaning, some not at all."""
    if rng.random() < 0.1:
        return rng.randbytes(rng.randrange(200))
    request: Any = rng.choice(VALID)
    for _ in range(rng.randint(0, 2)):
        request = changed(rng, request) if isinstance(request, dict) and request else request
    text = json.dumps(request).encode()
    for _ in range(rng.choice((0, 0, 0, 1, 3))):
        text = damaged(rng, text)
    return text
