"""One call to an agent over WebRTC: what a script may do while it runs.

    async with dial("http://localhost:7860") as call:
        await call.listen(20)                  # the greeting
        await call.say(Turn.from_file(path), 20)
    report = call.report()

Both channels are recorded on one clock, that of the samples sent (`CallClock`). The agent's audio is put
where a listener would have heard it: see `agent.recording.Playout` for the method and its error. So a
gap is what a caller hears with this receiver. It contains the path both ways and a playout buffer of four
packets (80 ms); it does not contain a sound card. With a peer on the same machine that echoes after
a known delay, gaps came out 2 to 17 ms longer than the delay and the 193 ms that the path takes by itself,
two cores being busy (tests/agent/test_call.py).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

import aiohttp
import numpy as np
import soxr
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.exceptions import InvalidStateError
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame
from numpy.typing import NDArray

from agent.call_media import CALL_HZ, CallClock, Microphone, read_wav
from agent.call_messages import Activity, Event, Goodbye, client_ready, read_message
from agent.jitter import PACKET_MS, put_in_order
from agent.recording import Playout, Span, Tape, speech_end

CONNECT_S = 10.0
SETTLED_SAMPLES = CALL_HZ * 8 // 10
"""An agent that has been silent for 0.8 s has finished: longer than the pause between two sentences."""
GAVE_UP_SAMPLES = CALL_HZ * 3
"""However busy it says it is, after 3 s of silence it has nothing more to say."""
LONGEST_ANSWER_S = 60.0
LOUD = 328
"""int16; -40 dB of full scale: sound that counts as speech while the call runs."""
MOST_EVENTS = 100_000
"""Bounds what an agent can make a caller remember: an hour of words comes to some 10,000."""


class CannotCall(Exception):
    """Nobody answers, or what answers is not an agent; the sentence says which."""


class HungUp(Exception):
    """The agent ended the call, or the connection broke."""


class Track(Protocol):
    """aiortc's track, of which a caller needs this much."""

    async def recv(self) -> object:
        """The next frame. Raises MediaStreamError at the end."""


@dataclass(frozen=True)
class Turn:
    """One utterance of the caller: `audio` (T,) int16 at CALL_HZ, and the name by which to report it."""

    audio: NDArray[np.int16]
    name: str
    barge_in_after_s: float | None = None
    """Speak this long after the last answer began to sound, instead of when it is over."""
    speech_end: int = field(init=False)
    """The first sample after the last speech. Found here, since it would hold up a call that is running."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "speech_end", speech_end(self.audio, CALL_HZ) or len(self.audio))

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """A WAV file as a turn. Raises NotAudio."""
        return cls(read_wav(path), path.name)

    @classmethod
    def from_pcm(cls, pcm: bytes, rate_hz: int, name: str, barge_in_after_s: float | None = None) -> Self:
        """PCM16 mono as a turn."""
        audio = soxr.resample(np.frombuffer(pcm, np.int16), rate_hz, CALL_HZ)
        return cls(audio.astype(np.int16), name, barge_in_after_s)


@dataclass(frozen=True)
class Exchange:
    """What a turn was and where the caller's speech lies on the clock; the greeting has no speech."""

    name: str
    speech: Span | None
    start: int
    """Events from here until the next exchange belong to this one."""
    answered: bool
    barged_in: bool = False


