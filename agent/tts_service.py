"""Pipecat's TTS service for our tts_server: sentences in, audio and word times out.

An audio context of Pipecat's (one answer of the agent) is one speech of the server's: opened at its first
sentence, finished when the answer is complete, cancelled when the caller interrupts.
"""

# Pipecat leaves its **kwargs and event handlers untyped.
# pyright: reportUnknownMemberType=false

from collections.abc import AsyncGenerator

from loguru import logger
from pipecat.frames.frames import Frame, TTSAudioRawFrame, TTSStoppedFrame
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import WebsocketTTSService

from agent.server_link import RETRY_S, Address, ServerLink
from agent.settings import AgentSettings
from agent.trace import Trace
from tts_server.protocol import (
    PROTOCOL,
    Audio,
    AudioEnd,
    Cancel,
    Failed,
    Finish,
    Open,
    Speak,
    Start,
    Words,
    decode_audio,
    parse_server_message,
)
from wire.message import Message


class TtsService(ServerLink, WebsocketTTSService):
    """One call's voice. Audio of a speech that was cancelled, or of an earlier connection, is dropped."""

    def __init__(self, settings: AgentSettings, trace: Trace) -> None:
        super().__init__(
            name="TTS",
            sample_rate=settings.audio_out_hz,
            settings=TTSSettings(model=None, voice=settings.voice, language=settings.language),
            push_start_frame=True,
            push_text_frames=False,  # the words come with their times
            stop_frame_timeout_s=settings.tts_timeout_ms / 1000,
            # Silence is a server that is away; it may be back for the next answer.
            max_consecutive_zero_audio_contexts=0,
            reconnect_backoff_min_wait=0.1,
            reconnect_backoff_max_wait=RETRY_S,
        )
        self._address = Address(
            "tts_server", str(settings.tts_url), settings.tts_token, settings.connect_timeout_ms / 1000
        )
        self._options = settings
        self._trace = trace
        self._last_id = 0
        # At most a few: the speeches whose AudioEnd has not come.
        self._speeches: dict[str, int] = {}
        self._contexts: dict[int, str] = {}
        self._broken: set[str] = set()  # at most a few: contexts that have not been heard to their end

    def can_generate_metrics(self) -> bool:
        """It can."""
        return True

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Have a sentence spoken; its audio arrives on its own. Where the server is away, nothing is said."""
        if not self.connected:
            logger.warning("tts_server is away: this answer is not spoken")
            self._broken.add(context_id)
            yield TTSStoppedFrame(context_id=context_id)
            await self.remove_audio_context(context_id)
            return
        if context_id not in self._speeches:
            await self._open(context_id)
        await self._send(Speak(speech_id=self._speeches[context_id], text=text))
        await self.start_tts_usage_metrics(text)
        yield None

    async def flush_audio(self, context_id: str | None = None) -> None:
        """The answer is complete."""
        if context_id in self._speeches:
            await self._send(Finish(speech_id=self._speeches[context_id]))

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        """The caller interrupted: what has not been heard will not be."""
        self._broken.discard(context_id)
        speech_id = self._forget(context_id)
        if speech_id is not None:
            await self._send(Cancel(speech_id=speech_id))

    async def on_audio_context_completed(self, context_id: str) -> None:
        """All of it has been handed on, or nothing came for too long: then the server need not go on."""
        await self.on_audio_context_interrupted(context_id)

    async def _apply_force_complete(self, context_id: str) -> None:
        """Pipecat adds the words that were never timed: right where a speech was spoken to its end.

        What a server that failed has not said, nobody has heard: the LLM must not believe that they have.
        """
        if context_id in self._broken or context_id in self._speeches:
            self._aggregated_frame_sequencer.force_complete(context_id, 0)
        else:
            await super()._apply_force_complete(context_id)

    def _start_message(self) -> Message:
        return Start(protocol=PROTOCOL, traceparent=self._trace.parent())

    def _take_first(self, text: str) -> Message:
        return parse_server_message(text)

    async def _lost(self) -> None:
        # Pipecat ends the audio contexts of a connection that is gone.
        self._broken.update(self._speeches)
        self._speeches.clear()
        self._contexts.clear()

    async def _open(self, context_id: str) -> None:
        self._last_id += 1
        self._speeches[context_id] = self._last_id
        self._contexts[self._last_id] = context_id
        await self._send(
            Open(
                speech_id=self._last_id,
                voice=self._options.voice,
                language=self._options.language,
                preset=self._options.voice_preset,
                sample_rate_hz=self._options.audio_out_hz,
                traceparent=self._trace.parent(),
            )
        )

    def _forget(self, context_id: str) -> int | None:
        """The id of the context's speech, which is over for us; None where it has none (any more)."""
        speech_id = self._speeches.pop(context_id, None)
        if speech_id is not None:
            del self._contexts[speech_id]
        return speech_id

    async def _take(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            await self._take_audio(decode_audio(frame))
            return
        match parse_server_message(frame):
            case Words(speech_id=speech_id, words=words) if speech_id in self._contexts:
                times = [(word, start_sample / self.sample_rate) for word, start_sample in words]
                await self.add_word_timestamps(times, self._contexts[speech_id])
            case AudioEnd(speech_id=speech_id) if speech_id in self._contexts:
                await self._end(speech_id)
            case Failed() as failed:
                await self._fail(failed)
            case _:
                pass

    async def _take_audio(self, audio: Audio) -> None:
        context_id = self._contexts.get(audio.speech_id)
        if context_id is not None and self.audio_context_available(context_id):
            pcm = TTSAudioRawFrame(audio.pcm, self.sample_rate, 1, context_id=context_id)
            await self.append_to_audio_context(context_id, pcm)

    async def _end(self, speech_id: int) -> None:
        context_id = self._contexts[speech_id]
        self._forget(context_id)
        if self.audio_context_available(context_id):
            await self.append_to_audio_context(context_id, TTSStoppedFrame(context_id=context_id))
            await self.remove_audio_context(context_id)

    async def _fail(self, failed: Failed) -> None:
        if failed.speech_id is not None and failed.speech_id not in self._contexts:
            return  # our Cancel met the speech's end on the way
        await self.push_error(f"tts_server: {failed.message} ({failed.code})")
        if failed.speech_id is not None:
            self._broken.add(self._contexts[failed.speech_id])
            await self._end(failed.speech_id)
