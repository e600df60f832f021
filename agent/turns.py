"""When a user turn starts and ends, and what is answered ahead of its end.

It starts when the VAD hears speech. At every pause Smart Turn is asked whether the caller has finished,
while the ASR server finalises what it heard; the turn ends when both have answered:

    VAD: pause ─┬─ Smart Turn: finished ─► TurnConfirmedFrame (to the ASR service) ─┐
                └─ Commit ─► Final ─────────────────────────────────────────────────┴─► TranscriptionFrame, or
                                                              NothingHeardFrame: either one ends the turn
If the caller goes on instead, the ASR service keeps what it has heard: the Final of the next pause holds
the whole sentence. So each TranscriptionFrame is one utterance, and no two of them overlap, which is what
Pipecat's aggregator, which appends them, needs.

The Commit is sent before the VAD calls it a pause, once it has heard no speech for `eager_ms`; and as soon as
a Final is there, the LLM and the TTS begin, held back until the turn ends: the LLM's words by Pipecat's
SpeculationGate, the audio by the TTS service. If the caller goes on, all of it is dropped. turn_end.py has
the rules.

Every turn ends, in words or in listening, within: `smart_turn_stop_ms` of silence (half a second more where
no audio comes to count it by), and `asr_final_timeout_ms` for its text. What sounds like speech, but for
`longest_noise_ms` is no word of, counts as silence.
"""

# Pipecat leaves its **kwargs and event handlers untyped.
# pyright: reportUnknownMemberType=false

import asyncio
import time
from collections.abc import Callable

from loguru import logger
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    EagerEndOfTurnCancelFrame,
    EagerTranscriptionFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    MetricsFrame,
    TranscriptionFrame,
    TTSSpeakFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import TurnMetricsData
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregatorParams
from pipecat.turns.types import ProcessFrameResult, UserTurnSpeculation
from pipecat.turns.user_stop import BaseUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from agent.barge_in import BargeIn
from agent.playback import Playback
from agent.settings import AgentSettings
from agent.smart_turn import Judge, Samples, SmartTurn, TurnAudio
from agent.speculation import Speculation
from agent.turn_end import Act, TurnEnd
from agent.turn_frames import CommitEarlyFrame, NothingHeardFrame, SpeechGoesOnFrame, TurnConfirmedFrame
from agent.vad import WINDOW_MS, Vad

SLACK_MS = 500
"""How much later than by the audio a turn is ended by the clock."""
LAST_RESORT_S = 15.0
"""Longer than Smart Turn takes on a machine that is busy with everything else: 6 s have been seen."""
MEANT_MS = 700
"""Who speaks for so long has said something, though the ASR server heard no words in it."""
LEAD_MS = 500
"""How much of what came before the speech Smart Turn hears, as Pipecat has it."""


