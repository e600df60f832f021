"""Run a service on uvicorn: SIGTERM drains, a second one stops at once."""

import asyncio
import signal
from types import FrameType

import uvicorn
from fastapi import FastAPI
from loguru import logger
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from wire.logs import configure
from wire.service import Service


class AbortableWebSocket(WebSocketsSansIOProtocol):
    """The WebSocket of uvicorn, which also lets a session cut off a client that does not read.

    A close frame waits behind what the client has not taken; only an abort ends such a connection.
    """

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
        self._loop.call_soon_threadsafe(self._begin_drain, sig)

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
    """Serve until a signal; the exit status is 1 where the model could not be loaded."""
    service: Service = app.state.service
    settings = service.settings
    configure(service.name, settings.log_level, settings.log_format)
    server = DrainingServer(server_config(app), service)
    server.run()
    return 1 if server.broken or not server.started else 0


def server_config(app: FastAPI) -> uvicorn.Config:
    """What uvicorn is told for a service; tests serve with the same."""
    settings = app.state.service.settings
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=AbortableHttp,
        ws=AbortableWebSocket,
        # Over our own limit a client gets a Failed; over this one the library closes with 1009.
        ws_max_size=4 * settings.max_message_bytes,
        ws_per_message_deflate=False,  # audio does not compress, and compressing costs time on the way
        ws_ping_interval=20,
        ws_ping_timeout=20,
        timeout_graceful_shutdown=2,
        log_config=None,
        access_log=False,
        server_header=False,
    )
