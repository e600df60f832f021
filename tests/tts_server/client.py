"""A client for tests: it speaks the protocol through a real socket and keeps what it hears."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect

from tests.serving import Served
from tts_server.protocol import (
    PATH,
    PROTOCOL,
    Audio,
    AudioEnd,
    Failed,
    Finish,
    Open,
    Ready,
    Speak,
    Start,
    Words,
    decode_audio,
    parse_server_message,
)
from wire.message import Message

Heard = Audio | AudioEnd | Failed | Ready | Words


class Speech:
    """What was heard of one speech, checked as it comes: no gap, no overlap, every word in order."""

    def __init__(self) -> None:
        self.pcm = b""
        self.words: list[tuple[str, int]] = []
        self.end: AudioEnd | None = None

    @property
    def samples(self) -> NDArray[np.int16]:
        return np.frombuffer(self.pcm, np.int16)

    def take(self, heard: Heard) -> None:
        assert self.end is None, "something came after AudioEnd"
        match heard:
            case Audio():
                assert heard.first_sample == len(self.pcm) // 2
                self.pcm += heard.pcm
            case Words():
                for word, start_sample in heard.words:
                    assert start_sample >= len(self.pcm) // 2, f"{word} was told after its audio"
                self.words += heard.words
            case AudioEnd():
                assert heard.samples == len(self.pcm) // 2
                self.end = heard
            case other:
                raise AssertionError(other)


class TtsClient:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.ready = Ready(model="", voices=(), sample_rate_hz=0)
        """What the server said first."""

    async def send(self, *messages: Message | str | bytes) -> None:
        for message in messages:
            await self.socket.send(message.json_text() if isinstance(message, Message) else message)

    async def next(self) -> Heard:
        frame = await self.socket.recv()
        return decode_audio(frame) if isinstance(frame, bytes) else parse_server_message(frame)  # type: ignore[return-value]

    async def until(self, kind: type[Any]) -> Any:
        while not isinstance(heard := await self.next(), kind):
            pass
        return heard

    async def say(self, text: str, *more: str, speech_id: int = 1, **wishes: Any) -> Speech:
        """Open, speak, finish: the whole of one speech that nobody disturbs."""
        await self.send(Open(speech_id=speech_id, **wishes))
        await self.send(*(Speak(speech_id=speech_id, text=piece) for piece in (text, *more)))
        await self.send(Finish(speech_id=speech_id))
        return (await self.hear(speech_id))[speech_id]

    async def hear(self, *speech_ids: int) -> dict[int, Speech]:
        """Everything up to the AudioEnd of all of these speeches."""
        speeches = {speech_id: Speech() for speech_id in speech_ids}
        while any(speech.end is None for speech in speeches.values()):
            heard = await self.next()
            speeches[heard.speech_id].take(heard)  # type: ignore[union-attr,index]
        return speeches


@asynccontextmanager
async def calling(served: Served, **options: Any) -> AsyncIterator[TtsClient]:
    """A connection that is started."""
    options = {"compression": None, "close_timeout": 0.1} | options
    async with connect(served.ws + PATH, **options) as socket:
        client = TtsClient(socket)
        await client.send(Start(protocol=PROTOCOL))
        client.ready = await client.until(Ready)
        yield client
