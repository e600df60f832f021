"""The WebSocket of a call to one of the model servers: opened, lost, found again.

Pipecat's WebsocketService keeps the connection; this says how ours begins (Start, then Ready) and that
a server which went away is looked for until the call ends, every RETRY_S at the latest: servers are
restarted while people are talking.
"""

# Pipecat leaves its **kwargs and event handlers untyped.
# pyright: reportUnknownMemberType=false

import asyncio
import sys
from abc import abstractmethod
from contextlib import suppress
from dataclasses import dataclass

from loguru import logger
from pipecat.frames.frames import ErrorFrame
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.services.ai_service import AIService
from pipecat.services.websocket_service import ReportErrorCallback, WebsocketService
from pipecat.utils.network import QuickFailureTracker, exponential_backoff_time
from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.protocol import State

from wire.message import Failed, Message, Refused

FIRST_WAIT_S = 0.1
RETRY_S = 2.0
"""Longest wait between two attempts: a server that is back is found within this time."""


@dataclass(frozen=True)
class Address:
    """Where a server is, and how to come in."""

    name: str
    url: str
    token: SecretStr
    timeout_s: float
    """For the connection and the server's Ready."""


class ServerLink(AIService, WebsocketService):
    """Mixed into a Pipecat WebSocket service, before it; the service says what Start and Ready are."""

    _websocket: ClientConnection | None
    _address: Address
    _receiver: asyncio.Task[None] | None = None

    @abstractmethod
    def _start_message(self) -> Message:
        """The first message of a connection."""

    @abstractmethod
    def _take_first(self, text: str) -> Message:
        """Parse the server's first message, and take in what a Ready says. Raises Refused."""

    @abstractmethod
    async def _take(self, frame: str | bytes) -> None:
        """Act on a frame from the server. Raises Refused for one that is not understood."""

    @abstractmethod
    async def _lost(self) -> None:
        """The connection is gone, and with it what was under way."""

    async def _found(self) -> None:
        """The connection is there (again)."""

    @property
    def connected(self) -> bool:
        """Whether the server takes messages now."""
        return self._websocket is not None and self._websocket.state is State.OPEN

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Connect while the pipeline is set up; without the server the call goes on, and looks for it."""
        await super().setup(setup)
        # Pipecat would give a service up, and with it the call, after three connections of under 5 s.
        self._quick_failure_tracker = QuickFailureTracker(max_consecutive_failures=sys.maxsize)
        await self._connect()

    async def _connect(self) -> None:
        await super()._connect()
        try:
            await self._connect_websocket()
        except (OSError, WebSocketException) as error:
            logger.debug("{}: first attempt: {}", self._address.name, error)
        if self._receiver is None:
            self._receiver = self.create_task(self._receive_task_handler(self._report))

    async def _disconnect(self) -> None:
        await super()._disconnect()
        if self._receiver is not None:
            receiver, self._receiver = self._receiver, None
            await self.cancel_task(receiver)
        await self._disconnect_websocket()

    async def _connect_websocket(self) -> None:
        """Open, Start, and wait for Ready. Raises OSError or WebSocketException with words for the log."""
        if self.connected:
            return
        token = self._address.token.get_secret_value()
        websocket = await self._websocket_connect(
            self._address.url,
            additional_headers={"Authorization": f"Bearer {token}"} if token else {},
            compression=None,  # audio does not compress, and compressing costs time on the way
            open_timeout=self._address.timeout_s,
        )
        try:
            async with asyncio.timeout(self._address.timeout_s):
                await websocket.send(self._start_message().json_text())
                self._check(await websocket.recv(decode=True))
        except BaseException:
            await websocket.close()
            raise
        self._websocket = websocket
        await self._call_event_handler("on_connected")
        await self._found()

    def _check(self, first: str) -> None:
        try:
            message = self._take_first(first)
        except Refused as refused:
            raise ConnectionError(f"it does not speak this protocol: {refused}") from None
        if isinstance(message, Failed):
            raise ConnectionError(f"it refused: {message.message} ({message.code})")

    async def _disconnect_websocket(self) -> None:
        websocket, self._websocket = self._websocket, None
        if websocket is not None:
            await websocket.close()
            await self._call_event_handler("on_disconnected")

    async def _receive_messages(self) -> None:
        """Until the connection ends. Raises ConnectionError where there is none."""
        if self._websocket is None:
            raise ConnectionError("not connected")
        async for frame in self._websocket:
            try:
                await self._take(frame)
            except Refused as refused:
                logger.warning("{} said what is not understood: {}", self._address.name, refused)

    async def _try_reconnect(
        self, max_retries: int = 3, report_error: ReportErrorCallback | None = None
    ) -> bool:
        """Look for the server until it is back or the call ends. Cancelled with the call."""
        await self._lost()
        if report_error:
            name, url = self._address.name, self._address.url
            await report_error(
                ErrorFrame(f"{name} is not there: nothing usable at {url}. Start it with: python -m {name}")
            )
        if (quick := self._quick_failure_tracker.count) > 1:  # it takes connections and breaks them off
            await asyncio.sleep(exponential_backoff_time(quick - 1, 0.0, RETRY_S, FIRST_WAIT_S))
        return await super()._try_reconnect(max_retries=sys.maxsize, report_error=None)

    async def _report(self, error: ErrorFrame, force_treat_as_permanent: bool = False) -> None:
        await self._call_event_handler("on_connection_error", error.error)
        await self.push_error_frame(error, force_treat_as_permanent)

    async def _send(self, message: Message | bytes) -> None:
        """Send where there is a connection; one that is just going is noticed by the receiver."""
        if self._websocket is None:
            return
        with suppress(ConnectionClosed):
            await self._websocket.send(message if isinstance(message, bytes) else message.json_text())
