"""One call, from hello to hanging up: the pipeline, and what starts and ends it."""

# Pipecat leaves its **kwargs and event handlers untyped.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from loguru import logger
from pipecat.evals.transport import EvalTransportParams
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    LLMMessagesAppendFrame,
    LLMRunFrame,
    TTSSpeakFrame,
    UserIdleTimeoutUpdateFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
    UserTurnStoppedMessage,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.types import RunnerArguments, SmallWebRTCRunnerArguments, WebSocketRunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams
from pipecat.utils.errors import ErrorCategory
from pipecat.workers.runner import WorkerRunner

from agent.asr_service import AsrService
from agent.idle import Silence, Step
from agent.jitter import keep_order
from agent.latency import watch_latency
from agent.llm_service import LlmService, llm_client
from agent.playback import Heard, Playback
from agent.prefill import Prefill, PrefillServer
from agent.rtvi import DiscreetRtvi
from agent.settings import AgentSettings
from agent.speculation import Speculation
from agent.tools import Tools
from agent.trace import Trace
from agent.tts_service import TtsService
from agent.turn_frames import WaitFrame
from agent.turns import TurnModels
from agent.waiting import Waiting
from asr_server.protocol import SAMPLE_RATE_HZ

GOODBYE_S = 1.0
"""For the caller to answer the goodbye: "wait, I'm here"."""
MOST_WAITS = 8
"""How often a caller is asked to wait: for 45 s, which is longer than a tool between two answers of the LLM
can take. Then an answer has got lost, and somebody has to say so."""


class Agent:
    """What the calls of a process share: the settings, and models that are loaded once."""

    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings
        self._models = TurnModels(settings)
        self._client = llm_client(settings)
        self._prefill = PrefillServer(self._client)
        self._calls: set[Call] = set()

    async def warm_up(self) -> None:
        """Run what is slow the first time, before anybody calls."""
        await self._models.warm_up()

    async def answer(self, runner_args: RunnerArguments) -> None:
        """Hold one call; returns when it is over. Cancelling hangs up."""
        if isinstance(runner_args, SmallWebRTCRunnerArguments):
            keep_order(runner_args.webrtc_connection, self._settings.jitter_packets)
        buffered = isinstance(runner_args, WebSocketRunnerArguments)
        playback = Playback(self._settings.client_buffer_ms if buffered else 0)
        transport = await create_transport(runner_args, self._transports(playback))
        await self.converse(transport, playback)

    async def converse(self, transport: BaseTransport, playback: Playback) -> None:
        """Hold one call, until the caller hangs up or says nothing for too long (see `idle`).

        `playback` is the transport's output filter.
        """
        speculation = Speculation()
        user_params = await self._models.user_turns(playback, speculation)
        call = Call(self._settings, transport, playback, user_params, self._prefill, speculation)
        with logger.contextualize(call=call.id):
            self._calls.add(call)
            logger.info("call begins")
            try:
                await call.run()
            finally:
                self._calls.discard(call)
                logger.info("call is over")

    async def close(self) -> None:
        """Let go of the connections that calls have shared, and of the models."""
        self._models.close()
        await self._client.close()

    def hang_up(self) -> None:
        """End every call; each `converse` returns soon after."""
        for call in self._calls:
            call.hang_up()

    def _transports(self, playback: Playback) -> dict[str, Callable[[], TransportParams]]:
        """How each transport of Pipecat's is to be used."""
        chunks = self._settings.audio_out_chunk_ms // 10
        audio: dict[str, Any] = {
            "audio_in_enabled": True,
            "audio_out_enabled": True,
            "audio_out_10ms_chunks": chunks,
            "audio_out_filter": playback,
        }
        return {
            "webrtc": lambda: TransportParams(**audio),
            "websocket": lambda: FastAPIWebsocketParams(serializer=ProtobufFrameSerializer(), **audio),
            "eval": lambda: EvalTransportParams(**audio),
        }


