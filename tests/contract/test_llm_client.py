"""A second client of the llm server, written from OpenAI's public description of its API alone.

It imports nothing of llm/: what it knows is https://platform.openai.com/docs/api-reference/chat, and
POST /v1/prefill from design and README. The server runs as a process of its own.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.llm.tiny_gguf import write_llama
from tests.processes import Process

USER: dict[str, Any] = {"role": "user", "content": "Say something."}
FINISHED = {"stop", "length", "tool_calls"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, unused_tcp_port_factory: Any) -> Iterator[str]:
    """A server with a model of random weights and a token."""
    folder, port = tmp_path_factory.mktemp("llm"), unused_tcp_port_factory()
    environment = {
        "LLM_PORT": str(port),
        "LLM_MODEL_PATH": str(write_llama(folder / "random.gguf")),
        "LLM_TOKEN": "a-key",
        "LLM_THREADS": "1",
    }
    server = Process("llm", port, environment, folder)
    server.start()
    try:
        server.until_ready()
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.stop()


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": "Bearer a-key"}
    with httpx.Client(base_url=address, headers=headers, timeout=30) as client:
        yield client


def complete(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    response = client.post("/chat/completions", json={"model": "m", "messages": [USER], **fields})
    assert response.status_code == 200, response.text
    return response.json()


def stream(client: httpx.Client, **fields: Any) -> list[dict[str, Any]]:
    """The chunks of a stream, which must end with [DONE]."""
    request = {"model": "m", "messages": [USER], "stream": True, **fields}
    data: list[str] = []
    with client.stream("POST", "/chat/completions", json=request) as response:
        assert response.headers["content-type"].split(";")[0] == "text/event-stream"
        for line in response.iter_lines():
            if line:
                assert line.startswith("data: "), line
                data.append(line.removeprefix("data: "))
    assert data.pop() == "[DONE]"
    return [json.loads(chunk) for chunk in data]


def test_a_completion_has_the_documented_fields(client: httpx.Client):
    answer = complete(client, max_tokens=8)
    assert (answer["object"], type(answer["id"]), type(answer["created"])) == ("chat.completion", str, int)
    (choice,) = answer["choices"]
    assert (choice["index"], choice["message"]["role"]) == (0, "assistant")
    assert type(choice["message"]["content"]) is str
    assert choice["finish_reason"] in FINISHED


def test_usage_adds_up(client: httpx.Client):
    usage = complete(client, max_tokens=8)["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens"] == 8
    assert 0 <= usage["prompt_tokens_details"]["cached_tokens"] < usage["prompt_tokens"]


def test_max_tokens_ends_with_length(client: httpx.Client):
    assert complete(client, max_tokens=3)["choices"][0]["finish_reason"] == "length"


def test_a_stream_is_the_same_answer_in_pieces(client: httpx.Client):
    chunks = stream(client, max_tokens=30, temperature=0)
    whole = complete(client, max_tokens=30, temperature=0)["choices"][0]["message"]["content"]
    said = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert said == whole


def test_chunks_have_the_documented_fields(client: httpx.Client):
    chunks = stream(client, max_tokens=4)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert reasons[-1] in FINISHED
    assert set(reasons[:-1]) <= {None}


def test_a_stream_with_usage_ends_with_it(client: httpx.Client):
    *chunks, last = stream(client, max_tokens=4, stream_options={"include_usage": True})
    assert (last["choices"], last["usage"]["completion_tokens"]) == ([], 4)
    assert all(chunk.get("usage") is None for chunk in chunks)


def test_the_same_seed_gives_the_same_answer(client: httpx.Client):
    first, second, other = (
        complete(client, max_tokens=30, temperature=1.5, seed=seed)["choices"][0]["message"]["content"]
        for seed in (1, 1, 2)
    )
    assert first == second != other


def test_a_conversation_with_tools_is_taken(client: httpx.Client):
    function = {"name": "get_weather", "description": "The weather.", "parameters": {"type": "object"}}
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city": "Bonn"}'},
    }
    messages = [
        {"role": "system", "content": "Be brief."},
        USER,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
    ]
    tools = [{"type": "function", "function": function}]
    assert complete(client, messages=messages, tools=tools, tool_choice="auto", max_tokens=2)["choices"]


@pytest.mark.parametrize(
    ("wrong", "param"),
    [({"messages": []}, "messages"), ({"temperature": 9}, "temperature"), ({"max_tokens": -5}, "max_tokens")],
)
def test_an_error_has_the_documented_fields(client: httpx.Client, wrong: dict[str, Any], param: str):
    response = client.post("/chat/completions", json={"model": "m", "messages": [USER], **wrong})
    error = response.json()["error"]
    assert (response.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert error["message"]


def test_too_long_a_prompt_has_its_code(client: httpx.Client):
    messages = [{"role": "user", "content": "word " * 20_000}]
    error = client.post("/chat/completions", json={"model": "m", "messages": messages}).json()["error"]
    assert error["code"] == "context_length_exceeded"


def test_a_wrong_key_is_401(client: httpx.Client):
    response = client.post(
        "/chat/completions", json={"messages": [USER]}, headers={"Authorization": "Bearer no"}
    )
    assert response.status_code == 401


def test_models_are_listed(client: httpx.Client):
    listed = client.get("/models").json()
    assert (listed["object"], [model["object"] for model in listed["data"]]) == ("list", ["model"])


def test_a_prefill_tells_what_it_evaluated(client: httpx.Client):
    turn = {"role": "user", "content": "A long question that nobody has asked before, and its last word"}
    first, again = (client.post("/prefill", json={"messages": [turn]}).json() for _ in range(2))
    assert first["evaluated_tokens"] > 0
    assert again == {"evaluated_tokens": 0, "cached_tokens": sum(first.values())}
