"""Agents small enough to know exactly what they do: real WebRTC peers that echo, or answer from a script.

A script is stepped by what it hears, 20 ms at a time, so that it keeps the caller's time, whatever the
machine is doing.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any, Protocol

import av
import numpy as np
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack
from numpy.typing import NDArray

Samples = NDArray[np.int16]
Send = Callable[[dict[str, Any]], None]

HZ = 48_000
FRAME = 960
PATH_MS = 193.0
"""From a caller's sample to the echo of it, with no delay added: 20 ms until its frame is full, and each
way four packets in aiortc's jitter buffer (80 ms) and the look-ahead of Opus (6.5 ms)."""
WAY_BACK_MS = 86.5
"""The part of it after the agent has spoken."""


def tone(ms: int, hz: int = 300) -> Samples:
    """A tone with hard edges, at 48 kHz."""
    return (12_000 * np.sin(2 * np.pi * hz * np.arange(HZ * ms // 1000) / HZ)).astype(np.int16)


class Script(Protocol):
    """What an agent does."""

    def step(self, heard: Samples, send: Send) -> Samples:
        """The next 20 ms to say, given the newest 20 ms heard."""
        ...


class Echo:
    """Says what it hears, `delay_ms` later; knows when it began to say something."""

    def __init__(self, delay_ms: int) -> None:
        self.spoke_at_s: float | None = None
        self._line = deque([np.zeros(FRAME, np.int16)] * (delay_ms // 20))

    def step(self, heard: Samples, send: Send) -> Samples:
        self._line.append(heard)
        said = self._line.popleft()
        if self.spoke_at_s is None and _loud(said):
            self.spoke_at_s = asyncio.get_running_loop().time() + int(np.argmax(np.abs(said) > 328)) / HZ
        return said


class Answerer:
    """Greets, then answers every utterance `after_ms` after its end; stops when it is interrupted."""

    def __init__(self, greeting_ms: int = 0, after_ms: int = 400, answer_ms: int = 200) -> None:
        self.utterances = 0
        self._after, self._answer = after_ms // 20, tone(answer_ms)
        self._speech = tone(greeting_ms)
        self._silence: int | None = None  # frames since the caller's last sound, once there was one

    def step(self, heard: Samples, send: Send) -> Samples:
        if _loud(heard):
            if len(self._speech):
                send({"type": "bot-tts-text", "data": {"text": "and"}})  # the word that is cut off
                send({"type": "bot-stopped-speaking"})
            self._silence, self._speech = 0, self._speech[:0]
        elif self._silence is not None:
            self._silence += 1
            if self._silence == self._after:
                self._silence = None
                self._reply(send)
        said, self._speech = self._speech[:FRAME], self._speech[FRAME:]
        if len(said) and not len(self._speech):
            send({"type": "bot-stopped-speaking"})
        return np.pad(said, (0, FRAME - len(said)))

    def _reply(self, send: Send) -> None:
        self.utterances += 1
        self._speech = self._answer
        send({"type": "bot-started-speaking"})
        send({"type": "user-transcription", "data": {"text": f"question {self.utterances}", "final": True}})
        send({"type": "bot-tts-text", "data": {"text": "answer"}})
        send({"type": "bot-tts-text", "data": {"text": str(self.utterances)}})
        send({"type": "metrics", "data": {"ttfb": [{"processor": "Ear", "value": 0.025}]}})


class Silence:
    """Says nothing."""

    def step(self, heard: Samples, send: Send) -> Samples:
        return np.zeros(FRAME, np.int16)


class Deserter:
    """Hangs up when it hears something."""

    def step(self, heard: Samples, send: Send) -> Samples:
        if _loud(heard):
            send({"type": "signalling", "message": {"type": "peerLeft"}})
        return np.zeros(FRAME, np.int16)


class Voice(MediaStreamTrack):
    """A script as a track."""

    kind = "audio"

    def __init__(self, script: Script, ear: MediaStreamTrack, send: Send) -> None:
        super().__init__()
        self._script, self._ear, self._send = script, ear, send
        self._sent = 0

    async def recv(self) -> av.AudioFrame:
        frame = await self._ear.recv()
        assert isinstance(frame, av.AudioFrame)
        heard = np.ascontiguousarray(frame.to_ndarray().reshape(-1, 2)[:, 0]).astype(np.int16)
        said = self._script.step(heard, self._send)
        out = av.AudioFrame.from_ndarray(said[None], format="s16", layout="mono")
        out.sample_rate, out.time_base, out.pts = HZ, Fraction(1, HZ), self._sent
        self._sent += FRAME
        return out


@asynccontextmanager
async def answering(script: Script) -> AsyncIterator[str]:
    """The address of an agent that follows a script."""
    peers: list[RTCPeerConnection] = []

    async def answer(request: web.Request) -> web.Response:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peers.append(peer)
        await _follow(peer, script, RTCSessionDescription(**await request.json()))
        return web.json_response({"sdp": peer.localDescription.sdp, "type": "answer"})

    app = web.Application()
    app.router.add_post("/api/offer", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))
        for peer in peers:
            await peer.close()


async def _follow(peer: RTCPeerConnection, script: Script, offer: RTCSessionDescription) -> None:
    channels: list[RTCDataChannel] = []
    peer.on("datachannel", channels.append)

    def send(message: dict[str, Any]) -> None:
        channels[0].send(json.dumps(message))

    def speak(ear: MediaStreamTrack) -> None:
        peer.addTrack(Voice(script, ear, send))

    peer.on("track", speak)
    await peer.setRemoteDescription(offer)
    await peer.setLocalDescription(await peer.createAnswer())


def _loud(samples: Samples) -> bool:
    return bool(np.abs(samples).max(initial=0) > 328)
