"""One connection: messages in, speeches and their audio out.

receive loop ── Open ─► a Speech and its pump ── take() ─► Words, audio ... AudioEnd
     └───────── Cancel ─► the pump is stopped, then AudioEnd
"""

import asyncio

from loguru import logger

from tts_server.admission import check_text, check_waiting, choose_voice
from tts_server.metrics import SpeechMetrics
from tts_server.protocol import (
    PROTOCOL,
    SAMPLE_BYTES,
    Audio,
    AudioEnd,
    Cancel,
    Finish,
    Open,
    Ready,
    Speak,
    Start,
    Words,
    encode_audio,
)
from tts_server.scheduler import Scheduler
from tts_server.settings import TtsSettings
from tts_server.speech import Speech
from tts_server.speech_audio import Sound
from tts_server.spoken_text import segments
from tts_server.synthesizer import Wish
from wire.connection import Connection
from wire.message import Refused, check_version, trace_ids
from wire.service import Service

FRAME_MS = 200
"""The most audio in one frame: what a Cancel can come too late for."""

ClientMessage = Start | Open | Speak | Finish | Cancel


class OpenSpeech:
    """A speech that has no AudioEnd yet: what makes it, what sends it, and how much is sent."""

    def __init__(self, speech: Speech, rate_hz: int, log_fields: dict[str, str]) -> None:
        self.speech = speech
        self.log_fields = log_fields
        self.frame_bytes = rate_hz * FRAME_MS // 1000 * SAMPLE_BYTES
        self.rate_hz = rate_hz
        self.sent_samples = 0
        self.first_audio_s = 0.0
        self.pump: asyncio.Task[None] | None = None


