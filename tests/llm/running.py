"""The real engine and the real server, on a model file."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from llm.__main__ import generator_for
from llm.app import create_app
from llm.generator import Generation, Sampling
from llm.llama import Llama
from llm.scheduler import Scheduler
from llm.settings import LlmSettings
from tests.serving import Served, serving


def settings(path: Path, **changed: Any) -> LlmSettings:
    chosen: dict[str, Any] = {"port": 0, "model_path": path, "threads": 1, "conversations": 4, **changed}
    return LlmSettings(_env_file=None, **chosen)  # type: ignore[call-arg]


@asynccontextmanager
async def engine(
    path: Path, *, room: int = 16, kind: type[Llama] = Llama, **changed: Any
) -> AsyncIterator[Scheduler]:
    """The scheduler with a real model, loaded."""
    chosen = settings(path, **changed)
    scheduler = Scheduler(lambda: kind(chosen), piece_tokens=chosen.piece_tokens, room=room)
    await scheduler.load()
    try:
        yield scheduler
    finally:
        scheduler.close()


async def collect(generation: Generation) -> list[bytes]:
    return [piece async for piece in generation]


async def say(scheduler: Scheduler, prompt: list[int], tokens: int = 24) -> bytes:
    """The likeliest continuation, alone or beside whatever else is going on."""
    return b"".join(await collect(scheduler.generate(prompt, Sampling(max_tokens=tokens))))


async def until(condition: Callable[[], object], limit_s: float = 20.0) -> None:
    """Wait for what another thread brings about; it has no event for tests."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


@dataclass(frozen=True)
class Running:
    """A server, a client of it, and the engine behind it."""

    served: Served
    client: httpx.AsyncClient
    scheduler: Scheduler

    async def chat(self, *messages: dict[str, Any], **fields: Any) -> httpx.Response:
        return await self.client.post("/v1/chat/completions", json={"messages": messages, **fields})

    async def busy(self, answers: int = 1) -> None:
        """Wait until so many answers are being made."""
        await until(lambda: self.scheduler.active >= answers)

    async def idle(self) -> None:
        """Wait until none is being made."""
        await until(lambda: not self.scheduler.active and not self.scheduler.waiting)


@asynccontextmanager
async def running(path: Path, **changed: Any) -> AsyncIterator[Running]:
    """The server on a socket."""
    chosen = settings(path, **changed)
    generator = generator_for(chosen)
    assert isinstance(generator, Scheduler)
    try:
        async with (
            serving(create_app(chosen, generator)) as served,
            httpx.AsyncClient(base_url=served.http, timeout=30) as client,
        ):
            yield Running(served, client, generator)
    finally:
        generator.close()
