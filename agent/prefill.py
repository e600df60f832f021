"""Have the LLM server read the conversation while the caller still adds to it.

Our own server can (POST /v1/prefill): what it has read by the time of the question it need not read then.
Another server says that it knows no such thing, once, and is not asked again.
"""

# Pipecat leaves its **kwargs untyped.
# pyright: reportUnknownMemberType=false

import asyncio
from typing import Any

from httpx import Response
from loguru import logger
from openai import APIStatusError, AsyncOpenAI, OpenAIError
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from agent.llm_service import LlmService

UNKNOWN = (404, 405, 501)
"""What a server answers that has no such route."""


class PrefillServer:
    """The LLM server, for all calls of a process."""

    def __init__(self, client: AsyncOpenAI) -> None:
        self.client = client
        self.can = True
        """Until it says that it cannot."""

    async def prefill(self, body: dict[str, Any]) -> None:
        """Ask once. What goes wrong does no harm: the question comes later, whole. Cancelling stops it."""
        try:
            await self.client.post("/prefill", cast_to=Response, body=body, options={"max_retries": 0})
        except APIStatusError as error:
            logger.debug("the LLM server does not prefill: {}", error)
            if error.status_code in UNKNOWN:
                self.can = False
        except OpenAIError as error:
            logger.debug("no prefill: {}", error)


class Prefill(FrameProcessor):
    """One call's: from the first sound on, and again whenever there are more words; one request at a time."""

    def __init__(self, server: PrefillServer, llm: LlmService, context: LLMContext) -> None:
        super().__init__(enable_direct_mode=True)
        self._server = server
        self._llm = llm
        self._context = context
        self._wanted: str | None = None
        self._asked = ""
        self._asking: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Watch what the caller says go by."""
        await super().process_frame(frame, direction)
        match frame:
            case VADUserStartedSpeakingFrame():
                self._want("")
            case InterimTranscriptionFrame() if frame.text.rpartition(" ")[0] != self._asked:
                self._want(frame.text)
            case VADUserStoppedSpeakingFrame():
                self._wanted = None
            case _:
                pass
        await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """End what is under way."""
        if self._asking is not None:
            await self.cancel_task(self._asking)
        await super().cleanup()

    def _want(self, text: str) -> None:
        """Of several texts that have to wait, the newest is asked for."""
        if not self._server.can:
            return
        self._wanted = text
        if self._asking is None or self._asking.done():
            self._asking = self.create_task(self._ask())

    async def _ask(self) -> None:
        while self._wanted is not None:
            text, self._wanted = self._wanted, None
            # The last word may still grow; the server leaves it out.
            self._asked = text.rpartition(" ")[0]
            await self._server.prefill(await self._llm.prompt(self._context, text))
