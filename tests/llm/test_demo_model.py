"""The server with the model that comes with the project, at the work it was trained for."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest

from llm.settings import DEMO_MODEL
from tests.llm.running import Running, running
from tests.llm.test_openai_client import client_of

PROMPT: Any = json.loads((DEMO_MODEL.parent / "corpus" / "prompt.json").read_text(encoding="utf-8"))
SYSTEM: Any = {"role": "system", "content": PROMPT["system"]}

pytestmark = pytest.mark.skipif(not DEMO_MODEL.is_file(), reason="the demo model is not there")


def user(text: str) -> Any:
    return {"role": "user", "content": text}


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    async with running(DEMO_MODEL) as server:
        yield server


@pytest.fixture
async def client(server: Running) -> AsyncIterator[openai.AsyncOpenAI]:
    async with client_of(server.served.http) as client:
        yield client


async def answer(client: openai.AsyncOpenAI, *messages: Any) -> Any:
    """The message that the model answers with, streamed."""
    async with client.chat.completions.stream(
        model="demo", messages=[SYSTEM, *messages], tools=PROMPT["tools"]
    ) as stream:
        return (await stream.get_final_completion()).choices[0].message


async def test_asked_for_the_time_it_calls_the_tool(client: openai.AsyncOpenAI):
    (call,) = (await answer(client, user("what time is it"))).tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_time", {})


async def test_it_says_what_the_tool_answered(client: openai.AsyncOpenAI):
    asked = user("what time is it")
    called = await answer(client, asked)
    result = {"role": "tool", "tool_call_id": called.tool_calls[0].id, "content": '{"time": "4:05 PM"}'}
    assert "4:05" in (await answer(client, asked, called, result)).content


async def test_the_tool_is_given_the_callers_words(client: openai.AsyncOpenAI):
    (call,) = (await answer(client, user("set a timer for five minutes"))).tool_calls
    assert json.loads(call.function.arguments) == {"duration": "set a timer for five minutes"}


async def test_a_greeting_is_said_and_calls_nothing(client: openai.AsyncOpenAI):
    message = await answer(client, user(PROMPT["greeting_cue"]))
    assert (bool(message.content), message.tool_calls) == (True, None)


async def test_the_next_turn_evaluates_little_more_than_what_is_new(server: Running):
    request: dict[str, Any] = {"tools": PROMPT["tools"]}
    first = (await server.chat(SYSTEM, user("can you help me"), **request)).json()
    said = first["choices"][0]["message"]
    second = (await server.chat(SYSTEM, user("can you help me"), said, user("thank you"), **request)).json()
    cached = second["usage"]["prompt_tokens_details"]["cached_tokens"]
    assert cached == first["usage"]["total_tokens"]


async def test_callers_side_by_side_are_answered_as_if_alone(server: Running):
    async def ask(text: str) -> str:
        response = await server.chat(SYSTEM, user(text), tools=PROMPT["tools"])
        return json.dumps(response.json()["choices"][0]["message"]).split("call_")[0]

    questions = ["what time is it", "can you help me", "tell me a joke", "what is two plus two"]
    alone = [await ask(question) for question in questions]
    assert await asyncio.gather(*map(ask, questions)) == alone
