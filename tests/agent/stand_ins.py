"""The servers an agent talks to, small enough to do exactly what a test says, on real sockets; a line to
call it over, and a pipeline around one processor."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from aiohttp import web
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InputAudioRawFrame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
    StartFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.workers.runner import WorkerRunner
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

import asr_server.protocol as asr
import tts_server.protocol as tts
from agent.playback import Playback
from agent.settings import AgentSettings
from wire.message import Message

T = TypeVar("T")
PATIENCE_S = 30.0
"""For what takes a fraction of a second on a machine that has nothing else to do."""


async def eventually(true: Callable[[], bool]) -> None:
    """Return when `true()` is; fail after PATIENCE_S."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - what is waited for does not know of the test
            await asyncio.sleep(0.005)


class WebSocketStandIn:
    """A server that can be stopped and started again on its port."""

    path: str

    def __init__(self) -> None:
        self.received: list[Message] = []
        self.connections = 0
        self.port = 0
        self._server: Server | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}{self.path}"

    async def start(self) -> None:
        self._server = await serve(self._serve, "127.0.0.1", self.port, close_timeout=0.2)
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        """As a kill does: connections break off."""
        server, self._server = self._server, None
        if server is None:
            return
        for connection in server.connections:
            connection.transport.abort()
        server.close()
        await server.wait_closed()

    def hang_up(self) -> None:
        """Break off all connections; new ones are taken."""
        assert self._server
        for connection in self._server.connections:
            connection.transport.abort()

    async def say(self, message: Message | str | bytes) -> None:
        """Send something of the server's own accord, on the only connection."""
        assert self._server
        (connection,) = self._server.connections
        await connection.send(message.json_text() if isinstance(message, Message) else message)

    def messages(self, kind: type[T]) -> list[T]:
        return [message for message in self.received if isinstance(message, kind)]

    async def until(self, kind: type[T], count: int = 1) -> T:
        """The newest message of a kind, once there are `count` of them."""
        await eventually(lambda: len(self.messages(kind)) >= count)
        return self.messages(kind)[-1]

    async def _serve(self, connection: ServerConnection) -> None:
        self.connections += 1
        with suppress(ConnectionClosed):
            await self._converse(connection)

    async def _converse(self, connection: ServerConnection) -> None:
        raise NotImplementedError


class AsrStandIn(WebSocketStandIn):
    """Answers each Commit with the next text of `finals`, or text and confidence; with None, not at all.

    Behind them it answers with `always`, however often the silences of one utterance are committed.
    """

    path = asr.PATH

    def __init__(self, *finals: str | tuple[str, float] | None) -> None:
        super().__init__()
        self.finals: deque[str | tuple[str, float] | None] = deque(finals)
        self.always = ""
        self.audio_bytes = 0
        self.refusal: asr.Failed | None = None

    async def _converse(self, connection: ServerConnection) -> None:
        self.audio_bytes = 0
        async for frame in connection:
            if isinstance(frame, bytes):
                self.audio_bytes += len(frame)
                continue
            message = asr.parse_client_message(frame)
            self.received.append(message)
            if isinstance(message, asr.Start):
                ready = asr.Ready(model="script", chunk_ms=160, packet_ms=20)
                await connection.send((self.refusal or ready).json_text())
            elif isinstance(message, asr.Commit):
                await self._answer(connection, message)

    async def _answer(self, connection: ServerConnection, commit: asr.Commit) -> None:
        answer = self.finals.popleft() if self.finals else self.always
        if answer is not None:
            text, confidence = answer if isinstance(answer, tuple) else (answer, None)
            final = asr.Final(
                utterance_id=commit.utterance_id,
                commit_id=commit.commit_id,
                text=text,
                end_sample=self.audio_bytes // 2,
                confidence=confidence,
            )
            await connection.send(final.json_text())


class TtsStandIn(WebSocketStandIn):
    """Says 100 ms a word, all at once; with `slow`, a word every 100 ms."""

    path = tts.PATH
    hz = 24_000

    def __init__(self, *, slow: bool = False) -> None:
        super().__init__()
        self.slow = slow
        self.fails: tts.Failed | None = None
        self.times_words = True
        self.mute = False

    @property
    def said(self) -> list[str]:
        return [message.text for message in self.messages(tts.Speak)]

    async def _converse(self, connection: ServerConnection) -> None:
        speeches: dict[int, _Speech] = {}
        async for frame in connection:
            message = tts.parse_client_message(str(frame))
            self.received.append(message)
            await self._obey(connection, speeches, message)

    async def _obey(
        self, connection: ServerConnection, speeches: dict[int, "_Speech"], message: Message
    ) -> None:
        match message:
            case tts.Start():
                ready = tts.Ready(model="script", voices=("one",), sample_rate_hz=self.hz)
                await connection.send(ready.json_text())
            case tts.Open(speech_id=speech_id):
                speech = _Speech(connection, speech_id, 0.1 if self.slow else 0, self.times_words)
                speeches[speech_id] = speech
            case tts.Speak(speech_id=speech_id) if self.fails:
                failed = self.fails.model_copy(update={"speech_id": speech_id})
                await connection.send(failed.json_text())
            case tts.Speak() if self.mute:
                pass
            case tts.Speak(speech_id=speech_id, text=text) if speech_id in speeches:
                speeches[speech_id].speak(text)
            case tts.Finish(speech_id=speech_id) if speech_id in speeches:
                speeches[speech_id].finish()
            case tts.Cancel(speech_id=speech_id) if speech_id in speeches:
                await speeches.pop(speech_id).cancel()
            case _:
                pass


