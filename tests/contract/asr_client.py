"""A client of the ASR conversation written from its description alone: no code of this project in it.

It stands for a client in another language. JSON in text frames; in binary frames PCM16 little-endian, mono,
16 kHz.
"""

import json
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect


class PlainClient:
    """Sends JSON and samples; keeps what came, by commit, by utterance, and in order."""

    def __init__(self, socket: ClientConnection, ready: dict[str, Any]) -> None:
        self.socket = socket
        self.ready = ready
        self.samples_sent = 0
        self.finals: dict[int, dict[str, Any]] = {}
        self.partials: dict[int, list[dict[str, Any]]] = {}
        self.failures: list[dict[str, Any]] = []

    async def send(self, message_type: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": message_type, **fields}))

    async def speak(self, samples: Iterable[int]) -> None:
        """Send samples in the packets that the server prefers."""
        every = list(samples)
        packet = 16 * self.ready["packet_ms"]
        for at in range(0, len(every), packet):
            piece = every[at : at + packet]
            await self.socket.send(struct.pack(f"<{len(piece)}h", *piece))
        self.samples_sent += len(every)

    async def read_one(self) -> str:
        """Take one message; returns its type."""
        message = json.loads(await self.socket.recv())
        match message["type"]:
            case "partial":
                self.partials.setdefault(message["utterance_id"], []).append(message)
            case "final":
                assert message["commit_id"] not in self.finals, "a second final for one commit"
                self.finals[message["commit_id"]] = message
            case "failed":
                self.failures.append(message)
            case other:
                raise AssertionError(f"not described: {other}")
        return message["type"]

    async def commit(self, utterance_id: int, commit_id: int, speech_end_sample: int) -> str:
        """Ask for the text; waits for it."""
        await self.send(
            "commit", utterance_id=utterance_id, commit_id=commit_id, speech_end_sample=speech_end_sample
        )
        while commit_id not in self.finals:
            await self.read_one()
        return self.finals[commit_id]["text"]


@asynccontextmanager
async def plain_client(url: str) -> AsyncIterator[PlainClient]:
    start = {
        "type": "start",
        "protocol": "1.0",
        "language": "en",
        "right_context": 1,
        "sample_rate_hz": 16_000,
        "channels": 1,
        "phrases": [],
    }
    async with connect(url) as socket:
        await socket.send(json.dumps(start))
        ready = json.loads(await socket.recv())
        assert ready["type"] == "ready"
        yield PlainClient(socket, ready)