class ConfirmedTurnStop(BaseUserTurnStopStrategy):
    """Ends a turn when Smart Turn's verdict and the ASR service's text are both there.

    A turn without words that cut the agent short, or was as long as a sentence, is answered with an apology,
    once in a row; one whose words were lost or not caught, always: so that no caller waits in vain.
    """

    def __init__(
        self,
        settings: AgentSettings,
        judge: Judge,
        silence_ms: Callable[[], float],
        speculation: Speculation,
        ignore_noise: Callable[[], None],
    ) -> None:
        """`silence_ms` tells how long the VAD has heard no speech; `ignore_noise` has it hear none."""
        super().__init__()
        longest_ms = settings.smart_turn_stop_ms
        self._rules = TurnEnd(
            longest_ms,
            # In whole windows, as Pipecat has the VAD's own pause.
            round(settings.early_ms / WINDOW_MS) * WINDOW_MS,
        )
        self._judge = judge
        self._silence_ms = silence_ms
        self._ignore_noise = ignore_noise
        self._longest_noise_ms = settings.longest_noise_ms
        self._read, self._unread_ms = "", 0.0
        self._speculation = speculation
        self._sorry = settings.sorry_not_heard
        self._longest_ms, self._pause_ms = longest_ms, settings.vad_stop_ms
        self._audio = TurnAudio(LEAD_MS + settings.vad_start_ms)
        # For the verdict of this pause, and for its end by the clock.
        self._waits: list[asyncio.Task[None]] = []
        self._confirming = False
        self._owes_answer = True  # the greeting
        self._cut_short = False
        self._speaks, self._spoken_ms = False, 0.0
        self._apologised = False

    async def handle_user_turn_started(self) -> None:
        """A turn begins; it cuts the agent short if an answer was on its way."""
        self._rules.turn_started()
        self._cut_short = self._owes_answer
        self._spoken_ms = self._unread_ms = 0.0

    async def handle_user_turn_stopped(self) -> None:
        """A turn is over, whoever ended it: an answer ahead that it does not confirm is dropped.

        Nothing is awaited before that is done: the next turn may begin meanwhile.
        """
        self._audio.end()
        if self._confirming:
            self._speculation.confirm(time.time())
            self._rules.confirm()
        await self._do(self._rules.turn_stopped())

    async def cleanup(self) -> None:
        """End what is under way."""
        await self._stop_waiting()
        await super().cleanup()

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Follow the caller, the ASR service and the agent's own voice."""
        match frame:
            case EagerTranscriptionFrame() | TranscriptionFrame() | NothingHeardFrame():
                await self._hear(frame)
            case InterimTranscriptionFrame() if frame.text != self._read:
                self._read, self._unread_ms = frame.text, 0.0
            case InputAudioRawFrame():
                await self._do(self._listen(frame))
            case VADUserStartedSpeakingFrame():
                self._speaks = True
                self._speculation.unheard()
                await self._stop_waiting()
                self._audio.begin()
                await self._do(self._rules.speech())
            case VADUserStoppedSpeakingFrame():
                self._speaks = False
                await self._do(self._rules.paused(1000 * frame.stop_secs))
            case EagerEndOfTurnCancelFrame() | InterruptionFrame():  # somebody else's: ours pass by
                self._speculation.withdraw()
                self._rules.forget_ahead()
            case BotStartedSpeakingFrame() | BotStoppedSpeakingFrame():
                self._owes_answer = isinstance(frame, BotStartedSpeakingFrame)
            case _:
                pass
        return ProcessFrameResult.CONTINUE

    def _listen(self, frame: InputAudioRawFrame) -> list[Act]:
        self._audio.push(frame.audio)
        passed_ms = 1000 * frame.num_frames / frame.sample_rate
        if self._speaks:
            self._spoken_ms += passed_ms
            self._watch_noise(passed_ms)
        silence_ms = self._silence_ms()
        before = self._rules.silence(silence_ms)
        if before or not silence_ms:  # who has just begun to speak again is not answered
            return before
        return self._rules.waited(passed_ms)

    def _watch_noise(self, passed_ms: float) -> None:
        """While the VAD hears speech, no other guard ends a turn."""
        self._unread_ms += passed_ms
        if self._rules.in_turn and self._unread_ms >= self._longest_noise_ms:
            logger.info("{} ms of speech without a new word: a noise", round(self._unread_ms))
            self._unread_ms = 0.0
            self._ignore_noise()

    async def _hear(self, frame: EagerTranscriptionFrame | TranscriptionFrame | NothingHeardFrame) -> None:
        """Take in what the ASR service has to say."""
        in_turn = self._rules.in_turn
        answers_turn = self._rules.waiting and in_turn
        match frame:
            case EagerTranscriptionFrame():
                self._speculation.heard(time.time())
                await self._do(self._rules.words(frame.text))
            case TranscriptionFrame():
                if answers_turn:
                    self._owes_answer, self._apologised = True, False
                await self._do(self._rules.text(frame.text))
            case NothingHeardFrame():
                await self._do(self._rules.nothing())
                if answers_turn:
                    await self._apologise(frame.lost)
        if not in_turn and not self._speaks and not isinstance(frame, EagerTranscriptionFrame):
            self._audio.end()  # "mhm", while the agent spoke, is no part of the next turn

    async def _do(self, acts: list[Act]) -> None:
        for act in acts:
            match act:
                case Act.COMMIT_EARLY:
                    await self.broadcast_frame(CommitEarlyFrame, silence_ms=self._silence_ms())
                case Act.GO_ON:
                    self._speculation.unheard()
                    await self.broadcast_frame(SpeechGoesOnFrame)
                case Act.JUDGE:
                    self._ask_smart_turn()
                case Act.SPECULATE:
                    await self._speculate()
                case Act.WITHDRAW:
                    self._speculation.withdraw()
                    await self.trigger_user_turn_speculation_cancelled()
                case Act.ASK:
                    logger.debug("the turn ends: {}", self._rules.reason)
                    await self.broadcast_frame(TurnConfirmedFrame)
                case Act.END:
                    await self._end()

    def _ask_smart_turn(self) -> None:
        pause = self._rules.pause
        self._waits = [
            self.create_task(self._wait_for_verdict(pause, self._audio.samples())),
            self.create_task(self._watch_the_clock(pause)),
        ]

    async def _wait_for_verdict(self, pause: int, audio: Samples) -> None:
        """Where the model fails, patience ends the turn."""
        began_s = time.perf_counter()
        verdict = await self._judge.judge(audio)
        if not self._rules.expects(pause):
            return
        took_ms = 1000 * (time.perf_counter() - began_s)
        metrics = TurnMetricsData(
            processor="SmartTurn",
            is_complete=verdict.complete,
            probability=verdict.probability,
            e2e_processing_time_ms=took_ms,
        )
        await self.push_frame(MetricsFrame(data=[metrics]))
        await self._do(self._rules.verdict(pause, verdict.complete, silent=self._silence_ms() > 0))

    async def _watch_the_clock(self, pause: int) -> None:
        """End the turn where no audio comes: a microphone that is switched off sends no silence to count."""
        await asyncio.sleep(max(0, self._longest_ms - self._pause_ms + SLACK_MS) / 1000)
        await self._do(self._rules.run_out(pause))

    async def _stop_waiting(self) -> None:
        waits, self._waits = self._waits, []
        for task in waits:
            await self.cancel_task(task)

    async def _speculate(self) -> None:
        text = self._rules.ahead
        if text is None:
            return  # speech came in between
        self._speculation.begin(text, time.time())
        await self.trigger_user_turn_inference_triggered(speculation=UserTurnSpeculation(text))

    async def _end(self) -> None:
        """Does nothing where Pipecat hears the caller speak again: the turn then goes on."""
        confirms = self._confirming = self._rules.ahead is not None
        try:
            await self.trigger_user_turn_finalized(confirms_speculation=confirms)
        finally:
            self._confirming = False

    async def _apologise(self, lost: bool) -> None:
        was_meant = self._cut_short or self._spoken_ms >= MEANT_MS
        if lost or (was_meant and not self._apologised):
            self._apologised = True
            await self.push_frame(TTSSpeakFrame(self._sorry, append_to_context=False))


