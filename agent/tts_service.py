"""Pipecat's TTS service for our tts_server: sentences in, audio and word times out.

An audio context of Pipecat's (one answer of the agent) is one speech of the server's: opened at its first
sentence, finished when the answer is complete, cancelled when the caller interrupts.

An answer ahead of the turn's end is rehearsed: the server speaks it, and what comes of it stays here. When
the turn ends, the same text comes in Pipecat's frames; then the audio that is there is handed on at once,
and the rest as it comes. When the turn goes on, the speech is cancelled, and nobody has noticed.
"""

# Pipecat leaves its **kwargs and event handlers untyped.
# pyright: reportUnknownMemberType=false

import time
from collections import deque
from collections.abc import AsyncGenerator

from loguru import logger
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import WebsocketTTSService
from pipecat.utils.text.base_text_aggregator import TextType
from pipecat.utils.text.simple_text_aggregator import SimpleTextAggregator

from agent.heard_words import HeardWords
from agent.rehearsal import Performed, Rehearsal
from agent.server_link import RETRY_S, Address, ServerLink
from agent.settings import AgentSettings
from agent.speculation import AheadTextFrame, Speculation
from agent.trace import Trace
from agent.turn_frames import WaitFrame
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

    def __init__(
        self, settings: AgentSettings, trace: Trace, speculation: Speculation, unheard_ms: int = 0
    ) -> None:
        """`unheard_ms` of what was sent are not heard at an interruption."""
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
        self._words: dict[int, HeardWords] = {}
        self._unheard_ms = unheard_ms
        self._speculation = speculation
        self._rehearsal: Rehearsal | None = None
        self._performed = Performed("", deque())
        self._sentences = self._new_aggregator()
        self._broken: set[str] = set()  # at most a few: contexts that have not been heard to their end
        self._owes_words = False

    def can_generate_metrics(self) -> bool:
        """It can."""
        return True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Speak; and rehearse, until it is known whether it will be heard."""
        match frame:
            case AheadTextFrame():
                return await self._rehearse(frame)
            case WaitFrame() if self._speeches:  # what will be heard next is on its way
                return
            case EagerEndOfTurnCancelFrame() | InterruptionFrame():
                self._owes_words = False  # the caller has not waited
                self._broken.update(self._speeches if isinstance(frame, InterruptionFrame) else ())
                await self._drop_rehearsal()
            case _:
                pass
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMFullResponseEndFrame) and self._speculation.pending is None:
            await self._drop_rehearsal()  # an answer that was not this one

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Words, and what follows them, stand between the samples (see `heard_words`), not on a clock."""
        if direction is FrameDirection.DOWNSTREAM:
            frame.pts = None
        await super().push_frame(frame, direction)

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Have a sentence spoken; its audio arrives on its own. Where the server is away, nothing is said."""
        opened = context_id in self._speeches or (self.connected and await self._perform(context_id, text))
        if not self.connected:
            logger.warning("tts_server is away: this answer is not spoken")
            self._owes_words |= self._is_answer(context_id)
            self._broken.add(context_id)
            yield TTSStoppedFrame(context_id=context_id)
            await self.remove_audio_context(context_id)
            return
        if not opened:
            self._speeches[context_id] = speech_id = self._new_id()
            self._contexts[speech_id] = context_id
            await self._open(speech_id)
        if self._performed.context_id == context_id and self._performed.sentences:
            self._performed.sentences.popleft()
        else:
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
        speech_id = self._speeches.get(context_id)
        begun = speech_id is None or self._words[speech_id].begun
        is_missed = not begun and self._is_answer(context_id)
        await self.on_audio_context_interrupted(context_id)
        if is_missed:
            await self._apologise()

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
        if self._rehearsal:
            self._rehearsal.fail()
        self._owes_words |= any(self._is_answer(context_id) for context_id in self._speeches)
        self._broken.update(self._speeches)  # Pipecat ends the audio contexts of a connection that is gone
        self._speeches.clear()
        self._contexts.clear()
        self._words.clear()

    async def _found(self) -> None:
        if self._owes_words:
            await self._apologise()

    async def _apologise(self) -> None:
        self._owes_words = False
        await self.queue_frame(TTSSpeakFrame(self._options.sorry_no_voice, append_to_context=False))

    def _is_answer(self, context_id: str) -> bool:
        """Whether somebody waits for it: not for a timer's words, an apology, or what was interrupted."""
        context = self._tts_contexts.get(context_id)
        return context is not None and context.append_to_context and context_id not in self._broken

    def _new_aggregator(self) -> SimpleTextAggregator:
        """One that cuts as Pipecat's own does."""
        return SimpleTextAggregator(
            aggregation_type=TextType.SENTENCE, language=self.text_aggregation_language
        )

    async def _rehearse(self, frame: AheadTextFrame) -> None:
        """Have the text of an answer ahead spoken, sentence by sentence."""
        if frame.ahead is not self._speculation.pending or not self.connected:
            return
        if self._rehearsal is None or self._rehearsal.ahead is not frame.ahead:
            self._sentences = self._new_aggregator()
            await self._drop_rehearsal(Rehearsal(frame.ahead))
        rehearsal = self._rehearsal or Rehearsal(frame.ahead)
        async for sentence in self._sentences.aggregate(frame.text):
            rehearsal = await self._rehearse_sentence(rehearsal, sentence.text)
        if frame.is_last and (rest := await self._sentences.flush()):
            await self._rehearse_sentence(rehearsal, rest.text)
        elif rehearsal.guess(self._sentences.text.text):
            await self._speak_ahead(rehearsal, self._sentences.text.text)

    async def _rehearse_sentence(self, rehearsal: Rehearsal, sentence: str) -> Rehearsal:
        """Have it spoken, if it was not guessed; a wrong guess begins the rehearsal anew."""
        guessed, rehearsal.guessed = rehearsal.guessed, None
        if guessed == sentence:
            return rehearsal
        if guessed is not None and rehearsal is self._rehearsal:
            rehearsal.ahead.ready_s = None
            rehearsal = Rehearsal(rehearsal.ahead)
            await self._drop_rehearsal(rehearsal)
        await self._speak_ahead(rehearsal, sentence)
        return rehearsal

    async def _speak_ahead(self, rehearsal: Rehearsal, sentence: str) -> None:
        trimmed = self._trim_text(sentence)
        text = trimmed and await self._transform_text(trimmed, TextType.SENTENCE)
        # It may have been dropped while this waited for something.
        if not text or rehearsal is not self._rehearsal or not rehearsal.say(text):
            return
        if rehearsal.speech_id is None:
            rehearsal.spoke_s = time.time()
            rehearsal.speech_id = self._new_id()
            await self._open(rehearsal.speech_id)
        await self._send(Speak(speech_id=rehearsal.speech_id, text=text))

    async def _perform(self, context_id: str, text: str) -> bool:
        """Hand on what was rehearsed, if this is how it begins, and as long as it does not fail."""
        rehearsal = self._rehearsal
        if rehearsal is None or rehearsal.speech_id is None or rehearsal.sentences[0] != text:
            return False
        self._speeches[context_id] = speech_id = rehearsal.speech_id
        await self.start_ttfb_metrics(start_time=rehearsal.spoke_s)
        if rehearsal.ahead.ready_s is not None:
            await self.stop_ttfb_metrics(end_time=rehearsal.ahead.ready_s)
        while rehearsal.kept:  # what comes meanwhile is put behind it
            await self._hand_on(context_id, rehearsal.kept.popleft())
        if speech_id not in self._words:  # meanwhile it has failed, or was dropped
            self._speeches.pop(context_id, None)
            return False
        self._contexts[speech_id] = context_id
        self._performed, self._rehearsal = Performed(context_id, rehearsal.sentences), None
        return True

    async def _drop_rehearsal(self, following: Rehearsal | None = None) -> None:
        rehearsal, self._rehearsal = self._rehearsal, following
        if rehearsal is not None and rehearsal.speech_id is not None:
            self._words.pop(rehearsal.speech_id, None)
            await self._send(Cancel(speech_id=rehearsal.speech_id))

    def _new_id(self) -> int:
        self._last_id += 1
        self._words[self._last_id] = HeardWords(self._options.audio_out_hz, self._unheard_ms)
        return self._last_id

    async def _open(self, speech_id: int) -> None:
        await self._send(
            Open(
                speech_id=speech_id,
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
            self._contexts.pop(speech_id, None)  # not there while a rehearsal is being handed on
            self._words.pop(speech_id, None)
        return speech_id

    async def _take(self, frame: str | bytes) -> None:
        message = decode_audio(frame) if isinstance(frame, bytes) else parse_server_message(frame)
        match message:
            case Audio() | Words() if message.speech_id in self._contexts:
                await self._hand_on(self._contexts[message.speech_id], message)
            case Audio() | Words() if self._rehearsal and message.speech_id == self._rehearsal.speech_id:
                self._rehearsal.keep(message, time.time())
            case AudioEnd(speech_id=speech_id) if speech_id in self._contexts:
                await self._end(speech_id)
            case Failed() as failed:
                await self._fail(failed)
            case _:
                pass

    async def _hand_on(self, context_id: str, piece: Audio | Words) -> None:
        words = self._words.get(piece.speech_id)
        if words is None:
            return  # interrupted while a rehearsal was being handed on
        if isinstance(piece, Words):
            words.push_words(piece.words)
            return
        if not self.audio_context_available(context_id):
            return
        for part in words.push_audio(piece.pcm):
            if isinstance(part, bytes):
                pcm = TTSAudioRawFrame(part, self.sample_rate, 1, context_id=context_id)
                await self.append_to_audio_context(context_id, pcm)
            else:
                await self.add_word_timestamps([(part[0], part[1] / self.sample_rate)], context_id)

    async def _end(self, speech_id: int, *, failed: bool = False) -> None:
        context_id, words = self._contexts[speech_id], self._words[speech_id]
        is_missed = (failed or not words.begun) and self._is_answer(context_id)
        if failed:
            self._broken.add(context_id)
        self._forget(context_id)
        for word, sample in words.flush():
            await self.add_word_timestamps([(word, sample / self.sample_rate)], context_id)
        if self.audio_context_available(context_id):
            await self.append_to_audio_context(context_id, TTSStoppedFrame(context_id=context_id))
            await self.remove_audio_context(context_id)
        if is_missed:
            await self._apologise()

    async def _fail(self, failed: Failed) -> None:
        speech_id = failed.speech_id
        if speech_id is None:
            await self.push_error(f"tts_server: {failed.message} ({failed.code})")
        elif speech_id in self._contexts:
            await self.push_error(f"tts_server: {failed.message} ({failed.code})")
            await self._end(speech_id, failed=True)
        elif self._rehearsal and speech_id == self._rehearsal.speech_id:
            logger.warning("tts_server: {} ({}), ahead of the turn's end", failed.message, failed.code)
            del self._words[speech_id]
            self._rehearsal.fail()  # it is tried again when it is to be heard
        # else our Cancel met the speech's end on the way
