"""OpenAI's speech endpoint, as its clients call it, and a list of the voices.

    POST /v1/audio/speech   {"model", "input", "voice", "response_format": "wav" | "pcm", "speed"}
    GET  /v1/voices

`wav` is whole, with its length in its header, at the model's own rate; `pcm` is streamed while it is made, at
the 24 kHz that OpenAI's clients take it for. Errors have OpenAI's shape. Source: the API reference of OpenAI,
"Create speech". What differs: the format that is left out is wav, not mp3, and `model` may be anything.
"""

import io
import wave
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Annotated, Literal

from fastapi import FastAPI
from loguru import logger
from pydantic import BaseModel, Field
from starlette.responses import Response

from tts_server.admission import check_text, choose_voice
from tts_server.metrics import SpeechMetrics
from tts_server.protocol import SAMPLE_BYTES
from tts_server.scheduler import Scheduler
from tts_server.settings import TtsSettings
from tts_server.spoken_text import segments
from tts_server.synthesizer import Wish
from wire.message import Refused, parse_request
from wire.openai_api import OpenAiApi, Reply, Stream
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

    def __init__(self, settings: TtsSettings, scheduler: Scheduler, metrics: SpeechMetrics) -> None:
        self._settings = settings
        self._scheduler = scheduler
        self._metrics = metrics

    async def speak(self, wanted: SpeechRequest) -> Reply:
        """The audio of a text. Raises Refused for what cannot be spoken."""
        check_text(wanted.input, self._settings.max_text_characters)
        voice = choose_voice(self._scheduler.synthesizer, wanted.voice, None)
        wish = Wish(voice.name, pace=wanted.speed)
        match wanted.response_format:
            case "wav":
                return await self._whole(wanted.input, wish)
            case "pcm":
                return Stream("audio/pcm", self._audio(wanted.input, wish, PCM_HZ))
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
        async with aclosing(self._audio(text, wish, rate_hz)) as audio:
            pcm = b"".join([chunk async for chunk in audio])
        file = io.BytesIO()
        with wave.open(file, "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(SAMPLE_BYTES)
            wav.setframerate(rate_hz)
            wav.writeframes(pcm)
        return Response(file.getvalue(), media_type="audio/wav")

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


def add_openai_routes(
    app: FastAPI, service: Service, settings: TtsSettings, scheduler: Scheduler, metrics: SpeechMetrics
) -> None:
    """Add the routes, and errors in OpenAI's shape."""
    endpoint = SpeechEndpoint(settings, scheduler, metrics)
    api = OpenAiApi(app, service)
    api.post("/v1/audio/speech", partial(parse_request, SpeechRequest), endpoint.speak)
    api.get("/v1/voices", endpoint.list_voices)
