"""OpenAI's own client against the server."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from llm.app import create_app
from tests.llm.running import running, settings
from tests.llm.scripted import ScriptedGenerator
from tests.llm.test_app import CALL, TIMER
from tests.serving import serving

HELLO: Any = [{"role": "user", "content": "Hello."}]


@pytest.fixture
def generator() -> ScriptedGenerator:
    return ScriptedGenerator()


@pytest.fixture
async def client(generator: ScriptedGenerator, tiny_llama: Path) -> AsyncIterator[AsyncOpenAI]:
    async with (
        serving(create_app(settings(tiny_llama), generator)) as served,
        client_of(served.http) as client,
    ):
        yield client


def client_of(address: str) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)


async def test_a_completion_is_understood(client: AsyncOpenAI):
    answer = await client.chat.completions.create(model="any", messages=HELLO)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Hello.", "stop")
    assert answer.usage is not None
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cached_tokens == 3


async def test_a_streamed_tool_call_is_understood(client: AsyncOpenAI, generator: ScriptedGenerator):
    generator.will_say(f"One moment. {CALL}")
    async with client.chat.completions.stream(model="any", messages=HELLO, tools=[TIMER]) as stream:
        answer = await stream.get_final_completion()
    (call,) = answer.choices[0].message.tool_calls or []
    assert (call.function.name, call.function.arguments) == ("set_timer", '{"amount": 5}')
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (
        "One moment.",
        "tool_calls",
    )


async def test_usage_is_understood_in_a_stream(client: AsyncOpenAI):
    stream = await client.chat.completions.create(
        model="any", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    last = [chunk async for chunk in stream][-1]
    assert last.usage is not None
    assert last.usage.completion_tokens == 1


async def test_a_call_and_its_result_are_sent_back(client: AsyncOpenAI, generator: ScriptedGenerator):
    generator.will_say(CALL)
    answer = await client.chat.completions.create(model="any", messages=HELLO, tools=[TIMER])
    message: Any = answer.choices[0].message
    result: Any = {
        "role": "tool",
        "tool_call_id": message.tool_calls[0].id,
        "content": '{"status": "started"}',
    }
    await client.chat.completions.create(model="any", messages=[*HELLO, message, result], tools=[TIMER])
    assert b"<parameter=amount>\n5\n</parameter>" in generator.seen[-1][0]


async def test_a_refusal_is_understood(client: AsyncOpenAI):
    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(model="any", messages=HELLO, n=2)
    assert (refused.value.param, refused.value.type) == ("n", "invalid_request_error")


async def test_a_stream_that_breaks_is_an_error(client: AsyncOpenAI, generator: ScriptedGenerator):
    generator.answer = [b"One, ", RuntimeError("broke")]
    stream = await client.chat.completions.create(model="any", messages=HELLO, stream=True)
    with pytest.raises(openai.APIError, match="the server failed"):
        async for _ in stream:
            pass


async def test_the_model_is_listed(client: AsyncOpenAI, tiny_llama: Path):
    assert [model.id async for model in client.models.list()] == [tiny_llama.stem]


async def test_closing_a_stream_stops_the_real_engine(tiny_llama: Path):
    async with running(tiny_llama) as server, client_of(server.served.http) as client:
        stream = await client.chat.completions.create(
            model="any", messages=HELLO, stream=True, max_tokens=3_000
        )
        await anext(aiter(stream))
        await stream.close()
        await server.idle()