class _Speech:
    """Words wait for those before them."""

    def __init__(
        self, connection: ServerConnection, speech_id: int, word_s: float, times_words: bool
    ) -> None:
        self._connection = connection
        self._times_words = times_words
        self._id = speech_id
        self._word_s = word_s
        self._samples = 0
        self._words: asyncio.Queue[str | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._run())

    def speak(self, text: str) -> None:
        for word in text.split():
            self._words.put_nowait(word)

    def finish(self) -> None:
        self._words.put_nowait(None)

    async def cancel(self) -> None:
        self._task.cancel()
        await self._end(cancelled=True)

    async def _run(self) -> None:
        with suppress(ConnectionClosed):
            while (word := await self._words.get()) is not None:
                if self._times_words:
                    words = tts.Words(speech_id=self._id, words=((word, self._samples),))
                    await self._connection.send(words.json_text())
                pcm = b"\x10\x27" * (TtsStandIn.hz // 10)
                await self._connection.send(tts.encode_audio(tts.Audio(self._id, self._samples, pcm)))
                self._samples += TtsStandIn.hz // 10
                await asyncio.sleep(self._word_s)
            await self._end(cancelled=False)

    async def _end(self, cancelled: bool) -> None:
        end = tts.AudioEnd(speech_id=self._id, samples=self._samples, cancelled=cancelled)
        await self._connection.send(end.json_text())


def tool_call(name: str, arguments: str | dict[str, Any]) -> dict[str, Any]:
    """What the LLM stand-in may answer, beside text."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": name, "arguments": text}}]}


class LlmStandIn:
    """Answers each request with the next of `answers`: a text, a `tool_call`, or both in a list; with
    `word_s`, a word at a time. Knows no /v1/prefill."""

    def __init__(self, *answers: str | dict[str, Any] | list[Any], word_s: float = 0) -> None:
        self.answers: deque[str | dict[str, Any] | list[Any]] = deque(answers)
        self.abandoned = 0
        self.thinks_s = 0.0
        self.greets = False
        """Whether it sends its headers before it thinks."""
        self._word_s = word_s
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def user_texts(self) -> list[str]:
        """What callers have said, by the newest request."""
        messages = self.requests[-1]["messages"]
        return [message["content"] for message in messages if message["role"] == "user"][1:]

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(await request.json())
        self.headers.append(dict(request.headers))
        answer = self.answers.popleft() if self.answers else "Well, well, well."
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        if self.greets:
            await response.prepare(request)
        await asyncio.sleep(self.thinks_s)
        await response.prepare(request)
        pieces = [
            piece
            for part in (answer if isinstance(answer, list) else [answer])
            for piece in ([part] if isinstance(part, dict) else [{"content": f"{w} "} for w in part.split()])
        ]
        try:
            for piece in pieces:
                await response.write(chunk(piece, None))
                await asyncio.sleep(self._word_s)
            await response.write(chunk({}, "stop" if isinstance(answer, str) else "tool_calls"))
            await response.write(b"data: [DONE]\n\n")
        except ConnectionError:
            self.abandoned += 1
        return response


def chunk(delta: dict[str, Any], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


class Line(BaseTransport):
    """A telephone line without a network: the test speaks into it, and listens."""

    packet_ms = 20

    def __init__(self) -> None:
        super().__init__()
        self.playback = Playback()
        params = TransportParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_out_10ms_chunks=2,
            audio_out_filter=self.playback,
        )
        self._input = _LineIn(params)
        self._output = _LineOut(params)
        self._to_say = bytearray()
        self._said = asyncio.Event()
        self._microphone: asyncio.Task[None] | None = None
        self._register_event_handler("on_client_connected")
        self._register_event_handler("on_client_disconnected")

    def input(self) -> BaseInputTransport:
        return self._input

    def output(self) -> BaseOutputTransport:
        return self._output

    @property
    def heard_bytes(self) -> int:
        """How much the agent has said."""
        return self._output.heard_bytes

    def told(self, kind: str) -> list[str]:
        """The texts of RTVI's messages of a kind."""
        return [message["data"]["text"] for message in self._output.told if message.get("type") == kind]

    async def pick_up(self) -> None:
        """Once the agent listens: it hears silence, or what is said, for as long as the call lasts."""
        await eventually(lambda: self._input.open)
        self._microphone = asyncio.create_task(self._keep_sending())
        await self._call_event_handler("on_client_connected", self)

    async def hang_up(self) -> None:
        if self._microphone is not None:
            self._microphone.cancel()
        await self._call_event_handler("on_client_disconnected", self)

    async def say(self, pcm: bytes) -> None:
        """Speak (16 kHz), as fast as people do."""
        self._to_say += pcm
        self._said.clear()
        await self._said.wait()

    async def pause(self, ms: int) -> None:
        """Say nothing for a while."""
        await self.say(bytes(32 * ms))

    async def _keep_sending(self) -> None:
        loop = asyncio.get_running_loop()
        start_s, sent, size = loop.time(), 0, 32 * self.packet_ms
        while True:
            await asyncio.sleep(max(0, start_s + sent * self.packet_ms / 1000 - loop.time()))
            packet = bytes(self._to_say[:size]).ljust(size, b"\0")
            del self._to_say[:size]
            if not self._to_say:
                self._said.set()
            await self._input.push_audio_frame(InputAudioRawFrame(packet, 16_000, 1))
            sent += 1


class _LineIn(BaseInputTransport):
    open = False

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)
        self.open = True


