"""The server on a socket, with a generator that says what a test wrote down."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from llm.app import create_app
from llm.generator import GeneratorBroken, ModelFailed
from tests.llm.running import settings
from tests.llm.scripted import ScriptedGenerator
from tests.serving import Served, serving
from wire.message import Refused

HELLO = {"role": "user", "content": "Hello."}
CALL = "<tool_call>\n<function=set_timer>\n<parameter=amount>\n5\n</parameter>\n</function>\n</tool_call>"
TIMER: Any = {
    "type": "function",
    "function": {
        "name": "set_timer",
        "parameters": {"type": "object", "properties": {"amount": {"type": "integer"}}},
    },
}


@pytest.fixture
def generator() -> ScriptedGenerator:
    return ScriptedGenerator()


@pytest.fixture
async def served(generator: ScriptedGenerator, tiny_llama: Path) -> AsyncIterator[Served]:
    async with serving(create_app(settings(tiny_llama, model_name="nano"), generator)) as served:
        yield served


@pytest.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.http) as client:
        yield client


async def chat(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    return await client.post("/v1/chat/completions", json={"messages": [HELLO], **fields})


def events(response: httpx.Response) -> list[str]:
    """The data of each event of a stream."""
    assert response.headers["content-type"].startswith("text/event-stream")
    parts = response.text.split("\n\n")
    assert parts[-1] == ""
    assert all(part.startswith("data: ") for part in parts[:-1])
    return [part.removeprefix("data: ") for part in parts[:-1]]


def deltas(response: httpx.Response) -> list[dict[str, Any]]:
    """What each event adds, for streams that end as they should."""
    *chunks, done = events(response)
    assert done == "[DONE]"
    return [json.loads(chunk)["choices"][0]["delta"] for chunk in chunks]


async def test_a_completion_has_openais_shape(client: httpx.AsyncClient):
    answer = (await chat(client)).json()
    assert answer.pop("id").startswith("chatcmpl-")
    assert isinstance(answer.pop("created"), int)
    prompt_tokens = answer["usage"]["prompt_tokens"]
    assert answer == {
        "object": "chat.completion",
        "model": "nano",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": 1,
            "total_tokens": prompt_tokens + 1,
            "prompt_tokens_details": {"cached_tokens": 3},
        },
    }


async def test_a_stream_has_openais_shape(client: httpx.AsyncClient):
    *chunks, done = events(await chat(client, stream=True))
    parsed = [json.loads(chunk) for chunk in chunks]
    assert done == "[DONE]"
    assert {(chunk["object"], chunk["model"], chunk["id"]) for chunk in parsed} == {
        ("chat.completion.chunk", "nano", parsed[0]["id"])
    }
    assert [chunk["choices"] for chunk in parsed] == [
        [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}],
        [{"index": 0, "delta": {"content": "Hello."}, "finish_reason": None}],
        [{"index": 0, "delta": {}, "finish_reason": "stop"}],
    ]


async def test_usage_comes_before_the_end_where_it_was_asked_for(client: httpx.AsyncClient):
    *chunks, last, _ = events(await chat(client, stream=True, stream_options={"include_usage": True}))
    assert json.loads(last)["choices"] == []
    assert json.loads(last)["usage"]["completion_tokens"] == 1
    assert all(json.loads(chunk)["usage"] is None for chunk in chunks)


async def test_a_tool_call_is_one(client: httpx.AsyncClient, generator: ScriptedGenerator):
    generator.will_say(f"One moment.\n{CALL}")
    choice = (await chat(client, tools=[TIMER])).json()["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "One moment."
    (call,) = choice["message"]["tool_calls"]
    assert call.pop("id").startswith("call_")
    assert call == {"type": "function", "function": {"name": "set_timer", "arguments": '{"amount": 5}'}}


async def test_a_tool_call_alone_has_no_content(client: httpx.AsyncClient, generator: ScriptedGenerator):
    generator.will_say(CALL)
    message = (await chat(client, tools=[TIMER])).json()["choices"][0]["message"]
    assert message["content"] is None


async def test_tool_calls_are_numbered_in_a_stream(client: httpx.AsyncClient, generator: ScriptedGenerator):
    generator.will_say(CALL + CALL)
    added = deltas(await chat(client, tools=[TIMER], stream=True))
    calls = [call for delta in added for call in delta.get("tool_calls", [])]
    assert [call["index"] for call in calls] == [0, 1]
    assert len({call["id"] for call in calls}) == 2


@pytest.mark.parametrize("tools", [{}, {"tools": [TIMER], "tool_choice": "none"}])
async def test_a_call_that_was_not_offered_is_dropped_and_counted(
    client: httpx.AsyncClient, generator: ScriptedGenerator, tools: dict[str, Any]
):
    generator.will_say(f"Well.{CALL}")
    choice = (await chat(client, **tools)).json()["choices"][0]
    assert choice["message"] == {"role": "assistant", "content": "Well."}
    assert choice["finish_reason"] == "stop"
    assert "dropped_tool_calls_total 1.0" in (await client.get("/metrics")).text


async def test_thoughts_are_not_what_is_said(client: httpx.AsyncClient, generator: ScriptedGenerator):
    generator.will_say("Hm.\n</think>\nYes.")
    thinking = {"chat_template_kwargs": {"enable_thinking": True}}
    message = (await chat(client, **thinking)).json()["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."}


async def test_thoughts_are_streamed_as_such(client: httpx.AsyncClient, generator: ScriptedGenerator):
    generator.will_say("Hm.\n</think>\nYes.")
    added = deltas(await chat(client, stream=True, chat_template_kwargs={"enable_thinking": True}))
    assert "".join(delta.get("reasoning_content", "") for delta in added) == "Hm."
    assert "".join(delta.get("content", "") for delta in added) == "Yes."


@pytest.mark.parametrize("stream", [False, True])
async def test_a_stop_string_ends_the_answer(
    client: httpx.AsyncClient, generator: ScriptedGenerator, stream: bool
):
    generator.will_say("one two three")
    response = await chat(client, stop=" two", stream=stream)
    said = (
        "".join(d.get("content", "") for d in deltas(response))
        if stream
        else response.json()["choices"][0]["message"]["content"]
    )
    assert said == "one"


async def test_sampling_is_as_asked_and_within_the_context(
    client: httpx.AsyncClient, generator: ScriptedGenerator
):
    await chat(client, temperature=0.5, top_p=0.9, top_k=40, min_p=0.1, seed=7, max_tokens=10_000)
    prompt, sampling = generator.seen[-1]
    assert (sampling.temperature, sampling.top_p, sampling.top_k) == (0.5, 0.9, 40)
    assert (sampling.min_p, sampling.seed, sampling.max_tokens) == (0.1, 7, 1_000 - len(prompt))


async def test_what_is_not_asked_for_is_the_servers_choice(
    client: httpx.AsyncClient, generator: ScriptedGenerator
):
    await chat(client, top_k=-1)
    sampling = generator.seen[-1][1]
    assert (sampling.max_tokens, sampling.temperature, sampling.top_k) == (512, 0.0, 0)


async def test_a_prompt_beyond_the_context_is_refused(client: httpx.AsyncClient):
    response = await chat(client, messages=[{"role": "user", "content": "x" * 1_000}])
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (
        400,
        "context_length_exceeded",
        "messages",
    )


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/prefill"])
@pytest.mark.parametrize("body", ["", "{", "[]", '{"messages": []}', '{"messages": [{"role": "x"}]}'])
async def test_a_wrong_body_is_refused_in_openais_shape(client: httpx.AsyncClient, path: str, body: str):
    response = await client.post(path, content=body)
    assert response.status_code == 400
    assert response.json()["error"].keys() == {"message", "type", "param", "code"}
    assert response.json()["error"]["type"] == "invalid_request_error"


async def test_a_body_over_the_limit_is_refused(client: httpx.AsyncClient):
    response = await client.post("/v1/chat/completions", content=b" " * (1024 * 1024 + 1))
    assert (response.status_code, response.json()["error"]["code"]) == (413, "message_too_large")


async def test_requests_beyond_the_rate_are_refused(generator: ScriptedGenerator, tiny_llama: Path):
    app = create_app(settings(tiny_llama, max_messages_per_s=1), generator)
    async with serving(app) as served, httpx.AsyncClient(base_url=served.http) as client:
        statuses = [(await chat(client)).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("GET", "/v1/chat/completions", 405), ("DELETE", "/v1/models", 405)],
)
async def test_a_wrong_path_or_method_is_refused_in_openais_shape(
    client: httpx.AsyncClient, method: str, path: str, status: int
):
    response = await client.request(method, path)
    assert (response.status_code, response.json()["error"]["type"]) == (status, "invalid_request_error")


async def test_the_model_is_listed(client: httpx.AsyncClient):
    (model,) = (await client.get("/v1/models")).json()["data"]
    assert (model["id"], model["object"]) == ("nano", "model")


async def test_a_failed_model_is_the_servers_fault(client: httpx.AsyncClient, generator: ScriptedGenerator):
    generator.answer = [ModelFailed("secret")]
    response = await chat(client)
    assert (response.status_code, response.json()["error"]["type"]) == (500, "server_error")
    assert "secret" not in response.text


async def test_a_stream_that_breaks_says_so_and_does_not_claim_to_be_done(
    client: httpx.AsyncClient, generator: ScriptedGenerator
):
    generator.answer = [b"One, ", ModelFailed("secret")]
    *_, last = events(await chat(client, stream=True))
    assert json.loads(last)["error"]["code"] == "internal"


async def test_a_full_generator_asks_to_try_again(client: httpx.AsyncClient, generator: ScriptedGenerator):
    generator.answer = [Refused("busy", "all wait", retry=True)]
    response = await chat(client)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json()["error"]["code"] == "busy"


async def test_a_broken_generator_ends_the_process(
    client: httpx.AsyncClient, served: Served, generator: ScriptedGenerator
):
    generator.answer = [GeneratorBroken("gone")]
    assert (await chat(client)).status_code == 500
    assert served.server.broken


async def test_nothing_is_answered_before_the_model_is_ready(generator: ScriptedGenerator, tiny_llama: Path):
    generator.may_load.clear()
    app = create_app(settings(tiny_llama), generator)
    async with serving(app, until_ready=False) as served, httpx.AsyncClient(base_url=served.http) as client:
        response = await chat(client)
        assert (response.status_code, response.json()["error"]["code"]) == (503, "not_ready")


async def test_a_token_is_needed_where_there_is_one(generator: ScriptedGenerator, tiny_llama: Path):
    app = create_app(settings(tiny_llama, token="secret"), generator)
    async with serving(app) as served, httpx.AsyncClient(base_url=served.http) as client:
        wrong = await client.post("/v1/chat/completions", headers={"Authorization": "Bearer x"}, content=b"{")
        client.headers["Authorization"] = "Bearer secret"
        right = await chat(client)
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "unauthorized")
    assert right.status_code == 200


async def test_the_prefill_is_what_every_continuation_begins_with(
    client: httpx.AsyncClient, generator: ScriptedGenerator
):
    generator.answer = []
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "what ti"}]
    response = await client.post("/v1/prefill", json={"messages": messages})
    prompt, sampling = generator.seen[-1]
    assert prompt == b"<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nwhat "
    assert sampling.max_tokens == 0
    assert response.json() == {"evaluated_tokens": len(prompt) - 3, "cached_tokens": 3}
