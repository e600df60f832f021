"""Streams take turns on one thread."""

import asyncio
from contextlib import AsyncExitStack
from threading import Event, main_thread

import pytest

from asr_server.recognizer import Chunk
from asr_server.replay import Limits
from asr_server.scheduler import Scheduler
from tests.asr_server.spelling import SpellingRecognizer

LIMITS = Limits(hold_chunks=0, replay_chunks=100, quiet_chunks=50, lead_in_chunks=5)
CHUNK = Chunk(b"abcdefgh")


class GatedRecognizer(SpellingRecognizer):
    """Waits at each step until the test lets it."""

    def __init__(self) -> None:
        super().__init__(LIMITS)
        self.entered = Event()
        self.gate = Event()

    def step(self, batch):  # type: ignore[no-untyped-def]
        self.entered.set()
        assert self.gate.wait(10)
        if any(work == Chunk(b"poison") for _, work in batch):
            raise RuntimeError("the model broke")
        return super().step(batch)


@pytest.fixture
def recognizer() -> GatedRecognizer:
    return GatedRecognizer()


@pytest.fixture
def scheduler(recognizer: GatedRecognizer) -> Scheduler:
    return Scheduler(recognizer)


async def test_one_thread_that_is_not_the_event_loops_does_it_all(recognizer, scheduler):
    recognizer.gate.set()
    await scheduler.load()
    async with scheduler.stream() as stream:
        await scheduler.step(stream, CHUNK)
    assert len(recognizer.threads) == 1
    assert main_thread().name not in recognizer.threads


async def test_streams_that_wait_share_a_step_up_to_the_bound(recognizer, scheduler):
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(scheduler.stream()) for _ in range(6)]
        first = asyncio.create_task(scheduler.step(streams[0], CHUNK))
        await asyncio.sleep(0)
        later = [asyncio.create_task(scheduler.step(stream, CHUNK)) for stream in streams[1:]]
        await asyncio.sleep(0)
        recognizer.gate.set()
        heard = await asyncio.gather(first, *later)
    assert len(set(heard)) == 1
    assert sum(recognizer.batches, []) == streams
    assert max(map(len, recognizer.batches)) == recognizer.max_batch


async def test_what_breaks_a_batch_reaches_everyone_in_it_and_no_one_else(recognizer, scheduler):
    async with scheduler.stream() as one, scheduler.stream() as two:
        blocked = asyncio.create_task(scheduler.step(one, CHUNK))
        await asyncio.to_thread(recognizer.entered.wait, 10)
        broken = [scheduler.step(one, CHUNK), scheduler.step(two, Chunk(b"poison"))]
        outcomes = asyncio.gather(*broken, return_exceptions=True)
        await asyncio.sleep(0)
        recognizer.gate.set()
        assert [str(outcome) for outcome in await outcomes] == ["the model broke"] * 2
        assert (await blocked).done
        assert (await scheduler.step(two, CHUNK)).done


async def test_a_stream_is_given_back_though_its_caller_is_cancelled_in_a_step(recognizer, scheduler):
    async def call() -> None:
        async with scheduler.stream() as stream:
            await scheduler.step(stream, CHUNK)

    caller = asyncio.create_task(call())
    await asyncio.to_thread(recognizer.entered.wait, 10)
    caller.cancel()
    recognizer.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert recognizer.open_streams == 0


async def test_a_stream_is_given_back_though_its_caller_is_cancelled_before_it_has_it(recognizer, scheduler):
    async def call() -> None:
        async with scheduler.stream():
            raise AssertionError

    async with scheduler.stream() as stream:
        blocker = asyncio.create_task(scheduler.step(stream, CHUNK))
        await asyncio.to_thread(recognizer.entered.wait, 10)
        caller = asyncio.create_task(call())
        await asyncio.sleep(0)
        caller.cancel()
        recognizer.gate.set()
        with pytest.raises(asyncio.CancelledError):
            await caller
        await blocker
    assert recognizer.open_streams == 0


async def test_the_time_that_steps_take_is_counted(recognizer, scheduler):
    recognizer.gate.set()
    async with scheduler.stream() as stream:
        await scheduler.step(stream, CHUNK)
    assert 0 < scheduler.busy_s < 5
