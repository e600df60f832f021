"""Conversations as fast as the processor allows: an event loop whose clock runs only while nothing else does.

    with simulated_time() as loop:
        loop.run_until_complete(conversation())

When no callback is ready, no socket has anything and no thread is at work, the clock jumps to the next timer:
a second of silence takes no time, and what is computed takes none by this clock. Sockets are real; what one
end sends over the loopback device is there for the other before the clock moves. `time.time()` and its like
follow, since libraries mix them with the loop's. Everything must live in this one loop.
"""

import asyncio
import selectors
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, TypeVarTuple, Unpack

Ts = TypeVarTuple("Ts")
Ready = list[tuple[selectors.SelectorKey, int]]
STUCK_S = 20.0
"""Real time after which a loop that waits for nothing that can come is taken to be stuck."""


class _Skipping(selectors.BaseSelector):
    """Waits for sockets and threads, but for timers moves the clock."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.now_s = time.monotonic()
        self.threads = 0

    def select(self, timeout: float | None = None) -> Ready:
        ready = self._real.select(0)
        if ready or timeout is not None and timeout <= 0:
            return ready
        if self.threads or timeout is None:
            ready = self._real.select(STUCK_S)
            if not ready:
                raise RuntimeError("the event loop waits for something that does not come")
            return ready
        self.now_s += timeout
        return self._real.select(0)

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class SimulatedLoop(asyncio.SelectorEventLoop):
    """See above."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.now_s

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], Any], *args: *Ts
    ) -> asyncio.Future[Any]:
        future = super().run_in_executor(executor, func, *args)
        self._skipping.threads += 1
        future.add_done_callback(self._thread_is_done)
        return future

    def _thread_is_done(self, _: asyncio.Future[Any]) -> None:
        self._skipping.threads -= 1


@contextmanager
def simulated_time() -> Generator[SimulatedLoop, None, None]:
    """A loop of this kind; the clocks of the module `time` are its own until the block ends."""
    loop = SimulatedLoop()
    offset_s = time.time() - loop.time()
    clocks: dict[str, Callable[[], float]] = {
        "monotonic": loop.time,
        "monotonic_ns": lambda: int(loop.time() * 1e9),
        "time": lambda: loop.time() + offset_s,
        "time_ns": lambda: int((loop.time() + offset_s) * 1e9),
    }
    real = {name: getattr(time, name) for name in clocks}
    for name, clock in clocks.items():
        setattr(time, name, clock)
    try:
        yield loop
    finally:
        for name, clock in real.items():
            setattr(time, name, clock)
        loop.run_until_complete(_end_others())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _end_others() -> None:
    """Whatever was left in the middle."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
