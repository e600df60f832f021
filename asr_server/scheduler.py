"""One thread owns the model; callers' streams take turns on it, one bounded step at a time.

    session ─ step ─┐
    session ─ step ─┼─► first come, first served ─► batch ─► recognizer.step
    session ─ step ─┘

A session asks for one step and waits for it, so no caller has more than one in the line, and the line
is as short as there are callers.
"""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from threading import Lock
from time import perf_counter
from typing import Generic

from asr_server.recognizer import Heard, Recognizer, S, Work


class _Batch(Generic[S]):
    """Streams that share a step; more may join until the device thread takes it."""

    def __init__(self) -> None:
        self.turns: list[tuple[S, Work]] = []
        self.taken = False
        self.done: asyncio.Future[list[Heard]] | None = None


class Scheduler(Generic[S]):
    """Called on the event loop; the recognizer is called on the device thread only."""

    def __init__(self, recognizer: Recognizer[S]) -> None:
        self.recognizer = recognizer
        self.busy_s = 0.0
        """How long the steps have taken, all together."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recognizer")
        self._lock = Lock()  # between joining a batch and taking it
        self._batch: _Batch[S] = _Batch()
        self._batch.taken = True

    async def load(self) -> None:
        """Load and warm the model. Cancelling does not stop the loading."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self.recognizer.load)

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[S]:
        """A new caller's stream, given back at the end. Raises Refused where there is none left.

        Cancelling gives the stream back as soon as the device thread has ended what it is doing.
        """
        opening = self._thread.submit(self.recognizer.open)
        try:
            yield await asyncio.shield(asyncio.wrap_future(opening))
        finally:
            closing = self._thread.submit(self._give_back, opening)  # in line behind its last step
            await asyncio.shield(asyncio.wrap_future(closing))

    async def step(self, stream: S, work: Work) -> Heard:
        """A bounded piece of a stream's work, when its turn comes.

        Cancelling leaves the step to run and loses its result. What the recognizer raises, every stream
        of the batch gets.
        """
        done, place = self._join(stream, work)
        return (await asyncio.shield(done))[place]

    def _join(self, stream: S, work: Work) -> tuple[asyncio.Future[list[Heard]], int]:
        """The batch's answers to come, and which of them is this stream's."""
        with self._lock:
            batch = self._batch
            if batch.taken or batch.done is None or len(batch.turns) >= self.recognizer.max_batch:
                batch = self._batch = _Batch()
                run = partial(self._run, batch)
                batch.done = asyncio.get_running_loop().run_in_executor(self._thread, run)
            batch.turns.append((stream, work))
            return batch.done, len(batch.turns) - 1

    def _run(self, batch: _Batch[S]) -> list[Heard]:
        with self._lock:
            batch.taken = True
        began_s = perf_counter()
        heard = self.recognizer.step(batch.turns)
        self.busy_s += perf_counter() - began_s
        return heard

    def _give_back(self, opening: "Future[S]") -> None:
        if opening.exception() is None:
            self.recognizer.close(opening.result())
