"""Random and mutated requests against the real server, while somebody else's answer stays what it was.

2,000 requests in the default run, 100,000 in the slow one; each with a fixed seed.
"""

import asyncio
import collections
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from loguru import logger

from tests.llm import mutations
from tests.llm.keep_alive import KeepAlive
from tests.llm.running import Running, running

CONNECTIONS = 8
PATHS = ("/v1/chat/completions", "/v1/chat/completions", "/v1/chat/completions", "/v1/prefill")
QUESTION = json.dumps(
    {"messages": [{"role": "user", "content": "What time is it?"}], "max_tokens": 12}
).encode()


async def send(server: Running, seed: int, requests: int) -> collections.Counter[int]:
    """Send so many on one connection; the statuses of the answers. A failure names what was sent."""
    rng, connection = random.Random(seed), KeepAlive(server.served.port)
    statuses = collections.Counter[int]()
    for number in range(requests):
        body = mutations.body(rng)
        try:
            status, answer = await connection.post(rng.choice(PATHS), body)
            assert status == 200 or (status == 400 and json.loads(answer)["error"]["message"]), answer
        except (AssertionError, OSError) as error:
            raise AssertionError(f"seed {seed}, request {number}: {body!r}") from error
        statuses[status] += 1
    connection.close()
    return statuses


async def ask(connection: KeepAlive) -> str:
    status, answer = await connection.post("/v1/chat/completions", QUESTION)
    assert status == 200, answer
    return json.loads(answer)["choices"][0]["message"]["content"]


@asynccontextmanager
async def silence() -> AsyncIterator[None]:
    """A line a request would be most of the work."""
    logger.disable("llm")
    yield
    logger.enable("llm")


async def bombard(path: Path, requests: int) -> None:
    """Mutated requests on eight connections, and one caller who asks the same thing all the time."""
    async with (
        silence(),
        running(path, context_tokens=512, max_tokens=2, conversations=12, max_messages_per_s=1e6) as server,
    ):
        caller = KeepAlive(server.served.port)
        alone = await ask(caller)
        began_s = time.perf_counter()
        tasks = [
            asyncio.create_task(send(server, seed, requests // CONNECTIONS)) for seed in range(CONNECTIONS)
        ]
        asked = 0
        while not all(task.done() for task in tasks):
            assert await ask(caller) == alone
            asked += 1
        statuses = sum((task.result() for task in tasks), collections.Counter[int]())
        took_s = time.perf_counter() - began_s
        speed = f"{took_s:.1f} s ({requests / took_s:.0f}/s)"
        print(f"{requests} requests in {speed}: {dict(statuses)}; asked {asked} times")
        assert caller.opened <= 1 + asked // 10, "connections are not kept"
        assert min(statuses[200], statuses[400]) > requests // 10
        await server.idle()
        caller.close()


@pytest.mark.timeout(600)
async def test_wrong_requests_are_refused_and_harm_nobody(tiny_llama: Path):
    await bombard(tiny_llama, 2_000)


async def test_wrong_requests_do_not_confuse_a_recurrent_model(tiny_nemotron: Path):
    await bombard(tiny_nemotron, 400)


@pytest.mark.slow
@pytest.mark.timeout(7_200)
async def test_very_many_wrong_requests_are_refused_and_harm_nobody(tiny_llama: Path):
    await bombard(tiny_llama, 100_000)
