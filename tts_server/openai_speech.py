"""OpenAI's speech endpoint, as its clients call it, and a list of the voices.

    POST /v1/audio/speech   {"model", "input", "voice", "response_format": "wav" | "pcm", "speed"}
    GET  /v1/voices

`wav` is whole, with its length in its header, at the model's own rate; `pcm` is streamed while it is made, at
the 24 kHz that OpenAI's clients take it for. Errors have OpenAI's shape. Source: the API reference of OpenAI,
"Create speech". What differs: the format that is left out is wav, not mp3, and `model` may be anything.
"""

import asyncio
import io
import wave
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Annotated, Literal

from fastapi import Depends, FastAPI
from fastapi.responses import StreamingResponse
from loguru import logger
from pydantic import BaseModel, Field
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from tts_server.admission import check_text, choose_voice
from tts_server.metrics import SpeechMetrics
from tts_server.openai_errors import add_openai_errors, refusal
from tts_server.protocol import SAMPLE_BYTES
from tts_server.scheduler import Scheduler
from tts_server.settings import TtsSettings
from tts_server.spoken_text import segments
from tts_server.synthesizer import Wish
from wire.connection import HungUp
from wire.message import Refused
from wire.service import Service

PCM_HZ = 24_000
FORMATS = "this server gives wav and pcm"


class SpeechRequest(BaseModel):
    """The body of a request. Fields that are not here are ignored, as `instructions` is."""

    model: str
    input: str
    voice: str
    response_format: str = "wav"
    speed: Annotated[float, Field(ge=0.25, le=4.0)] = 1.0
    stream_format: Literal["audio"] = "audio"


class SpeechEndpoint:
    """Speaks one text for each request."""

    def __init__(
        self, service: Service, settings: TtsSettings, scheduler: Scheduler, metrics: SpeechMetrics
    ) -> None:
        self._service = service
        self._settings = settings
        self._scheduler = scheduler
        self._metrics = metrics

    async def speak(self, wanted: SpeechRequest) -> Response:
        """The audio of a text. Raises Refused for what cannot be spoken."""
        check_text(wanted.input, self._settings.max_text_characters)
        voice = choose_voice(self._scheduler.synthesizer, wanted.voice, None)
        wish = Wish(voice.name, pace=wanted.speed)
        match wanted.response_format:
            case "wav":
                return AdmittedResponse(self._service, lambda: self._whole(wanted.input, wish))
            case "pcm":
                return AdmittedResponse(self._service, lambda: self._streamed(wanted.input, wish))
            case other:
                raise Refused("unsupported_format", f"no response_format {other!r}; {FORMATS}")

    async def list_voices(self) -> dict[str, object]:
        """Every voice and its language."""
        voices = self._scheduler.synthesizer.voices.values()
        return {
            "object": "list",
            "data": [{"id": voice.name, "language": voice.language} for voice in voices],
        }

    async def _whole(self, text: str, wish: Wish) -> Response:
        rate_hz = self._scheduler.synthesizer.sample_rate_hz
        pcm = b"".join([chunk async for chunk in self._audio(text, wish, rate_hz)])
        file = io.BytesIO()
        with wave.open(file, "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(SAMPLE_BYTES)
            wav.setframerate(rate_hz)
            wav.writeframes(pcm)
        return Response(file.getvalue(), media_type="audio/wav")

    async def _streamed(self, text: str, wish: Wish) -> Response:
        return AudioStream(self._audio(text, wish, PCM_HZ))

    async def _audio(self, text: str, wish: Wish, rate_hz: int) -> AsyncGenerator[bytes]:
        """The samples as they are made. Closing it drops what is left."""
        speech = self._scheduler.open(object(), wish, rate_hz)
        self._metrics.text_taken(len(text))
        self._scheduler.speak(speech, segments(text))
        speech.finish()
        sent_bytes = 0
        try:
            while (sound := await speech.take()) is not None:
                if not sent_bytes and sound.pcm.size:
                    self._metrics.first_audio(speech.asked_since_s)
                sent_bytes += sound.pcm.nbytes
                yield sound.pcm.tobytes()
        finally:
            self._scheduler.drop(speech)
            audio_s = sent_bytes / SAMPLE_BYTES / rate_hz
            self._metrics.ended("finished" if speech.ended else "cancelled", audio_s)
            logger.info("spoken over HTTP: {:.2f} s of audio", audio_s)


class AdmittedResponse(Response):
    """Holds a caller's place from before it is made until its last byte is sent."""

    def __init__(self, service: Service, make: Callable[[], Awaitable[Response]]) -> None:
        super().__init__()
        self._service = service
        self._make = make

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what is made, or the error that says why there is no place.

        What breaks off after it has begun is cut, so that it does not look complete.
        """
        outgoing = _Outgoing(scope, send, self._service.settings.stall_s)
        try:
            with self._service.admit() as deadline:
                async with deadline:
                    response = await self._make()
                    await response(scope, receive, outgoing.send)
        except HungUp:
            logger.debug("client hung up")
        except TimeoutError:
            stopped = Refused("session_too_long", "the server's limit, or its end, came first", retry=True)
            await self._refuse(stopped, scope, receive, outgoing)
        except Refused as refused:
            await self._refuse(refused, scope, receive, outgoing)

    async def _refuse(self, refused: Refused, scope: Scope, receive: Receive, outgoing: "_Outgoing") -> None:
        self._service.count_refusal(refused.code)
        logger.info("refused: {} ({})", refused.code, refused)
        if outgoing.begun:
            outgoing.abort()
        else:
            await refusal(refused)(scope, receive, outgoing.send)


class _Outgoing:
    """What a client is sent. One that takes nothing for `stall_s` is cut off."""

    def __init__(self, scope: Scope, send: Send, stall_s: float) -> None:
        self.begun = False
        self.abort: Callable[[], None] = scope["state"]["abort"]
        self._send = send
        self._stall_s = stall_s

    async def send(self, message: Message) -> None:
        """Send a part; waits while the client's buffers are full. Raises HungUp where it is cut off."""
        self.begun = True
        try:
            async with asyncio.timeout(self._stall_s):
                await self._send(message)
        except TimeoutError:
            self.abort()
            raise HungUp from None


class AudioStream(StreamingResponse):
    """Audio as it is made. A client that is gone ends it."""

    def __init__(self, audio: AsyncGenerator[bytes]) -> None:
        super().__init__(audio, media_type="audio/pcm")
        self._audio = audio

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, and close what makes it."""
        async with aclosing(self._audio):
            await super().__call__(scope, receive, send)


def add_openai_routes(
    app: FastAPI, service: Service, settings: TtsSettings, scheduler: Scheduler, metrics: SpeechMetrics
) -> None:
    """Add the routes, and errors in OpenAI's shape."""
    endpoint = SpeechEndpoint(service, settings, scheduler, metrics)
    known = [Depends(service.authorize)]
    app.post("/v1/audio/speech", dependencies=known, response_class=Response)(endpoint.speak)
    app.get("/v1/voices", dependencies=known)(endpoint.list_voices)
    add_openai_errors(app)
