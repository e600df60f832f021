"""Pipecat's LLM service for OpenAI's API, as our server (or anybody's) speaks it.

An answer ahead of the turn's end is Pipecat's speculative one: its SpeculationGate holds back what it says
until the turn ends, and drops it where the turn goes on. Meanwhile the TTS service is sent the text, to
rehearse it; and what cannot be dropped (a tool, an error that is apologised for) waits for the verdict.
"""

# Pipecat leaves its **kwargs and event handlers untyped.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from openai import AsyncOpenAI, AsyncStream, NotGiven, Omit, Timeout
from openai.resources.chat import AsyncCompletions
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pipecat.adapters.llm.services.open_ai_adapter import OpenAILLMInvocationParams
from pipecat.frames.frames import (
    Frame,
    FunctionCallFromLLM,
    LLMContextFrame,
    MetricsFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.nvidia.llm import NvidiaLLMService
from pipecat.turns.speculation_gate import GatedFrame, SpeculationGate, SpeculationState
from pipecat.utils.types import assert_given

from agent.settings import AgentSettings
from agent.speculation import Ahead, AheadTextFrame, Speculation
from agent.trace import Trace

TEMPLATE = {"chat_template_kwargs": {"enable_thinking": False}}
"""Models that can think are not to: somebody is on the line."""


def llm_client(settings: AgentSettings) -> AsyncOpenAI:
    """OpenAI's client, for all calls of a process.

    One, since making one takes 0.1 s (it reads every certificate the machine trusts), in which no other
    call would be heard. It is less patient than by itself (10 minutes): somebody is on the line. Its two
    retries stay: they carry a call over a server that is being restarted, within 2 s. LlmService sees to it
    that they do not repeat the wait for a server that hangs.
    """
    client = AsyncOpenAI(
        base_url=str(settings.llm_url),
        api_key=settings.llm_token.get_secret_value() or "none",
        timeout=Timeout(settings.llm_timeout_ms / 1000, connect=settings.connect_timeout_ms / 1000),
    )
    setattr(client.chat, "completions", Completions(client))  # noqa: B010 - a cached property
    return client


class Completions(AsyncCompletions):
    """OpenAI's, which send a request as it is.

    By itself its client compares every message and tool with its types: 10 ms of a slow core after ten turns,
    with six tools, in which no other call is heard either. In what Pipecat made it finds nothing.
    """

    async def create(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, *, extra_headers: dict[str, str], extra_body: dict[str, Any], **params: Any
    ) -> AsyncStream[ChatCompletionChunk]:
        """A streamed answer. Raises OpenAIError."""
        given = {name: value for name, value in params.items() if not isinstance(value, NotGiven | Omit)}
        return await self._client.post(
            "/chat/completions",
            cast_to=ChatCompletion,
            body={**given, **extra_body},
            options={"headers": extra_headers},
            stream=True,
            stream_cls=AsyncStream[ChatCompletionChunk],
        )


class DiscreetGate(SpeculationGate):
    """Pipecat's gate, which also holds back what an answer ahead has measured, in its place."""

    def process(self, frame: Frame, direction: FrameDirection) -> list[GatedFrame]:
        """As Pipecat's; an AheadTextFrame passes."""
        if isinstance(frame, AheadTextFrame):
            return [(frame, direction)]
        if isinstance(frame, MetricsFrame) and self.state is not SpeculationState.OPEN:
            if self.state is SpeculationState.HOLDING:
                self._buffer.put_nowait((frame, direction))
            return []
        return super().process(frame, direction)


class LlmService(NvidiaLLMService):
    """One call's mind. NVIDIA's service keeps the model's thinking from being spoken."""

    supports_developer_role = False  # templates of open models know system, user, assistant and tool
    _answered = False

    def __init__(
        self,
        settings: AgentSettings,
        trace: Trace,
        client: AsyncOpenAI,
        speculation: Speculation,
        asked: Callable[[], None] = lambda: None,
    ) -> None:
        """`asked` is called when somebody waits for an answer."""
        self._asked = asked
        self._trace = trace
        self._speculation = speculation
        self._ahead: Ahead | None = None
        self._rehearses = settings.answer_ahead
        self._patience_s = settings.llm_timeout_ms / 1000
        self._asking: asyncio.Task[Any] | None = None
        self._settled = asyncio.Event()
        self._shared_client = client
        store = NvidiaLLMService.Settings(
            model=settings.llm_model,
            system_instruction=settings.system_prompt,
            max_tokens=settings.llm_max_tokens,
            extra={"extra_body": TEMPLATE},
        )
        if settings.llm_temperature is not None:
            store.temperature = settings.llm_temperature
        super().__init__(
            name="LLM",
            base_url=str(settings.llm_url),
            settings=store,
            function_call_timeout_secs=settings.tool_timeout_ms / 1000,
        )
        self._speculation_gate = DiscreetGate(name=f"{self}::SpeculationGate")

    @property
    def uses_tools(self) -> bool:
        """Whether a tool is at work, after which there is more to say."""
        calls: Any = self._function_call_tasks
        return bool(calls)

    def create_client(self, *args: Any, **kwargs: Any) -> AsyncOpenAI:
        """The client of the process, in place of one of this call's own."""
        return self._shared_client

    def build_chat_completion_params(self, params_from_context: OpenAILLMInvocationParams) -> dict[str, Any]:
        """Each request says which call it belongs to."""
        params: dict[str, Any] = super().build_chat_completion_params(params_from_context)
        messages = self._with_tools_settled(params["messages"])
        return {**params, "messages": messages, "extra_headers": {"traceparent": self._trace.parent()}}

    def _with_tools_settled(self, messages: Sequence[Any]) -> list[Any]:
        """Pipecat's cancellation of a tool can overtake its beginning, which then stays in the context."""
        calls: Any = self._function_call_tasks
        running = {call.tool_call_id for call in calls.values()}
        return [
            {**message, "content": "CANCELLED"}
            if message["role"] == "tool"
            and message["content"] == "IN_PROGRESS"
            and message["tool_call_id"] not in running
            else message
            for message in messages
        ]

    async def get_chat_completions(self, context: LLMContext) -> AsyncIterator[ChatCompletionChunk]:
        """What the model says. Raises TimeoutError where the next of it does not come in time."""
        deadline_s = asyncio.get_running_loop().time() + self._patience_s
        async with asyncio.timeout_at(deadline_s):
            chunks: Any = await super().get_chat_completions(context)  # an AsyncGenerator
        return self._in_time(chunks, deadline_s)

    async def _in_time(
        self, chunks: AsyncGenerator[ChatCompletionChunk, None], deadline_s: float
    ) -> AsyncGenerator[ChatCompletionChunk, None]:
        """The headers alone are no answer: the first chunk has what time they have left."""
        async with aclosing(chunks):
            while True:
                async with asyncio.timeout_at(deadline_s):
                    chunk = await anext(chunks, None)
                if chunk is None:
                    return
                yield chunk
                deadline_s = asyncio.get_running_loop().time() + self._patience_s

    async def prompt(self, context: LLMContext, text: str) -> dict[str, Any]:
        """What a request will begin with whose caller says `text`, or more: messages, tools, options."""
        said: Any = [{"role": "user", "content": text}] if text else []
        spoken = LLMContext([*context.get_messages(), *said], tools=context.tools)
        asked = await self.get_llm_adapter().get_llm_invocation_params(
            spoken,
            system_instruction=assert_given(self._settings.system_instruction),
            convert_developer_to_user=not self.supports_developer_role,
        )
        tools = asked["tools"]
        return {
            "messages": self._with_tools_settled(asked["messages"]),
            **({"tools": tools} if isinstance(tools, list) else {}),
            **TEMPLATE,
        }

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answer; not what was withdrawn while the question was on its way."""
        if isinstance(frame, LLMContextFrame):
            if frame.speculation and not self._is_wanted(frame.context):
                return
            self._ahead = self._speculation.pending if frame.speculation else None
            self._asking = asyncio.current_task()
            if not frame.speculation:
                self._asked()
        await super().process_frame(frame, direction)
        if isinstance(frame, UserStoppedSpeakingFrame):
            self._settled.set()

    async def run_function_calls(self, function_calls: Sequence[FunctionCallFromLLM]) -> None:
        """Run what the model called; arguments that are not JSON leave nothing to run, which is no answer.

        Not before the turn has ended: what a tool has done cannot be dropped.
        """
        self._answered |= bool(function_calls)
        if self._ahead is not None and self._ahead.ready_s is None:
            self._ahead.ready_s = time.time()
        await self._finish_rehearsal()
        await self._until_settled()
        await super().run_function_calls(function_calls)

    async def push_error(self, error_msg: str, *args: Any, **kwargs: Any) -> None:
        """Report what went wrong; with an answer ahead, once it is one: somebody apologises for it."""
        if asyncio.current_task() is self._asking:
            await self._until_settled()
        await super().push_error(error_msg, *args, **kwargs)

    def _is_wanted(self, context: LLMContext) -> bool:
        message: Any = context.get_messages()[-1]
        return self._speculation.wants(message["content"])

    async def _until_settled(self) -> None:
        """Wait while the answer may be dropped; where it is, this is cancelled with it."""
        while self._speculation_gate.is_speculating:
            self._settled.clear()
            await self._settled.wait()

    async def _push_llm_text(self, text: str) -> None:
        self._answered |= bool(text.strip())
        if self._ahead is not None and self._speculation_gate.is_speculating:
            self._ahead.tokens += 1
            await self._rehearse(self._ahead, text)
        await super()._push_llm_text(text)

    async def _finish_rehearsal(self) -> None:
        if self._ahead is not None and self._speculation_gate.is_speculating:
            await self._rehearse(self._ahead, "", is_last=True)

    async def _rehearse(self, ahead: Ahead, text: str, *, is_last: bool = False) -> None:
        if self._rehearses:
            await self.push_frame(AheadTextFrame(ahead, text, is_last))

    async def _process_context(self, context: LLMContext) -> None:
        """Ask the model. An answer without a word or a call is an error: somebody waits to hear one."""
        self._answered = False
        await super()._process_context(context)
        await self._finish_rehearsal()
        if not self._answered:
            await self.push_error("the model answered with neither words nor a call that can be made")
