"""What every server has: /health, /ready, /metrics, a token, limits, and a drain.

client ── token? ── draining? full? ── session ── done
             │            │               │
          Failed       Failed          Failed, then close

`Service.place` is the one place that turns whatever breaks into a refusal, also for wire/openai_api.py.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TypeVar, cast

from fastapi import FastAPI, Response, WebSocket
from fastapi.responses import JSONResponse
from loguru import logger
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest

from wire.connection import Connection, HungUp
from wire.message import BadRequest, Message, Refused
from wire.settings import ServiceSettings

M = TypeVar("M", bound=Message)

POLICY, BROKEN, TRY_LATER, NORMAL = 1008, 1011, 1013, 1000
INTERNAL = "internal"


class CannotLoad(Exception):
    """The model cannot be loaded as the settings say: a sentence that names them, and needs no traceback."""


class Service:
    """Admission, readiness and metrics of one server. Lives on the event loop."""

    def __init__(
        self,
        name: str,
        settings: ServiceSettings,
        load: Callable[[], Awaitable[None]],
        fatal: tuple[type[Exception], ...] = (),
    ) -> None:
        """`load` brings the model up and warms it; /ready is 503 until it returns.

        After an error of the `fatal` kinds the model does not come back, and the process ends.
        """
        self.name = name
        self.settings = settings
        self.registry = CollectorRegistry()
        self.on_broken: Callable[[], None] = lambda: None
        self._load = load
        self._fatal = fatal
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
        app = FastAPI(title=self.name, lifespan=self._lifespan)
        app.state.service = self
        app.get("/health")(self._health)
        app.get("/ready")(self._ready)
        app.get("/metrics")(self._metrics)
        return app

    def check_token(self, authorization: str) -> None:
        """Raise Refused where the bearer token is missing or wrong."""
        token = self.settings.token.get_secret_value()
        if token and not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            raise Refused("unauthorized", "the bearer token is missing or wrong")

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a caller's place while the block runs, at most `max_session_s`.

        Whatever leaves the block leaves this as HungUp or Refused; cancellation passes through.
        """
        with self.admit() as deadline:
            try:
                async with deadline:
                    try:
                        yield
                    except BaseExceptionGroup as group:  # the first leaf is what happened first
                        raise _first_leaf(group) from group
            except (HungUp, Refused):
                raise
            except Exception as error:
                if isinstance(error, TimeoutError) and deadline.expired():
                    raise self._out_of_time() from None
                if isinstance(error, self._fatal):
                    self.on_broken()
                sentence = "the server failed on this; its log says why"
                raise Refused(INTERNAL, sentence, retry=True) from error

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
        """Serve one WebSocket from handshake to close.

        Cancelling closes the connection; the session is awaited.
        """
        await websocket.accept()
        connection = Connection(websocket, self.settings, parse, self._count)
        try:
            self.check_token(websocket.headers.get("authorization", ""))
            async with self.place():
                await session(connection)
            await connection.close(NORMAL)
        except HungUp:
            logger.bind(call=connection.call).debug("client hung up")
        except Refused as refused:
            with logger.contextualize(call=connection.call):
                self.report(refused)
            with suppress(HungUp):
                await connection.send(refused.as_failed())
                await connection.close(_close_code(refused))

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

    def report(self, refused: Refused) -> None:
        """Count and log a refusal; where the fault is ours, with what broke."""
        self._refused.labels(refused.code).inc()
        if refused.code == INTERNAL:
            logger.opt(exception=refused.__cause__).error("broke")
        quiet = isinstance(refused, BadRequest)
        logger.info("refused: {} ({})", refused.code, refused.param if quiet else refused)

    def _out_of_time(self) -> Refused:
        if self._draining:
            return Refused("not_ready", "the server is stopping", retry=True)
        limit_s = self.settings.max_session_s
        return Refused("session_too_long", f"a session ends after {limit_s:g} s; call again", retry=True)

    def _count(self, kind: str, unknown_fields: int) -> None:
        self._messages.labels(kind).inc()
        if unknown_fields:
            self._unknown.inc(unknown_fields)

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.ensure_future(self._load())
        loading.add_done_callback(self._loaded)
        yield
        loading.cancel()
        await asyncio.wait([loading])

    def _loaded(self, loading: "asyncio.Future[None]") -> None:
        if loading.cancelled():
            return
        error = loading.exception()
        if error is None:
            self._why_not_ready = ""
            logger.info("ready")
            return
        self._why_not_ready = f"cannot load: {error}"
        is_told = isinstance(error, CannotLoad)
        logger.opt(exception=None if is_told else error).critical("cannot load: {}", error)
        self.on_broken()

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


def _close_code(refused: Refused) -> int:
    if refused.code == INTERNAL:
        return BROKEN
    return TRY_LATER if refused.retry else POLICY


def _first_leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return (
        _first_leaf(cast("BaseExceptionGroup[BaseException]", first))
        if isinstance(first, BaseExceptionGroup)
        else first
    )
