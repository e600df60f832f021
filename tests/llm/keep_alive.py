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
        """The status and body of the answer.

        A server may close an idle connection at the moment a request is on its way: before a first
        byte of the answer, the request is sent again on a new one.
        """
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        while True:
            reused = self._writer is not None
            reader, writer = await self._connection()
            writer.write(head.encode() + body)
            try:
                first = await reader.read(65_536)
            except ConnectionResetError:
                first = b""
            if first:
                return await self._rest(reader, first)
            assert reused, "the server closed a new connection"
            self.close()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            self.opened += 1
        return self._reader, self._writer

    async def _rest(self, reader: asyncio.StreamReader, piece: bytes) -> tuple[int, bytes]:
        answer = Answer()
        answer.parser.feed_data(piece)
        while not answer.complete:
            piece = await reader.read(65_536)
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
