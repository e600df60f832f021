"""What every server has: /health, /ready, /metrics, a token, limits, and a drain.

client ── token? ── draining? full? ── session ── done
             │            │               │
          Failed       Failed          Failed, then close: the one place that translates errors
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Annotated, TypeVar, cast

from fastapi import FastAPI, Header, HTTPException, Response, WebSocket
from fastapi.responses import JSONResponse
from loguru import logger
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest

from wire.connection import Connection, HungUp
from wire.message import Failed, Message, Refused
from wire.settings import ServiceSettings

M = TypeVar("M", bound=Message)

POLICY, BROKEN, TRY_LATER, NORMAL = 1008, 1011, 1013, 1000


class Service:
    """Admission, readiness and metrics of one server. Lives on the event loop."""

    def __init__(self, name: str, settings: ServiceSettings, load: Callable[[], Awaitable[None]]) -> None:
        """`load` brings the model up and warms it; /ready is 503 until it returns."""
        self.name = name
        self.settings = settings
        self.registry = CollectorRegistry()
        self.on_broken: Callable[[], None] = lambda: None
        self._load = load
        self._why_not_ready = "loading the model"
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._active: set[asyncio.Timeout] = set()
        self._connections = Gauge("connections", "Callers being served.", registry=self.registry)
        self._messages = Counter("messages", "Messages read.", ["kind"], registry=self.registry)
        self._unknown = Counter(
            "unknown_fields", "Fields of a newer client, ignored.", registry=self.registry
        )
        self._refused = Counter("refused", "Refusals sent.", ["code"], registry=self.registry)

    def app(self) -> FastAPI:
        """A FastAPI application that loads the model in the background and answers the common routes."""
        app = FastAPI(title=self.name, lifespan=self._lifespan, max_body_size=self.settings.max_message_bytes)
        app.state.service = self
        app.get("/health")(self._health)
        app.get("/ready")(self._ready)
        app.get("/metrics")(self._metrics)
        return app

    async def authorize(self, authorization: Annotated[str, Header()] = "") -> None:
        """A FastAPI dependency: 401 where the bearer token is missing or wrong."""
        if not self._knows(authorization):
            raise HTTPException(401, "a bearer token is needed", {"WWW-Authenticate": "Bearer"})

    @contextmanager
    def admit(self) -> Iterator[asyncio.Timeout]:
        """Hold a caller's place; yields its deadline, to be entered at once. Raises Refused where full."""
        if self._why_not_ready or self._draining:
            raise Refused("not_ready", self._why_not_ready or "the server is stopping", retry=True)
        if len(self._active) >= self.settings.max_connections:
            raise Refused("busy", f"all {self.settings.max_connections} places are taken", retry=True)
        deadline = asyncio.timeout(self.settings.max_session_s)
        self._active.add(deadline)
        self._connections.set(len(self._active))
        self._idle.clear()
        try:
            yield deadline
        finally:
            self._active.discard(deadline)
            self._connections.set(len(self._active))
            if not self._active:
                self._idle.set()

    async def converse(
        self,
        websocket: WebSocket,
        parse: Callable[[str], M],
        session: Callable[[Connection[M]], Awaitable[None]],
    ) -> None:
        """Serve one WebSocket from handshake to close. Every failure of a session ends here.

        Cancelling closes the connection; the session is awaited.
        """
        await websocket.accept()
        connection = Connection(websocket, self.settings, parse, self._count)
        try:
            if not self._knows(websocket.headers.get("authorization", "")):
                raise Refused("unauthorized", "the bearer token is missing or wrong")
            with self.admit() as deadline:
                await self._run(session(connection), deadline)
            await connection.close(NORMAL)
        except HungUp:
            logger.debug("client hung up")
        except Refused as refused:
            await self._end(connection, refused.as_failed(), TRY_LATER if refused.retry else POLICY)
        except Exception:
            logger.exception("session broke")
            failed = Failed(
                code="internal", message="the server failed on this; its log says why", retry=True
            )
            await self._end(connection, failed, BROKEN)

    async def drain(self) -> None:
        """Take no new callers; return when the running ones are done, at the latest after `drain_s`."""
        self._draining = True
        ends_s = asyncio.get_running_loop().time() + self.settings.drain_s
        for deadline in self._active:
            deadline.reschedule(min(ends_s, deadline.when() or ends_s))
        logger.info("draining: {} callers", len(self._active))
        with suppress(TimeoutError):
            async with asyncio.timeout_at(ends_s + 1):  # a second for the farewells
                await self._idle.wait()

    @property
    def draining(self) -> bool:
        """Whether new callers are turned away because the server is stopping."""
        return self._draining

    async def _run(self, session: Awaitable[None], deadline: asyncio.Timeout) -> None:
        try:
            async with deadline:
                await session
        except BaseExceptionGroup as group:  # sessions run task groups: the first leaf is what happened first
            raise _first_leaf(group) from group
        except TimeoutError:
            if not deadline.expired():
                raise
            if self._draining:
                raise Refused("not_ready", "the server is stopping", retry=True) from None
            limit_s = self.settings.max_session_s
            sentence = f"a session ends after {limit_s:g} s; call again"
            raise Refused("session_too_long", sentence, retry=True) from None

    async def _end(self, connection: Connection[M], failed: Failed, code: int) -> None:
        self._refused.labels(failed.code).inc()
        logger.info("refused: {} ({})", failed.code, failed.message)
        with suppress(HungUp):
            await connection.send(failed)
            await connection.close(code)

    def count_refusal(self, code: str) -> None:
        """Count a refusal that a session sent by itself without closing."""
        self._refused.labels(code).inc()

    def _count(self, kind: str, unknown_fields: int) -> None:
        self._messages.labels(kind).inc()
        if unknown_fields:
            self._unknown.inc(unknown_fields)

    def _knows(self, authorization: str) -> bool:
        token = self.settings.token.get_secret_value()
        return not token or hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode())

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(self._bring_up())
        yield
        loading.cancel()
        with suppress(asyncio.CancelledError):
            await loading

    async def _bring_up(self) -> None:
        try:
            await self._load()
        except Exception as error:
            logger.opt(exception=True).critical("cannot load: {}", error)
            self._why_not_ready = f"cannot load: {error}"
            self.on_broken()
        else:
            self._why_not_ready = ""
            logger.info("ready")

    async def _health(self) -> dict[str, str]:
        return {"service": self.name, "status": "alive"}

    async def _ready(self) -> Response:
        why = self._why_not_ready
        if not why and self._draining:
            why = "stopping"
        if not why and len(self._active) >= self.settings.max_connections:
            why = "full"
        return JSONResponse({"service": self.name, "ready": not why, "why": why}, 503 if why else 200)

    async def _metrics(self) -> Response:
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


def _first_leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return (
        _first_leaf(cast("BaseExceptionGroup[BaseException]", first))
        if isinstance(first, BaseExceptionGroup)
        else first
    )
