"""A real service on a real socket, inside the test's own event loop."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import httpx
from fastapi import FastAPI

from wire.serve import DrainingServer, server_config


@dataclass(frozen=True)
class Served:
    """Where a service listens, and its server."""

    server: DrainingServer
    port: int

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"


class _UnsignalledServer(DrainingServer):
    """Leaves the process's signal handlers to pytest."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: FastAPI, *, until_ready: bool = True) -> AsyncIterator[Served]:
    """Serve an app on 127.0.0.1, on a port the kernel picks (its settings say port 0)."""
    server = _UnsignalledServer(server_config(app), app.state.service)
    running = asyncio.create_task(server.serve())
    while not server.started:
        if running.done():
            running.result()
        await asyncio.sleep(0.005)
    served = Served(server, server.servers[0].sockets[0].getsockname()[1])
    try:
        if until_ready:
            await _ready(served)
        yield served
    finally:
        server.should_exit = True
        await running


async def _ready(served: Served) -> None:
    async with httpx.AsyncClient() as client:
        while (answer := await client.get(f"{served.http}/ready")).status_code != 200:
            assert not served.server.broken, answer.text
            await asyncio.sleep(0.01)
