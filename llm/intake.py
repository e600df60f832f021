"""Where the event loop and the model's thread meet: what is asked for, and how the answer comes back."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence

from llm.generator import Finish, GeneratorBroken, Sampling
from wire.message import Refused

Event = bytes | Finish | Exception
"""A token's bytes; or the end, or what kept it from coming."""


class Job:
    """A generator.Generation: iterated on the event loop, served on the model's thread.

    There is at most one event a token, so `sampling.max_tokens` bounds what a slow reader piles up.
    """

    def __init__(self, prompt: Sequence[int], sampling: Sampling, forget: Callable[["Job"], None]) -> None:
        self.prompt = list(prompt)
        self.sampling = sampling
        self.cancelled = False
        self.cached_tokens = 0
        self.finish: Finish | None = None
        self._forget = forget
        self._loop = asyncio.get_running_loop()
        self._events: deque[Event] = deque()
        self._arrived = asyncio.Event()

    def __aiter__(self) -> "Job":
        return self

    async def __anext__(self) -> bytes:
        """The next token's bytes. Cancelling loses none."""
        while not self._events:
            if self.finish or self.cancelled:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        event = self._events.popleft()
        if isinstance(event, bytes):
            return event
        if isinstance(event, Exception):
            raise event
        self.finish = event
        raise StopAsyncIteration

    def cancel(self) -> None:
        """Stop before the model's next step. Harmless after the end."""
        self.cancelled = True
        self._forget(self)
        self._arrived.set()

    def deliver(self, events: Sequence[Event], cached_tokens: int) -> None:
        """Called on the model's thread. A loop that is closed wants no answer."""
        try:
            self._loop.call_soon_threadsafe(self._arrive, tuple(events), cached_tokens)
        except RuntimeError:
            self.cancelled = True

    def _arrive(self, events: tuple[Event, ...], cached_tokens: int) -> None:
        self.cached_tokens = cached_tokens
        self._events.extend(events)
        self._arrived.set()


class Intake:
    """Jobs that nobody has begun, first come, first served. Both threads use it."""

    def __init__(self, room: int) -> None:
        """At most `room` wait: a caller who would wait for more answers than that has hung up by then."""
        self._room = room
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        self.closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, job: Job) -> None:
        """Raises Refused where `room` wait already, GeneratorBroken where nobody takes them any more."""
        with self._changed:
            if self.closed:
                raise GeneratorBroken("the model is closed")
            if len(self._waiting) >= self._room:
                raise Refused("busy", f"{self._room} requests wait already", retry=True)
            self._waiting.append(job)
            self._changed.notify()

    def forget(self, job: Job) -> None:
        """Take a job out that has not begun."""
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)

    def take(self, most: int, *, wait: bool) -> list[Job]:
        """Up to `most` jobs; with `wait`, not before there is one, or the intake is closed."""
        with self._changed:
            while wait and not self._waiting and not self.closed:
                self._changed.wait()
            return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def close(self) -> list[Job]:
        """Take no more; returns those that still waited."""
        with self._changed:
            self.closed = True
            self._changed.notify()
            left = list(self._waiting)
            self._waiting.clear()
            return left
