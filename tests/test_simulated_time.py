import asyncio
import time

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from tests.simulated_time import simulated_time


def test_an_hour_of_sleep_takes_no_time():
    began_s = time.perf_counter()
    with simulated_time() as loop:
        before_s = loop.time()
        loop.run_until_complete(asyncio.sleep(3_600))
        assert loop.time() - before_s == pytest.approx(3_600)
    assert time.perf_counter() - began_s < 5


def test_every_clock_follows_and_is_put_back():
    real = time.monotonic, time.time
    with simulated_time() as loop:
        before = time.monotonic(), time.time(), time.monotonic_ns()
        loop.run_until_complete(asyncio.sleep(10))
        after = time.monotonic(), time.time(), time.monotonic_ns()
    assert [late - early for early, late in zip(before, after, strict=True)] == pytest.approx([10, 10, 10e9])
    assert (time.monotonic, time.time) == real


def test_the_clock_waits_for_a_thread():
    async def work() -> float:
        loop = asyncio.get_running_loop()
        before_s, sleep = loop.time(), asyncio.create_task(asyncio.sleep(100))
        await asyncio.to_thread(sum, range(1_000_000))
        sleep.cancel()
        return loop.time() - before_s

    with simulated_time() as loop:
        assert loop.run_until_complete(work()) == 0


def test_what_is_on_its_way_arrives_before_the_clock_moves():
    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async def talk() -> float:
        async with serve(echo, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            async with connect(f"ws://127.0.0.1:{port}") as connection:
                ticking = asyncio.create_task(asyncio.sleep(0.001))
                before_s = asyncio.get_running_loop().time()
                for _ in range(200):
                    await connection.send(bytes(1_000))
                    await connection.recv()
                await ticking
                return asyncio.get_running_loop().time() - before_s

    with simulated_time() as loop:
        assert loop.run_until_complete(talk()) < 0.05
