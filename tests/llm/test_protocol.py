import json
from typing import Any

import pytest

from llm.protocol import BadRequest, ChatRequest, parse

HELLO: list[dict[str, Any]] = [{"role": "user", "content": "Hello."}]
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def refused(body: object) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        parse(ChatRequest, body if isinstance(body, bytes) else json.dumps(body).encode())
    return caught.value


def asked(**fields: Any) -> ChatRequest:
    return parse(ChatRequest, json.dumps({"messages": HELLO, **fields}).encode())


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"{}", b"[" * 10_000, b'{"a":1}{']
)
def test_what_is_no_request_is_refused(body: bytes):
    refused(body)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "Hello."}, "messages"),
        ({"messages": [{"role": "narrator", "content": "x"}]}, "messages[0]"),
        ({"messages": [{"content": "x"}]}, "messages[0]"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [*HELLO, {"role": "user", "content": 5}]}, "messages[1].content"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "f"}}]}]},
            "messages[0].tool_calls[0].function.arguments",
        ),
        ({"temperature": -1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"seed": 2**64}, "seed"),
        ({"n": 2}, "n"),
        ({"n": 0}, "n"),
        ({"stream": "yes"}, "stream"),
        ({"stop": ""}, "stop[0]"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"stop": 5}, "stop"),
        ({"tools": [{"type": "retrieval"}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": [1]}}}]},
            "tools[0].function.parameters",
        ),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"logprobs": True}, "logprobs"),
        ({"chat_template_kwargs": []}, "chat_template_kwargs"),
    ],
)
def test_what_cannot_be_obeyed_is_named(fields: dict[str, Any], param: str):
    error = refused({"messages": HELLO, **fields})
    assert error.param == param
    assert str(error).startswith(f"{param}: ")


def test_the_templates_own_variables_may_not_be_set():
    assert "messages" in str(refused({"messages": HELLO, "chat_template_kwargs": {"messages": []}}))


@pytest.mark.parametrize("arguments", ["[1]", "5", "{", '{"a": }', "[" * 100_000])
def test_arguments_that_are_no_object_are_refused(arguments: str):
    call = {**CALL, "function": {"name": "f", "arguments": arguments}}
    error = refused({"messages": [{"role": "assistant", "tool_calls": [call]}]})
    assert error.param == "messages[0].tool_calls[0].function.arguments"


def test_unknown_fields_are_ignored():
    assert asked(user="anna", store=False, metadata={"a": 1}, logit_bias={}).messages[0].content == "Hello."


def test_null_is_as_good_as_nothing():
    optional = [
        "max_tokens",
        "temperature",
        "top_p",
        "seed",
        "stop",
        "n",
        "tools",
        "tool_choice",
        "stream_options",
    ]
    assert asked(**dict.fromkeys(optional)) == asked()


def test_one_stop_string_is_a_list_of_one():
    assert asked(stop="x").stop == asked(stop=["x"]).stop == ("x",)


def test_the_newer_name_of_the_token_limit_wins():
    assert asked(max_tokens=1, max_completion_tokens=2).token_limit == 2


def test_text_of_any_kind_is_text():
    text = "😀 <b>&amp;</b> \u0000 \u200d 你好"
    assert asked(messages=[{"role": "user", "content": text}]).messages[0].content == text