class Session:
    """Serves one connection until it ends."""

    def __init__(
        self,
        connection: Connection[ClientMessage],
        service: Service,
        settings: TtsSettings,
        scheduler: Scheduler,
        metrics: SpeechMetrics,
    ) -> None:
        self._connection = connection
        self._service = service
        self._settings = settings
        self._scheduler = scheduler
        self._metrics = metrics
        self._open: dict[int, OpenSpeech] = {}

    async def run(self) -> None:
        """Obey the client until it is gone. Cancelling, or any failure, drops its speeches unheard.

        Raises HungUp, or Refused for what must close the connection (in a group, with what else broke).
        """
        start = await self._connection.receive_start(Start)
        with logger.contextualize(call=self._connection.call):
            check_version(start.protocol, PROTOCOL)
            await self._connection.send(self._ready())
            try:
                async with asyncio.TaskGroup() as pumps:
                    while True:
                        await self._obey_next(pumps)
            finally:
                for open_speech in self._open.values():
                    self._scheduler.drop(open_speech.speech)

    def _ready(self) -> Ready:
        synthesizer = self._scheduler.synthesizer
        return Ready(
            model=synthesizer.model,
            voices=tuple(synthesizer.voices),
            sample_rate_hz=synthesizer.sample_rate_hz,
        )

    async def _obey_next(self, pumps: asyncio.TaskGroup) -> None:
        message = await self._connection.receive()
        try:
            await self._obey(message, pumps)
        except Refused as refused:
            if refused.fatal or isinstance(message, bytes | Start):
                raise
            refused.ids["speech_id"] = message.speech_id
            self._service.report(refused)
            await self._connection.send(refused.as_failed())

    async def _obey(self, message: ClientMessage | bytes, pumps: asyncio.TaskGroup) -> None:
        match message:
            case bytes():
                raise Refused("unexpected_audio", "a binary frame; this server takes text and gives audio")
            case Start():
                raise Refused("already_started", "a second start; a connection has one")
            case Open():
                self._open_speech(message, pumps)
            case Speak():
                self._speak(message)
            case Finish():
                self._unfinished(message.speech_id).speech.finish()
            case Cancel():
                await self._cancel(message.speech_id)

    def _open_speech(self, wanted: Open, pumps: asyncio.TaskGroup) -> None:
        speech_id = wanted.speech_id
        if speech_id in self._open:
            raise Refused("already_open", f"speech {speech_id} is open", fatal=False)
        if len(self._open) >= self._settings.max_speeches:
            sentence = f"{len(self._open)} speeches are open; finish or cancel one"
            raise Refused("too_many_speeches", sentence, retry=True, fatal=False)
        synthesizer = self._scheduler.synthesizer
        voice = choose_voice(synthesizer, wanted.voice, wanted.language)
        rate_hz = wanted.sample_rate_hz or synthesizer.sample_rate_hz
        speech = self._scheduler.open(self, Wish(voice.name, wanted.preset), rate_hz)
        trace = trace_ids(wanted.traceparent)
        log_fields = {"speech": str(speech_id)} | ({"call": trace[0]} if trace else {})
        opened = self._open[speech_id] = OpenSpeech(speech, rate_hz, log_fields)
        opened.pump = pumps.create_task(self._pump(speech_id, opened))

    def _speak(self, more: Speak) -> None:
        speech_id = more.speech_id
        opened = self._unfinished(speech_id)
        check_text(more.text, self._settings.max_text_characters)
        waiting_characters = len(more.text) + sum(
            other.speech.waiting_characters for other in self._open.values()
        )
        check_waiting(waiting_characters, self._settings.max_waiting_characters)
        self._metrics.text_taken(len(more.text))
        self._scheduler.speak(opened.speech, segments(more.text))

    async def _cancel(self, speech_id: int) -> None:
        """Stop a speech. Its pump stops before a frame or after one: uvicorn waits before it sends."""
        opened = self._opened(speech_id)
        del self._open[speech_id]
        self._scheduler.drop(opened.speech)
        assert opened.pump is not None
        opened.pump.cancel()
        await asyncio.wait([opened.pump])
        await self._end(speech_id, opened, cancelled=True)

    def _opened(self, speech_id: int) -> OpenSpeech:
        if speech_id not in self._open:
            raise Refused("not_open", f"speech {speech_id} is not open", fatal=False)
        return self._open[speech_id]

    def _unfinished(self, speech_id: int) -> OpenSpeech:
        opened = self._opened(speech_id)
        if opened.speech.finished:
            sentence = f"speech {speech_id} is finished; only a cancel may follow"
            raise Refused("already_finished", sentence, fatal=False)
        return opened

    async def _pump(self, speech_id: int, opened: OpenSpeech) -> None:
        """Send a speech as it is made. Cancelling stops between two frames."""
        while (sound := await opened.speech.take()) is not None:
            await self._send(speech_id, opened, sound)
        del self._open[speech_id]  # before the client may learn of it, and use the id again
        await self._end(speech_id, opened, cancelled=False)

    async def _send(self, speech_id: int, opened: OpenSpeech, sound: Sound) -> None:
        if sound.words:
            await self._connection.send(Words(speech_id=speech_id, words=sound.words))
        pcm = sound.pcm.tobytes()
        for start in range(0, len(pcm), opened.frame_bytes):
            frame = pcm[start : start + opened.frame_bytes]
            await self._connection.send(encode_audio(Audio(speech_id, opened.sent_samples, frame)))
            if not opened.sent_samples:
                opened.first_audio_s = opened.speech.asked_since_s
                self._metrics.first_audio(opened.first_audio_s)
            opened.sent_samples += len(frame) // SAMPLE_BYTES
            await asyncio.sleep(0)  # sending may not wait at all; the receive loop may have a Cancel

    async def _end(self, speech_id: int, opened: OpenSpeech, *, cancelled: bool) -> None:
        end = "cancelled" if cancelled else "finished"
        audio_s = opened.sent_samples / opened.rate_hz
        self._metrics.ended(end, audio_s)
        with logger.contextualize(**opened.log_fields):
            first_ms = opened.first_audio_s * 1000
            logger.info("{}: first audio after {:.1f} ms, {:.2f} s of audio sent", end, first_ms, audio_s)
        await self._connection.send(
            AudioEnd(speech_id=speech_id, samples=opened.sent_samples, cancelled=cancelled)
        )