class Call:
    """One caller's pipeline, context and tools."""

    def __init__(
        self,
        settings: AgentSettings,
        transport: BaseTransport,
        playback: Playback,
        user_params: LLMUserAggregatorParams,
        llm_server: PrefillServer,
        speculation: Speculation,
    ) -> None:
        trace = Trace()
        self.id = trace.id
        self._settings = settings
        self._over = asyncio.Event()
        self._speaking: set[str] = set()
        self._stirred = asyncio.Event()
        self._tools = Tools(lambda: now(settings), self._speak_up)
        self.context = LLMContext(
            [{"role": "user", "content": settings.greeting_cue}], tools=self._tools.schema()
        )
        self._silence = Silence()
        self._waiting = Waiting(settings.one_moment_ms, settings.still_waiting_ms)
        asr = AsrService(settings, trace)
        self._tts = TtsService(settings, trace, speculation, playback.unheard_ms)
        self._llm = LlmService(settings, trace, llm_server.client, speculation, self._asked)
        prefill = [Prefill(llm_server, self._llm, self.context)] if settings.answer_ahead else []
        user, assistant = LLMContextAggregatorPair(self.context, user_params=user_params)
        self._worker = PipelineWorker(
            Pipeline(
                [
                    transport.input(),
                    asr,
                    *prefill,
                    user,
                    self._llm,
                    self._tts,
                    transport.output(),
                    Heard(playback),
                    assistant,
                ]
            ),
            params=PipelineParams(
                audio_in_sample_rate=SAMPLE_RATE_HZ,
                audio_out_sample_rate=settings.audio_out_hz,
                enable_metrics=True,
                enable_usage_metrics=True,
            ),
            observers=[watch_latency(lambda frame: self._worker.queue_frame(frame), speculation)],
            rtvi_processor=DiscreetRtvi(),
            idle_timeout_secs=None,  # Pipecat's would hang up on who waits five minutes for a timer
        )
        self._listen(transport, user)

    def _listen(self, transport: BaseTransport, user: FrameProcessor) -> None:
        """Hear of what starts, ends and breaks."""
        transport.add_event_handler("on_client_connected", self._greet)
        transport.add_event_handler("on_client_disconnected", self._hang_up)
        user.add_event_handler("on_user_turn_started", self._caller_speaks)
        user.add_event_handler("on_user_turn_stopped", self._caller_has_spoken)
        user.add_event_handler("on_user_turn_idle", self._caller_is_silent)
        self._tts.add_event_handler("on_tts_request", self._agent_will_speak)
        self._worker.set_reached_upstream_filter((BotStartedSpeakingFrame, BotStoppedSpeakingFrame))
        self._worker.add_event_handler("on_frame_reached_upstream", self._agent_speaks)
        self._worker.add_event_handler("on_pipeline_error", self._cope)

    async def run(self) -> None:
        """Returns when the call is over. Cancelling hangs up."""
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(self._worker)
        try:
            async with asyncio.TaskGroup() as tasks:
                helpers = [tasks.create_task(self._end_when_told()), tasks.create_task(self._ask_to_wait())]
                await runner.run()
                for task in helpers:
                    task.cancel()
        finally:
            await self._tools.close()

    def hang_up(self) -> None:
        """End the call; `run` returns soon after."""
        self._over.set()

    async def _greet(self, *_: object) -> None:
        """The agent speaks first, which also warms the LLM, the voice and the connections to them."""
        await self._worker.queue_frame(LLMRunFrame())

    async def _end_when_told(self) -> None:
        await self._over.wait()
        await self._worker.cancel()

    async def _ask_to_wait(self) -> None:
        """Behind the LLM: what is queued before it waits for the same answer."""
        while True:
            told = await self._waiting.too_long()
            logger.info("no answer yet; {} times before, the caller was asked to wait", told)
            if told == MOST_WAITS:
                sorry = TTSSpeakFrame(self._settings.sorry_no_answer, append_to_context=False)
                await self._tts.queue_frame(sorry)
            else:
                line = self._line(told)
                await self._tts.queue_frame(WaitFrame(line, append_to_context=False))

    def _line(self, told: int) -> str:
        """What is said to a caller who was asked to wait so often."""
        others = self._settings.still_waiting
        return others[(told - 1) % len(others)] if told else self._settings.one_moment

    async def _hang_up(self, *_: object) -> None:
        self.hang_up()

    async def _caller_is_silent(self, *_: object) -> None:
        match self._silence.lasts(expected=self._tools.timers > 0):
            case Step.ASK:
                logger.info("the caller has said nothing for {} ms", self._settings.caller_silence_ms)
                await self._say(self._settings.are_you_there)
            case Step.HANG_UP:
                logger.info("the call ends: the caller still says nothing, and hears nothing")
                await self._worker.queue_frame(EndFrame())
            case Step.SAY_GOODBYE:
                await self._say(self._settings.goodbye)
            case Step.WAIT:
                pass
        # Pipecat waits again once the agent has spoken; but there may be no voice.
        await self._worker.queue_frame(UserIdleTimeoutUpdateFrame(self._settings.caller_silence_ms / 1000))

    async def _say(self, text: str) -> None:
        await self._worker.queue_frame(TTSSpeakFrame(text, append_to_context=False))

    async def _caller_speaks(self, *_: object) -> None:
        self._silence.broken()
        self._waiting.end()
        self._note("caller", speaks=True)

    def _asked(self) -> None:
        """Somebody wants an answer, who may have typed."""
        self._silence.broken()
        self._waiting.begin()

    async def _caller_has_spoken(self, _: object, __: object, said: UserTurnStoppedMessage) -> None:
        if said.content:
            self._waiting.begin()  # before it is quiet
        self._note("caller", speaks=False)

    async def _agent_will_speak(self, _: object, __: str, text: str) -> None:
        """Whatever it is, an answer or an apology, it is what the caller waits for."""
        if text not in (self._settings.one_moment, *self._settings.still_waiting):
            self._waiting.comes()

    async def _agent_speaks(self, _: PipelineWorker, frame: Frame) -> None:
        if self._llm.uses_tools:
            self._waiting.begin()  # "let me see" was not the answer
        self._note("agent", speaks=isinstance(frame, BotStartedSpeakingFrame))
        if self._silence.said_goodbye and not self._speaking:
            await asyncio.sleep(GOODBYE_S)
            if self._silence.said_goodbye:
                logger.info("the call ends: the caller still says nothing")
                await self._worker.queue_frame(EndFrame())

    def _note(self, who: str, speaks: bool) -> None:
        if speaks:
            self._waiting.sounds(True)
            self._speaking.add(who)
            self._stirred.set()
            return
        self._speaking.discard(who)
        if not self._speaking:
            self._waiting.sounds(False)

    async def _speak_up(self, text: str) -> None:
        """Say something of our own accord: after the caller's turn, its answer, and what is being said."""
        await self._waiting.quiet()
        # Pipecat would put the words into the context as they are heard; heard late, they would be lost.
        known = LLMMessagesAppendFrame([{"role": "assistant", "content": text}], run_llm=False)
        known.interruptible = False
        await self._worker.queue_frame(known)
        while "agent" not in self._speaking:  # a caller who speaks just then would never hear of their timer
            await self._waiting.quiet()
            self._stirred.clear()
            await self._worker.queue_frame(TTSSpeakFrame(text, append_to_context=False))
            await self._stirred.wait()

    async def _cope(self, _: PipelineWorker, error: ErrorFrame) -> None:
        """An answer that failed is apologised for; a service that is beyond help ends the call."""
        if error.category is ErrorCategory.APPLICATION:
            return  # a tool failed; the LLM has been told, and answers
        if error.processor is self._llm:
            await self._say(self._settings.sorry_no_answer)
        elif error.processor is not None and not error.processor.is_usable:
            logger.error("the call ends: {} is beyond help", error.processor)
            await self._worker.queue_frame(EndFrame())


def now(settings: AgentSettings) -> datetime:
    """The time where the caller is taken to be."""
    return datetime.now(ZoneInfo(settings.time_zone)) if settings.time_zone else datetime.now().astimezone()