class TurnModels:
    """Silero and Smart Turn, loaded before the first call, so that no call waits for them."""

    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings
        self._smart_turn = SmartTurn()

    async def warm_up(self) -> None:
        """Run Smart Turn once."""
        await self._smart_turn.warm_up()

    def close(self) -> None:
        """Judge no more."""
        self._smart_turn.close()

    async def user_turns(self, playback: Playback, speculation: Speculation) -> LLMUserAggregatorParams:
        """How one call's user turns are found. Loads Silero (a few ms) off the event loop."""
        settings = self._settings
        # Silero remembers what it has heard, so each call has its own.
        vad = await asyncio.to_thread(
            Vad,
            params=VADParams(start_secs=settings.vad_start_ms / 1000, stop_secs=settings.vad_stop_ms / 1000),
        )
        stop = ConfirmedTurnStop(
            settings, self._smart_turn, lambda: vad.silence_ms, speculation, vad.ignore_noise
        )
        return LLMUserAggregatorParams(
            vad_analyzer=vad,
            # Not also by transcripts: a word heard in noise would cut the agent short.
            user_turn_strategies=UserTurnStrategies(
                start=[BargeIn(playback, settings.interrupt_after_ms)], stop=[stop]
            ),
            # ConfirmedTurnStop ends every turn; this is for a mistake in it, and costs the caller's words.
            user_turn_stop_timeout=LAST_RESORT_S,
            user_idle_timeout=settings.caller_silence_ms / 1000,
            empty_user_turn=None,  # ConfirmedTurnStop answers those, without troubling the LLM
        )
