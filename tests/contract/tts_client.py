"""A client of the TTS conversation written from its description alone: no code of this project in it.

It stands for a client in another language. JSON in text frames; in binary frames u32 speech_id, u64 first
sample (little-endian), PCM16.
"""

import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

HEADER_BYTES = 12


class PlainClient:
    """Sends JSON; keeps, for each speech, what came of it."""

    def __init__(self, socket: ClientConnection, ready: dict[str, Any]) -> None:
        self.socket = socket
        self.ready = ready
        self.audio: dict[int, bytes] = {}
        self.words: dict[int, list[tuple[str, int]]] = {}
        self.ends: dict[int, dict[str, Any]] = {}
        self.failures: list[dict[str, Any]] = []

    async def send(self, message_type: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": message_type, **fields}))

    async def read_one(self) -> str:
        """Take one frame; returns what it was."""
        frame = await self.socket.recv()
        if isinstance(frame, bytes):
            self._take_audio(frame)
            return "audio"
        message = json.loads(frame)
        match message["type"]:
            case "words":
                spoken = self.words.setdefault(message["speech_id"], [])
                spoken.extend((word, start) for word, start in message["words"])
            case "audio_end":
                assert message["speech_id"] not in self.ends, "a second audio_end"
                self.ends[message["speech_id"]] = message
            case "failed":
                self.failures.append(message)
            case other:
                raise AssertionError(f"not described: {other}")
        return message["type"]

    async def read_until_ended(self, speech_id: int) -> None:
        while speech_id not in self.ends:
            await self.read_one()

    def _take_audio(self, frame: bytes) -> None:
        speech_id, first_sample = struct.unpack_from("<IQ", frame)
        assert speech_id not in self.ends, "audio after audio_end"
        had = self.audio.get(speech_id, b"")
        assert first_sample == len(had) // 2, "a gap in the samples"
        self.audio[speech_id] = had + frame[HEADER_BYTES:]


@asynccontextmanager
async def plain_client(url: str) -> AsyncIterator[PlainClient]:
    async with connect(url) as socket:
        await socket.send(json.dumps({"type": "start", "protocol": "1.0"}))
        ready = json.loads(await socket.recv())
        assert ready["type"] == "ready"
        yield PlainClient(socket, ready)
