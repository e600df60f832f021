"""A client for tests: it speaks the protocol through a real socket and keeps what it hears."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from asr_server.protocol import (
    PATH,
    PROTOCOL,
    SAMPLE_BYTES,
    SAMPLE_RATE_HZ,
    Commit,
    Failed,
    Final,
    NextUtterance,
    Partial,
    Ready,
    Start,
    parse_server_message,
)
from tests.serving import Served
from wire.message import Message

Heard = Ready | Partial | Final | Failed


def silence(duration_ms: int) -> bytes:
    """PCM16 of nothing."""
    return bytes(SAMPLE_RATE_HZ * duration_ms // 1000 * SAMPLE_BYTES)


def packets(pcm: bytes, packet_ms: int = 20) -> Iterator[bytes]:
    """The audio as a microphone sends it."""
    size = SAMPLE_RATE_HZ * packet_ms // 1000 * SAMPLE_BYTES
    return (pcm[at : at + size] for at in range(0, len(pcm), size))


class AsrClient:
    """Counts the samples it sends, and numbers its Commits and utterances."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.ready: Ready | None = None
        self.heard: list[Heard] = []
        self.sent_samples = 0
        self.commit_id = 0
        self.utterance_id = 0

    async def send(self, *messages: Message | str | bytes) -> None:
        for message in messages:
            await self.socket.send(message.json_text() if isinstance(message, Message) else message)

    async def say(self, pcm: bytes, packet_ms: int = 20) -> None:
        """Send audio as fast as it goes."""
        for packet in packets(pcm, packet_ms):
            await self.socket.send(packet)
        self.sent_samples += len(pcm) // SAMPLE_BYTES

    async def commit(self, speech_end_sample: int | None = None) -> int:
        """Send a Commit for all that was sent; its id."""
        self.commit_id += 1
        end = self.sent_samples if speech_end_sample is None else speech_end_sample
        message = Commit(utterance_id=self.utterance_id, commit_id=self.commit_id, speech_end_sample=end)
        await self.send(message)
        return self.commit_id

    async def next_utterance(self, from_sample: int | None = None) -> None:
        """The next utterance begins, by default with the next audio."""
        self.utterance_id += 1
        at = self.sent_samples if from_sample is None else from_sample
        await self.send(NextUtterance(utterance_id=self.utterance_id, from_sample=at))

    async def next(self) -> Heard:
        frame = await self.socket.recv()
        assert isinstance(frame, str)
        message = parse_server_message(frame)
        self.heard.append(message)
        return message

    async def until(self, kind: type[Any]) -> Any:
        while not isinstance(heard := await self.next(), kind):
            pass
        return heard

    async def final(self, speech_end_sample: int | None = None) -> str:
        """The text of a Commit that is sent now."""
        commit_id = await self.commit(speech_end_sample)
        while (final := await self.until(Final)).commit_id != commit_id:
            pass
        return final.text


@asynccontextmanager
async def connected(served: Served, **options: Any) -> AsyncIterator[AsrClient]:
    """A connection on which nothing has been said."""
    options = {"compression": None, "close_timeout": 0.1} | options
    async with connect(served.ws + PATH, **options) as socket:
        yield AsrClient(socket)


@asynccontextmanager
async def calling(served: Served, **options: Any) -> AsyncIterator[AsrClient]:
    """A connection that is started."""
    async with connected(served, **options) as client:
        await client.send(Start(protocol=PROTOCOL))
        client.ready = await client.until(Ready)
        yield client
