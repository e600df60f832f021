"""One WebSocket connection: parse, refuse, send within bounds, close.

A session sees messages and audio; it never sees JSON, close codes or a client that went away.
"""

import asyncio
import secrets
from collections.abc import Callable
from time import monotonic
from typing import Generic, Protocol, TypeVar

from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from wire.message import Message, Refused, trace_ids
from wire.settings import ServiceSettings

M = TypeVar("M", bound=Message)


class Opening(Protocol):
    """What the first message of every protocol has."""

    @property
    def traceparent(self) -> str | None:
        """The caller's trace, as W3C writes it."""
        ...


S = TypeVar("S", bound=Opening)


class HungUp(Exception):
    """The client is gone: closed, vanished, or cut off because it stopped reading."""


class TokenBucket:
    """A rate limit: `rate_per_s` on average, bursts of two seconds' worth. What is refused costs nothing."""

    def __init__(self, rate_per_s: float, now_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = max(1.0, 2 * rate_per_s)
        self._left = self._burst
        self._then_s = now_s

    def take(self, now_s: float) -> bool:
        """Take one; False where none is left."""
        self._left = min(self._burst, self._left + (now_s - self._then_s) * self._rate_per_s)
        self._then_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Connection(Generic[M]):
    """What a session reads from and writes to. Sends may come from several tasks of the session."""

    def __init__(
        self,
        websocket: WebSocket,
        settings: ServiceSettings,
        parse: Callable[[str], M],
        count: Callable[[str, int], None],
    ) -> None:
        self._websocket = websocket
        self._settings = settings
        self._parse = parse
        self._count = count
        self._bucket = TokenBucket(settings.max_messages_per_s, monotonic())
        self.call = secrets.token_hex(16)
        """What the log calls this caller: the trace of its Start, where that has one."""

    async def receive_start(self, kind: type[S]) -> S:
        """The first message, which must be a `kind` and come within `stall_s`: its caller holds a place.

        Raises what `receive` raises, and Refused where another message comes, or none.
        """
        limit_s = self._settings.stall_s
        try:
            async with asyncio.timeout(limit_s):
                message = await self.receive()
        except TimeoutError:
            raise Refused("not_started", f"no {kind.__name__} came within {limit_s:g} s") from None
        if not isinstance(message, kind):
            raise Refused("not_started", f"the first message must be a {kind.__name__}")
        if trace := trace_ids(message.traceparent):
            self.call = trace[0]
        return message

    async def receive(self) -> M | bytes:
        """The next message, or audio as bytes. Cancelling loses no message.

        Raises HungUp where the client is gone and Refused for what cannot be obeyed.
        """
        frame = await self._websocket.receive()
        if frame["type"] == "websocket.disconnect":
            raise HungUp
        self._check_rate()
        audio: bytes | None = frame.get("bytes")
        if audio is not None:
            self._check_size(len(audio))
            self._count("audio", 0)
            return audio
        text: str = frame["text"]
        self._check_size(len(text.encode()))
        message = self._parse(text)
        self._count(type(message).__name__, message.unknown_fields)
        return message

    async def send(self, message: Message | bytes) -> None:
        """Send one message, or audio as bytes; waits while the client's buffers are full.

        uvicorn holds at most 64 KiB that the client has not taken, so nothing piles up here. A client
        that takes nothing for `stall_s` is cut off. Raises HungUp where the client is gone.
        """
        try:
            async with asyncio.timeout(self._settings.stall_s):
                if isinstance(message, bytes):
                    await self._websocket.send_bytes(message)
                else:
                    await self._websocket.send_text(message.json_text())
        except TimeoutError:
            self._websocket.state.abort()
            raise HungUp from None
        except (WebSocketDisconnect, RuntimeError):
            # Starlette raises RuntimeError for a send after the close of either side.
            raise HungUp from None

    async def close(self, code: int) -> None:
        """Close where that is still possible."""
        if self._websocket.client_state is WebSocketState.CONNECTED:
            try:
                async with asyncio.timeout(self._settings.stall_s):
                    await self._websocket.close(code)
            except (WebSocketDisconnect, RuntimeError):
                return
            except TimeoutError:
                self._websocket.state.abort()

    def _check_rate(self) -> None:
        if not self._bucket.take(monotonic()):
            limit = self._settings.max_messages_per_s
            raise Refused("too_fast", f"more than {limit:g} messages a second", retry=True)

    def _check_size(self, size_bytes: int) -> None:
        limit = self._settings.max_message_bytes
        if size_bytes > limit:
            # How large it was is not known here: wire/serve.py reads over what is beyond the limit.
            raise Refused("message_too_large", f"a message has more than {limit} bytes, which is the limit")