class Call:
    """A call that is up. Not for several tasks at once: a caller does one thing at a time."""

    def __init__(self, playout_packets: int) -> None:
        """`playout_packets`: how much later than it arrives the agent's speech begins to play, in 20 ms."""
        self._playout_packets = playout_packets
        self.clock = CallClock()
        self.caller, self.agent = Tape(), Tape()
        self.exchanges: list[Exchange] = []
        self.events: list[tuple[int, Event]] = []
        self.playout = Playout(playout_packets * PACKET_MS * CALL_HZ // 1000)
        self._news = asyncio.Event()
        self._microphone = Microphone(self.clock, self.caller, self._news.set)
        self._gone = ""
        self._heard_until = 0  # position of the newest frame
        self._sounds: list[Span] = []  # frames of sound, joined; one for each stretch
        self._speaking = self._thinking = False
        self._spoke_up = 0  # position of its last word that it begins to speak

    async def listen(self, timeout_s: float, name: str = "greeting") -> bool:
        """Wait until the agent has spoken up by itself and is silent again; False where it stays silent.

        Raises HungUp. Cancelling leaves the call as it is.
        """
        start, answered = self.clock.now(), False
        try:
            answered = await self._answer(lambda: self.sounded_at(start) is not None, timeout_s)
        finally:
            self.exchanges.append(Exchange(name, None, start, answered))
        return answered

    async def say(self, turn: Turn, timeout_s: float, *, wait_for_end: bool = True) -> bool:
        """Speak, then wait for the answer and its end (or only its beginning); False where none comes.

        `timeout_s` counts from the end of the speech. Raises HungUp. Cancelling leaves the speech unfinished.
        """
        start, answered = self._microphone.speak(turn.audio), False
        barged_in = turn.barge_in_after_s is not None

        def begins() -> bool:
            since = start + turn.speech_end
            if barged_in:  # the end of what was interrupted may sound longer than this turn
                since = max(since, self._spoke_up)
            return (self._spoke_up > start or not barged_in) and self.sounded_at(since) is not None

        try:
            await self._until(lambda: not self._microphone.speaking)
            answered = await self._answer(begins, timeout_s, wait_for_end=wait_for_end)
        finally:
            speech = Span(start, start + len(turn.audio))
            self.exchanges.append(Exchange(turn.name, speech, start, answered, barged_in))
        return answered

    async def converse(self, turns: Sequence[Turn], timeout_s: float, *, greeting: bool = True) -> None:
        """Wait for the greeting, then speak the turns, each when it is its time. Raises HungUp.

        Cancelling leaves the call as it is.
        """
        if greeting:
            await self.listen(timeout_s)
        for turn, following in zip(turns, [*turns[1:], None], strict=True):
            barge_in_after_s = following.barge_in_after_s if following else None
            answered = await self.say(turn, timeout_s, wait_for_end=barge_in_after_s is None)
            if answered and barge_in_after_s is not None:
                await self.wait(barge_in_after_s)

    async def wait(self, seconds: float) -> None:
        """Let the call run on. Raises HungUp."""
        until = self.clock.now() + int(seconds * CALL_HZ)
        await self._until(lambda: self.clock.now() >= until)

    @property
    def length(self) -> int:
        """How long the recording is by now, in samples."""
        return max(self.caller.length, self.agent.length, self._heard_until)

    def sounded_at(self, since: int) -> int | None:
        """Where the agent's first sound at or after `since` lies."""
        return next((max(span.start, since) for span in self._sounds if span.end > since), None)

    async def _answer(
        self, begins: Callable[[], bool], timeout_s: float, *, wait_for_end: bool = True
    ) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                await self._until(begins)
        except TimeoutError:
            return False
        if wait_for_end:
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_ANSWER_S):
                    await self._until(self._agent_has_finished)
        return True

    def _agent_has_finished(self) -> bool:
        silent = self._heard_until - self._sounds[-1].end
        busy = self._speaking or self._thinking
        return silent >= (GAVE_UP_SAMPLES if busy else SETTLED_SAMPLES)

    async def _until(self, done: Callable[[], bool]) -> None:
        while not done():
            if self._gone:
                raise HungUp(self._gone)
            self._news.clear()
            await self._news.wait()

    async def connect(self, url: str, token: str, peer: RTCPeerConnection) -> Track:
        """Offer, answer, ICE and DTLS; returns the agent's track. Raises CannotCall."""
        line = peer.addTransceiver(self._microphone, direction="sendrecv")
        put_in_order(line.receiver, self._playout_packets)
        channel = peer.createDataChannel("rtvi", ordered=True)
        channel.on("open", lambda: channel.send(client_ready()))
        channel.on("message", self._take_message)
        peer.on("connectionstatechange", lambda: self._take_state(peer.connectionState))
        await peer.setLocalDescription(await peer.createOffer())
        answer = await _exchange_offers(url, token, peer.localDescription)
        try:
            await peer.setRemoteDescription(answer)
            async with asyncio.timeout(CONNECT_S):
                await self._until(lambda: peer.connectionState == "connected")
        except (ValueError, InvalidStateError) as error:
            raise CannotCall(f"{url} sent an answer that is no session description: {error}") from None
        except (TimeoutError, HungUp):
            raise CannotCall(f"{url} answered, but no audio path to it could be opened") from None
        return line.receiver.track

    async def hear(self, track: Track) -> None:
        """Record what the agent sends until its track ends. Cancelling stops the recording."""
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                self._take_frame(self.clock.now(), frame)
        self._gone = self._gone or "the agent's audio ended"
        self._news.set()

    def _take_frame(self, arrival: int, frame: AudioFrame) -> None:
        samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0].astype(np.int16)
        position = self.playout.place(arrival, frame.pts or 0, samples)
        self._heard_until = arrival
        if position is not None:
            self.agent.put(position, samples)
            if int(np.abs(samples.astype(np.int32)).max()) > LOUD:
                self._note_sound(Span(position, position + len(samples)))
        self._news.set()

    def _note_sound(self, span: Span) -> None:
        if self._sounds and span.start <= self._sounds[-1].end:
            span = Span(self._sounds.pop().start, span.end)
        self._sounds.append(span)

    def _take_message(self, text: str | bytes) -> None:
        event = read_message(text)
        match event:
            case None:
                return
            case Activity():
                self._thinking = self._thinking if event.thinking is None else event.thinking
                self._speaking = self._speaking if event.speaking is None else event.speaking
                self._spoke_up = self.clock.now() if event.speaking else self._spoke_up
            case Goodbye():
                self._gone = "the agent hung up"
            case _:
                pass
        if len(self.events) < MOST_EVENTS:
            self.events.append((self.clock.now(), event))
        self._news.set()

    def _take_state(self, state: str) -> None:
        if state in ("failed", "closed", "disconnected"):
            self._gone = self._gone or "the connection to the agent is lost"
        self._news.set()