class _LineOut(BaseOutputTransport):
    heard_bytes = 0

    def __init__(self, params: TransportParams) -> None:
        super().__init__(params)
        self.told: list[dict[str, Any]] = []

    async def send_message(
        self, frame: OutputTransportMessageFrame | OutputTransportMessageUrgentFrame
    ) -> None:
        self.told.append(frame.message)

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        self.heard_bytes += sum(frame.audio[1::200]) and len(frame.audio)
        await asyncio.sleep(len(frame.audio) / 2 / frame.sample_rate)
        return True


class Rig:
    """A pipeline around processors under test: what goes in, and what came out."""

    def __init__(self, worker: PipelineWorker, down: list[Frame], up: list[Frame]) -> None:
        self._worker = worker
        self.down = down
        self.up = up

    async def send(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        await self._worker.queue_frame(frame, direction)

    def came(self, kind: type[T]) -> list[T]:
        return [frame for frame in self.down if isinstance(frame, kind)]

    async def until(self, kind: type[T], count: int = 1) -> T:
        """The newest frame of a kind that came out below, once there are `count` of them."""
        await eventually(lambda: len(self.came(kind)) >= count)
        return self.came(kind)[-1]


class _Catch(FrameProcessor):
    def __init__(self, frames: list[Frame], direction: FrameDirection) -> None:
        super().__init__(enable_direct_mode=True)
        self._frames = frames
        self._direction = direction

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if direction is self._direction:
            self._frames.append(frame)
        await self.push_frame(frame, direction)


@asynccontextmanager
async def rigged(*processors: FrameProcessor, **options: Any) -> AsyncGenerator[Rig, None]:
    """Run processors in a pipeline until the block ends."""
    down: list[Frame] = []
    up: list[Frame] = []
    ends = _Catch(up, FrameDirection.UPSTREAM), _Catch(down, FrameDirection.DOWNSTREAM)
    params = PipelineParams(enable_metrics=True, enable_usage_metrics=True)
    worker = PipelineWorker(
        Pipeline([ends[0], *processors, ends[1]]), params=params, cancel_on_idle_timeout=False, **options
    )
    started = asyncio.Event()
    worker.add_event_handler("on_pipeline_started", _setter(started))
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    async with asyncio.timeout(PATIENCE_S):
        await started.wait()
    try:
        yield Rig(worker, down, up)
    finally:
        await worker.queue_frame(EndFrame())
        async with asyncio.timeout(PATIENCE_S):
            await running


def _setter(event: asyncio.Event) -> Callable[..., Awaitable[None]]:
    async def handle(*_: object) -> None:
        event.set()

    return handle


@asynccontextmanager
async def running(*stand_ins: WebSocketStandIn | LlmStandIn) -> AsyncGenerator[None, None]:
    """Start servers, and stop them in the end."""
    for stand_in in stand_ins:
        await stand_in.start()
    try:
        yield
    finally:
        for stand_in in stand_ins:
            await stand_in.stop()


def agent_settings(**given: Any) -> AgentSettings:
    """Settings that no .env file has a say in."""
    options: dict[str, Any] = {"_env_file": None, **given}
    return AgentSettings(**options)


def settings_for(*stand_ins: WebSocketStandIn | LlmStandIn, **others: Any) -> AgentSettings:
    """Settings of an agent that talks to these; a server that is not given is not there."""
    urls: dict[str, Any] = {
        "asr_url": "ws://127.0.0.1:9/v1/stream",
        "tts_url": "ws://127.0.0.1:9/v1/stream",
        "llm_url": "http://127.0.0.1:9/v1",
        "asr_final_timeout_ms": 20_000,
        "connect_timeout_ms": 20_000,
    }
    names: dict[type[object], str] = {AsrStandIn: "asr_url", TtsStandIn: "tts_url", LlmStandIn: "llm_url"}
    urls |= {names[type(stand_in)]: stand_in.url for stand_in in stand_ins}
    return agent_settings(**{**urls, **others})
