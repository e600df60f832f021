"""What ASR servers with a script share: the conversation, and the count of what was heard."""

import asyncio
from abc import abstractmethod
from contextlib import suppress

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

import asr_server.protocol as asr
from tests.agent.stand_ins import WebSocketStandIn

CHUNK_MS = 160
"""A step of the published model: that often the ear tells what it has heard."""
CHUNK_SAMPLES = asr.SAMPLE_RATE_HZ * CHUNK_MS // 1000


class Ear:
    """One connection's. Positions are samples since Start."""

    def __init__(self) -> None:
        self.samples = self.begin_sample = 0
        self._utterance_id = 0
        self._shown = ""

    @abstractmethod
    def listen(self, pcm: bytes) -> None:
        """What there is in the audio that follows `samples`."""

    @abstractmethod
    def text(self) -> str:
        """The words since `begin_sample`."""

    def hear(self, pcm: bytes) -> asr.Partial | None:
        """Take in audio; the words so far, where they are others within another chunk."""
        self.listen(pcm)
        before, self.samples = self.samples // CHUNK_SAMPLES, self.samples + len(pcm) // asr.SAMPLE_BYTES
        if self.samples // CHUNK_SAMPLES == before:
            return None
        text = self.text()
        if text in ("", self._shown):
            return None
        self._shown = text
        return asr.Partial(utterance_id=self._utterance_id, text=text, end_sample=self.samples)

    def begin(self, message: asr.NextUtterance) -> None:
        self._utterance_id, self.begin_sample = message.utterance_id, message.from_sample

    def final(self, commit: asr.Commit) -> asr.Final:
        """As it is by now."""
        return asr.Final(
            utterance_id=commit.utterance_id,
            commit_id=commit.commit_id,
            text=self.text(),
            end_sample=self.samples,
        )


class HearingServer(WebSocketStandIn):
    """Holds the conversation; what is heard, and when a Commit is answered, is the subclass's."""

    path = asr.PATH

    @abstractmethod
    def _ear(self) -> Ear:
        """Of a connection."""

    @abstractmethod
    async def _answer(self, connection: ServerConnection, ear: Ear, commit: asr.Commit) -> None:
        """Answer a Commit, beside others."""

    async def _converse(self, connection: ServerConnection) -> None:
        ear = self._ear()
        async with asyncio.TaskGroup() as answering:
            with suppress(ConnectionClosed):
                async for frame in connection:
                    if isinstance(frame, bytes):
                        await self._hear(connection, ear, frame)
                    else:
                        await self._take(connection, ear, frame, answering)

    async def _hear(self, connection: ServerConnection, ear: Ear, pcm: bytes) -> None:
        if partial := ear.hear(pcm):
            await connection.send(partial.json_text())

    async def _take(
        self, connection: ServerConnection, ear: Ear, text: str, answering: asyncio.TaskGroup
    ) -> None:
        match message := asr.parse_client_message(text):
            case asr.Start():
                ready = asr.Ready(model="script", chunk_ms=CHUNK_MS, packet_ms=20)
                await connection.send(ready.json_text())
            case asr.NextUtterance():
                ear.begin(message)
            case asr.Commit():
                answering.create_task(self._answer(connection, ear, message))