@asynccontextmanager
async def dial(url: str, token: str = "", playout_packets: int = 4) -> AsyncIterator[Call]:
    """A call that is up, until the block ends. Raises CannotCall; leaving the block hangs up.

    `playout_packets`, of 20 ms, is how much later than it arrives the agent's speech begins to play, so that
    packets may be that late: what browsers do, whose buffer adapts itself between about 2 and 5 of them.
    """
    # Without this aiortc asks a public STUN server for an address, which takes 5 s where there is none.
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    call = Call(playout_packets)
    try:
        track = await call.connect(url.rstrip("/"), token, peer)
        hearing = asyncio.create_task(call.hear(track))
        try:
            yield call
        finally:
            hearing.cancel()
            with suppress(asyncio.CancelledError):
                await hearing
    finally:
        await peer.close()


async def _exchange_offers(url: str, token: str, offer: RTCSessionDescription) -> RTCSessionDescription:
    """Pipecat's runner takes an offer at /api/offer and answers it."""
    body = {"sdp": offer.sdp, "type": offer.type}
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    timeout = aiohttp.ClientTimeout(total=CONNECT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as http,
            http.post(f"{url}/api/offer", json=body) as reply,
        ):
            if reply.status == 401:
                raise CannotCall(f"{url} asks for a token: give the right one with --token")
            if reply.status != 200:
                raise CannotCall(f"{url} answers with HTTP status {reply.status}: is that an agent?")
            answer = await reply.json()
            return RTCSessionDescription(answer["sdp"], answer["type"])
    except TimeoutError:
        raise CannotCall(f"{url} does not answer within {CONNECT_S:g} s") from None
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
        raise CannotCall(f"{url} is not an address: give one as http://localhost:7860") from None
    except aiohttp.ContentTypeError:
        raise CannotCall(f"{url} answers with something else than JSON: is that an agent?") from None
    except aiohttp.ClientError as error:
        raise CannotCall(f"nothing answers at {url} ({error})") from None
    except (ValueError, KeyError, TypeError):
        raise CannotCall(f"{url} answers with something else than a call: is that an agent?") from None
