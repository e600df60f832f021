"""Run a service on uvicorn: SIGTERM drains, a second one stops at once."""

import asyncio
import signal
import socket
from collections.abc import Generator
from contextvars import Context
from types import FrameType

import uvicorn
from fastapi import FastAPI
from loguru import logger
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import PayloadTooBig
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import Protocol
from websockets.server import ServerProtocol

from wire.logs import configure
from wire.service import Service
from wire.settings import ServiceSettings

MASK_BYTES = 4
READ_OVER_BYTES = 64 * 1024
"""What a message that is too large holds of memory, while it is read over."""


class PatientProtocol(ServerProtocol):
    """The WebSocket protocol of the library, which would answer too large a message with a close and no word.

    The message is read over instead, and one byte more than the limit is handed on in its place: the session
    refuses it like any other.
    """

    parser_exc: Exception | None = None  # the library sets it after its first look at it

    def parse(self) -> Generator[None]:
        """Parse what comes, without end."""
        frames = super().parse()
        has_told = False
        while True:
            too_large = yield from self._until_too_large(frames)
            if not has_told:
                self.events.append(Frame(Opcode.BINARY, bytes(too_large.max_size + 1)))
                has_told = True  # the session ends with that; what follows is of no interest
            yield from self._read_over((too_large.size or 0) + MASK_BYTES)
            frames = Protocol.parse(self)

    def fail(self, code: int, reason: str = "") -> None:
        """Fail the connection, but not for the size of a message."""
        if code != CloseCode.MESSAGE_TOO_BIG:
            super().fail(code, reason)

    def _until_too_large(self, frames: Generator[None]) -> Generator[None, None, PayloadTooBig]:
        for _ in frames:
            if isinstance(self.parser_exc, PayloadTooBig):
                break
            yield
        error, self.parser_exc = self.parser_exc, None
        assert isinstance(error, PayloadTooBig)
        return error

    def _read_over(self, left_bytes: int) -> Generator[None]:
        while left_bytes:
            piece = yield from self.reader.read_exact(min(left_bytes, READ_OVER_BYTES))
            left_bytes -= len(piece)


class AbortableWebSocket(WebSocketsSansIOProtocol):
    """The WebSocket of uvicorn, which also lets a session cut off a client that does not read.

    A close frame waits behind what the client has not taken; only an abort ends such a connection.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Put our protocol in the place of the library's."""
        super().connection_made(transport)
        self.conn = PatientProtocol(max_size=self.config.ws_max_size, logger=self.conn.logger)

    def handle_connect(self, event: Request) -> None:
        """Hand the session a way to abort, as `websocket.state.abort`."""
        self.app_state = {**self.app_state, "abort": self._abort}
        super().handle_connect(event)

    def keepalive_timeout(self) -> None:
        """A client that answers no ping is gone, whatever TCP says."""
        self._abort()

    def _abort(self) -> None:
        self.transport.abort()


class AbortableHttp(HttpToolsProtocol):
    """The HTTP of uvicorn, which lets a reply do the same, as `request.state.abort`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Put the way to abort where each request of the connection finds it."""
        self.app_state = {**self.app_state, "abort": transport.abort}
        super().connection_made(transport)


class DrainingServer(uvicorn.Server):
    """The server of uvicorn with a drain between the signal and the exit."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._drain: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.broken = False
        service.on_broken = self._stop_broken

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Remember the loop, for the signal handler."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)  # type: ignore[arg-type]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First signal: drain, then exit with status 0. Second: exit now."""
        if self._loop is None or self._drain is not None:
            self.should_exit = True
            self.force_exit = self._drain is not None
            return
        # In a context of its own: the signal interrupts some caller, whose ids are not for these lines.
        self._loop.call_soon_threadsafe(self._begin_drain, sig, context=Context())

    def _begin_drain(self, sig: int) -> None:
        logger.info("{}: stopping", signal.Signals(sig).name)
        self._drain = asyncio.create_task(self._drain_and_exit())

    async def _drain_and_exit(self) -> None:
        await self._service.drain()
        self.should_exit = True

    def _stop_broken(self) -> None:
        self.broken = True
        self.should_exit = True


def serve(app: FastAPI) -> int:
    """Serve until a signal; the exit status is 1 where the port is taken or the model could not be loaded."""
    service: Service = app.state.service
    settings = service.settings
    configure(service.name, settings.log_level, settings.log_format)
    try:
        listener = _listen(settings)
    except OSError as error:
        host, port = settings.name_of("host"), settings.name_of("port")
        why = (error.strerror or str(error)).partition(" (")[0]  # Python's own words name the place again
        line = "cannot listen on {}={} with {}={}: {}"
        logger.critical(line, host, settings.host, port, settings.port, why)
        return 1
    server = DrainingServer(server_config(app), service)
    server.run([listener])
    return 1 if server.broken or not server.started else 0


def _listen(settings: ServiceSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host, settings.port), family=family)


def server_config(app: FastAPI) -> uvicorn.Config:
    """What uvicorn is told for a service; tests serve with the same."""
    settings = app.state.service.settings
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=AbortableHttp,
        ws=AbortableWebSocket,
        ws_max_size=settings.max_message_bytes,  # see PatientProtocol
        ws_per_message_deflate=False,  # audio does not compress, and compressing costs time on the way
        ws_ping_interval=20,
        ws_ping_timeout=20,
        timeout_graceful_shutdown=2,
        log_config=None,
        access_log=False,
        server_header=False,
    )
