"""Pipecat's STT service for our asr_server: audio and pauses in, what the caller said out.

See `turns.py` for who decides what, and `asr_server.protocol` for the conversation.
"""

# Pipecat leaves its **kwargs and event handlers untyped.
# pyright: reportUnknownMemberType=false

import asyncio
import time
from collections.abc import AsyncGenerator

from loguru import logger
from pipecat.frames.frames import (
    EagerTranscriptionFrame,
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import WebsocketSTTService
from pipecat.utils.time import time_now_iso8601

from agent.server_link import RETRY_S, Address, ServerLink
from agent.settings import AgentSettings
from agent.trace import Trace
from agent.turn_frames import CommitEarlyFrame, NothingHeardFrame, SpeechGoesOnFrame, TurnConfirmedFrame
from agent.turns import LAST_RESORT_S
from agent.utterance import Utterance
from asr_server.protocol import (
    PROTOCOL,
    SAMPLE_BYTES,
    SAMPLE_RATE_HZ,
    Failed,
    Final,
    Partial,
    Ready,
    Start,
    parse_server_message,
)
from wire.message import Message


class AsrService(ServerLink, WebsocketSTTService):
    """One call's ears.

    Pushes an InterimTranscriptionFrame per Partial, an EagerTranscriptionFrame per Final that may be the
    last, and one TranscriptionFrame (or NothingHeardFrame) per turn, when the turn is confirmed.
    """

    def __init__(self, settings: AgentSettings, trace: Trace) -> None:
        super().__init__(
            name="ASR",
            sample_rate=SAMPLE_RATE_HZ,
            settings=STTSettings(model=None, language=settings.language),
            # Nobody waits for it: every pause is finalised, and ConfirmedTurnStop waits for the Final.
            ttfs_p99_latency=settings.asr_final_timeout_ms / 1000,
            stt_ttfb_timeout=LAST_RESORT_S,
            reconnect_backoff_min_wait=0.1,
            reconnect_backoff_max_wait=RETRY_S,
        )
        self._address = Address(
            "asr_server", str(settings.asr_url), settings.asr_token, settings.connect_timeout_ms / 1000
        )
        self._greeting = Start(
            protocol=PROTOCOL,
            language=settings.language,
            right_context=settings.right_context,
            traceparent=trace.parent(),
        )
        self._utterance = Utterance(
            lead_ms=settings.vad_start_ms + settings.vad_lead_ms,
            silence_ms=settings.vad_stop_ms + settings.vad_hangover_ms,
            min_confidence=settings.asr_min_confidence,
            hangover_ms=settings.vad_hangover_ms,
        )
        self._final_timeout_s = settings.asr_final_timeout_ms / 1000
        self._patience: asyncio.Task[None] | None = None
        self._committed_s = self._heard_s = 0.0
        self._commits_again = False
        self._unsent = bytearray()
        self._packet_bytes = 0

    def can_generate_metrics(self) -> bool:
        """It can."""
        return True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Commit at every pause; hand over what was said when the turn is confirmed."""
        if await self._obeys(frame):
            return
        await super().process_frame(frame, direction)
        match frame:
            case VADUserStartedSpeakingFrame():
                self._commits_again = False
                if begins := self._utterance.speak():
                    await self._send(begins)
            case VADUserStoppedSpeakingFrame():
                await self._pause()
            case UserStoppedSpeakingFrame() if self._utterance.paused:
                # The turn was ended without us. What was said belongs to no later one.
                await self._send(self._utterance.drop())
            case _:
                pass

    async def _obeys(self, frame: Frame) -> bool:
        """Do what the turn detector asks for, if the frame is from it."""
        match frame:
            case TurnConfirmedFrame():
                # Where the caller speaks again already, it was confirmed too late.
                if not self._utterance.speaking:
                    self._utterance.end()
                    await self._hand_over()
            case CommitEarlyFrame():
                await self._commit(frame.silence_ms)
            case SpeechGoesOnFrame():
                await self._stop_waiting()
                self._utterance.speak()
            case _:
                return False
        return True

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Send audio (PCM16, 16 kHz) on, in packets of the length the server likes."""
        if self.connected:
            self._unsent += audio
            if len(self._unsent) >= self._packet_bytes:
                await self._send_audio()
        yield None

    async def cleanup(self) -> None:
        """End what is under way."""
        await self._stop_waiting()
        await super().cleanup()

    def _start_message(self) -> Message:
        return self._greeting

    def _take_first(self, text: str) -> Message:
        message = parse_server_message(text)
        if isinstance(message, Ready):
            self._packet_bytes = SAMPLE_RATE_HZ * message.packet_ms // 1000 * SAMPLE_BYTES
            self._unsent.clear()
            self._utterance.restart()
        return message

    async def _take(self, frame: str | bytes) -> None:
        message = parse_server_message(frame if isinstance(frame, str) else "")
        match message:
            case Partial() if message.text and self._utterance.shows(message):
                await self.push_frame(
                    InterimTranscriptionFrame(message.text, self._user_id, time_now_iso8601())
                )
            case Final() if self._utterance.hear(message):
                self.confirm_finalize()
                self._heard_s = time.time()
                await self._hear()
            case Failed():
                logger.warning("asr_server: {} ({})", message.message, message.code)
                if message.commit_id == self._utterance.commit_id:
                    await (self._commit() if self._commits_again else self._give_up())
            case _:
                pass

    async def _lost(self) -> None:
        await self._give_up()

    async def _pause(self) -> None:
        """One Commit a silence will do, if it brings words: an early one may have come too early for them."""
        if self._utterance.waiting or self._utterance.words:
            self._commits_again = self._utterance.waiting
            # Pipecat has it begin with the speech's end.
            await self.start_ttfb_metrics(start_time=self._committed_s)
        else:
            await self._commit()

    async def _commit(self, silence_ms: float | None = None) -> None:
        self._commits_again = False
        await self._stop_waiting()
        await self._send_audio()
        commit = self._utterance.commit(silence_ms)
        if not self.connected:
            await self._give_up()
            return
        self.request_finalize()
        # Counted from here: the pause before it was the VAD's, and is a part of its own.
        self._committed_s = time.time()
        await self.start_ttfb_metrics(start_time=self._committed_s)
        await self._send(commit)
        self._patience = self.create_task(self._wait_for_final(commit.commit_id))

    async def _send_audio(self) -> None:
        packet = bytes(self._unsent)
        self._unsent.clear()
        if packet:
            self._utterance.sent(packet)
            await self._send(packet)

    async def _hear(self) -> None:
        """Take in the Final of the newest Commit; without words, of an early one, the pause commits again."""
        if self._commits_again and not self._utterance.words:
            await self._commit()
            return
        taken = await self._hand_over()
        if not taken and (words := self._utterance.words):
            await self.push_frame(EagerTranscriptionFrame(words, self._user_id, time_now_iso8601()))

    async def _wait_for_final(self, commit_id: int) -> None:
        await asyncio.sleep(self._final_timeout_s)
        if self._utterance.waiting and self._utterance.commit_id == commit_id:
            logger.warning("asr_server has not answered a Commit for {:g} s", self._final_timeout_s)
            await self._give_up()

    async def _stop_waiting(self) -> None:
        if self._patience is not None:
            patience, self._patience = self._patience, None
            await self.cancel_task(patience)

    async def _give_up(self) -> None:
        """No Final will come: if the turn is over already, it ends without words."""
        self._utterance.lose()
        await self._hand_over()

    async def _hand_over(self) -> bool:
        """Push what was said, if the turn is confirmed and the Final is there; at most once a turn."""
        taken = self._utterance.take()
        if taken is None:
            return False
        await self._send(taken.next)
        if taken.text:
            # Not when the Final came: Pipecat's observer may not have seen the pause that it belongs to.
            await self.stop_ttfb_metrics(end_time=self._heard_s)
            await self.emit_stt_usage_metrics()
            await self.push_frame(TranscriptionFrame(taken.text, self._user_id, time_now_iso8601()))
        else:
            await self.push_frame(NothingHeardFrame(lost=taken.lost))
        return True
