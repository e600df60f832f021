"""Pipecat's LLM service for OpenAI's API, as our server (or anybody's) speaks it."""

# Pipecat leaves its **kwargs and event handlers untyped.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Sequence
from typing import Any

from openai import AsyncOpenAI, Timeout
from pipecat.adapters.llm.services.open_ai_adapter import OpenAILLMInvocationParams
from pipecat.frames.frames import FunctionCallFromLLM
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.nvidia.llm import NvidiaLLMService

from agent.settings import AgentSettings
from agent.trace import Trace


def llm_client(settings: AgentSettings) -> AsyncOpenAI:
    """OpenAI's client, for all calls of a process.

    One, since making one takes 0.1 s (it reads every certificate the machine trusts), in which no other
    call would be heard. It is less patient than by itself (10 minutes): somebody is on the line. Its two
    retries stay: they carry a call over a server that is being restarted, within 2 s.
    """
    return AsyncOpenAI(
        base_url=str(settings.llm_url),
        api_key=settings.llm_token.get_secret_value() or "none",
        timeout=Timeout(settings.llm_timeout_ms / 1000, connect=settings.connect_timeout_ms / 1000),
    )


class LlmService(NvidiaLLMService):
    """One call's mind. NVIDIA's service keeps the model's thinking from being spoken."""

    supports_developer_role = False  # templates of open models know system, user, assistant and tool
    _answered = False

    def __init__(self, settings: AgentSettings, trace: Trace, client: AsyncOpenAI) -> None:
        self._trace = trace
        self._shared_client = client
        store = NvidiaLLMService.Settings(
            model=settings.llm_model,
            system_instruction=settings.system_prompt,
            max_tokens=settings.llm_max_tokens,
            extra={"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}},
        )
        if settings.llm_temperature is not None:
            store.temperature = settings.llm_temperature
        super().__init__(
            name="LLM",
            base_url=str(settings.llm_url),
            settings=store,
            function_call_timeout_secs=settings.tool_timeout_ms / 1000,
        )

    def create_client(self, *args: Any, **kwargs: Any) -> AsyncOpenAI:
        """The client of the process, in place of one of this call's own."""
        return self._shared_client

    def build_chat_completion_params(self, params_from_context: OpenAILLMInvocationParams) -> dict[str, Any]:
        """Each request says which call it belongs to."""
        params = super().build_chat_completion_params(params_from_context)
        return {**params, "extra_headers": {"traceparent": self._trace.parent()}}

    async def run_function_calls(self, function_calls: Sequence[FunctionCallFromLLM]) -> None:
        """Run what the model called; arguments that are not JSON leave nothing to run, which is no answer."""
        self._answered |= bool(function_calls)
        await super().run_function_calls(function_calls)

    async def _push_llm_text(self, text: str) -> None:
        self._answered |= bool(text.strip())
        await super()._push_llm_text(text)

    async def _process_context(self, context: LLMContext) -> None:
        """Ask the model. An answer without a word or a call is an error: somebody waits to hear one."""
        self._answered = False
        await super()._process_context(context)
        if not self._answered:
            await self.push_error("the model answered with neither words nor a call that can be made")
