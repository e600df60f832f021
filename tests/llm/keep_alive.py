"""A plain HTTP client on one connection: fast enough to send 100,000 requests."""

import asyncio
from typing import Any

import httptools


class KeepAlive:
    """One connection, one request at a time; opened again where the server has closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.opened = 0

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """The status and body of the answer."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            self.opened += 1
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        return await self._answer()

    async def _answer(self) -> tuple[int, bytes]:
        assert self._reader is not None
        answer = Answer()
        while not answer.complete:
            piece = await self._reader.read(65_536)
            assert piece, "the server closed in the middle of an answer"
            answer.parser.feed_data(piece)
        if not answer.keep_alive:
            self.close()
        return answer.parser.get_status_code(), answer.body

    def close(self) -> None:
        if self._writer:
            self._writer.close()
        self._reader = self._writer = None


class Answer:
    """One HTTP response as it arrives; what httptools calls back."""

    def __init__(self) -> None:
        self.parser: Any = httptools.HttpResponseParser(self)
        self.body = b""
        self.complete = self.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete, self.keep_alive = True, self.parser.should_keep_alive()
