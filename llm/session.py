"""One request, from its messages to the parts of its answer.

messages ── template ── tokens ── generator ── bytes ── parser ── parts
"""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from loguru import logger
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from llm.answer import AnswerParser, Part, Text, Thought
from llm.chat import ChatTemplate, begins_thinking
from llm.generator import Generation, Generator, Sampling
from llm.protocol import BadRequest, ChatRequest, PrefillRequest, UserMessage
from llm.reply import (
    Answer,
    CachedTokens,
    CalledName,
    Choice,
    Chunk,
    ChunkChoice,
    Completion,
    Delta,
    FinishReason,
    Prefilled,
    ToolCall,
    Usage,
)
from llm.settings import LlmSettings
from llm.tool_call import Call, Schema
from llm.transcript import common_prefix

TTFT_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)


class Meters:
    """What /metrics says of answers."""

    def __init__(self, registry: CollectorRegistry, generator: Generator) -> None:
        self.ttft = Histogram(
            "ttft_seconds", "From request to first token.", buckets=TTFT_BUCKETS_S, registry=registry
        )
        self.tokens = Counter("tokens", "Tokens of prompts and answers.", ["kind"], registry=registry)
        self.dropped_calls = Counter("dropped_tool_calls", "Calls that were none.", registry=registry)
        active = Gauge("answers_active", "Answers being made.", registry=registry)
        active.set_function(lambda: generator.active)
        waiting = Gauge("answers_waiting", "Requests that wait for a sequence.", registry=registry)
        waiting.set_function(lambda: generator.waiting)


class Completer:
    """Makes answers for requests that are valid."""

    def __init__(self, settings: LlmSettings, generator: Generator, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._generator = generator
        self._meters = Meters(registry, generator)

    async def load(self) -> None:
        """Bring the model up and answer once, so that the first caller does not pay for first times."""
        await self._generator.load()
        self._template = ChatTemplate(self._generator.chat_format)
        hello = (UserMessage(role="user", content="Hello."),)
        await self.prefill(PrefillRequest(messages=hello))
        answering = await self.begin(ChatRequest(messages=hello, max_tokens=4))
        await answering.whole()

    async def begin(self, wanted: ChatRequest) -> "Answering":
        """Start an answer. Raises BadRequest where the prompt is impossible, Refused where all is busy."""
        started_s = time.perf_counter()
        kwargs = wanted.chat_template_kwargs
        text = await asyncio.to_thread(self._template.render, wanted.messages, wanted.offered, kwargs)
        prompt = await self._tokenise(text)
        generation = self._generator.generate(prompt, self._sampling(wanted, len(prompt)))
        parser = AnswerParser(_functions(wanted), wanted.stop or (), thinking=begins_thinking(text))
        model = self._settings.served_name
        return Answering(model, generation, parser, len(prompt), self._meters, started_s)

    async def prefill(self, wanted: PrefillRequest) -> Prefilled:
        """Evaluate what every continuation begins with. Cancelling stops it between two pieces."""
        texts = await asyncio.to_thread(
            self._template.continuations, wanted.messages, wanted.tools or (), wanted.chat_template_kwargs
        )
        first, second = [await self._tokenise(text) for text in texts]
        prompt = first[: common_prefix(first, second)]
        if not prompt:
            return Prefilled(evaluated_tokens=0, cached_tokens=0)
        generation = self._generator.generate(prompt, Sampling(max_tokens=0))
        try:
            async for _ in generation:
                pass
        finally:
            generation.cancel()
        cached = generation.cached_tokens
        logger.info("prefill prompt={} cached={}", len(prompt), cached)
        return Prefilled(evaluated_tokens=len(prompt) - cached, cached_tokens=cached)

    async def _tokenise(self, text: str) -> list[int]:
        try:
            tokens = await self._generator.tokenise(text)
        except ValueError as error:
            raise BadRequest(f"the messages are not text: {error}", "messages") from None
        limit = self._generator.context_tokens
        if len(tokens) >= limit:
            sentence = f"the prompt has {len(tokens)} tokens; with an answer, {limit} fit"
            raise BadRequest(sentence, "messages", "context_length_exceeded")
        return tokens

    def _sampling(self, wanted: ChatRequest, prompt_tokens: int) -> Sampling:
        """What was asked for, within what is left of the context; defaults for the rest."""
        room = self._generator.context_tokens - prompt_tokens
        temperature = self._settings.temperature if wanted.temperature is None else wanted.temperature
        return Sampling(
            max_tokens=min(room, wanted.token_limit or self._settings.max_tokens),
            temperature=temperature,
            top_p=1.0 if wanted.top_p is None else wanted.top_p,
            top_k=max(0, wanted.top_k or 0),
            min_p=wanted.min_p or 0.0,
            frequency_penalty=wanted.frequency_penalty or 0.0,
            presence_penalty=wanted.presence_penalty or 0.0,
            seed=wanted.seed,
        )


class Answering:
    """One answer on its way. Read it once: as `chunks`, or `whole`. Leaving either early cancels it."""

    def __init__(
        self,
        model: str,
        generation: Generation,
        parser: AnswerParser,
        prompt_tokens: int,
        meters: Meters,
        started_s: float,
    ) -> None:
        self._head: dict[str, Any] = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": model,
        }
        self._generation = generation
        self._parser = parser
        self._prompt_tokens = prompt_tokens
        self._meters = meters
        self._started_s = self._first_s = started_s
        self._said_tokens = 0
        self._calls = 0

    async def chunks(self, *, include_usage: bool) -> AsyncGenerator[Chunk, None]:
        """The events of a stream."""
        try:
            yield self._chunk(Delta(role="assistant", content=""))
            async with aclosing(self._parts()) as parts:
                async for part in parts:
                    yield self._chunk(self._delta(part))
            yield self._chunk(Delta(), self._finish_reason)
            if include_usage:
                yield Chunk(**self._head, choices=[], usage=self._usage)
        finally:
            self._end()

    async def whole(self) -> Completion:
        """The completion, when it is complete."""
        try:
            parts = [part async for part in self._parts()]
        finally:
            self._end()
        deltas = [self._delta(part) for part in parts if isinstance(part, Call)]
        calls = [
            call.model_copy(update={"index": None}) for delta in deltas for call in delta.tool_calls or ()
        ]
        text = "".join(part.text for part in parts if isinstance(part, Text))
        thoughts = "".join(part.text for part in parts if isinstance(part, Thought))
        message = Answer(
            content=text or (None if calls else ""),
            reasoning_content=thoughts or None,
            tool_calls=calls or None,
        )
        choice = Choice(message=message, finish_reason=self._finish_reason)
        return Completion(**self._head, choices=[choice], usage=self._usage)

    async def _parts(self) -> AsyncGenerator[Part, None]:
        async for piece in self._generation:
            if not self._said_tokens:
                self._first_s = time.perf_counter()
            self._said_tokens += 1
            for part in self._parser.push(piece):
                yield part
            if self._parser.stopped:
                return
        for part in self._parser.flush():
            yield part

    def _chunk(self, delta: Delta, finish_reason: FinishReason | None = None) -> Chunk:
        return Chunk(**self._head, choices=[ChunkChoice(delta=delta, finish_reason=finish_reason)])

    def _delta(self, part: Part) -> Delta:
        match part:
            case Text(text):
                return Delta(content=text)
            case Thought(text):
                return Delta(reasoning_content=text)
            case Call(name, arguments):
                called = CalledName(name=name, arguments=json.dumps(arguments, ensure_ascii=False))
                index, self._calls = self._calls, self._calls + 1
                call_id = f"call_{secrets.token_hex(12)}"
                return Delta(tool_calls=[ToolCall(index=index, id=call_id, function=called)])

    @property
    def _finish_reason(self) -> FinishReason:
        if self._calls:
            return "tool_calls"
        return "stop" if self._parser.stopped else self._generation.finish or "stop"

    @property
    def _usage(self) -> Usage:
        return Usage(
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._said_tokens,
            total_tokens=self._prompt_tokens + self._said_tokens,
            prompt_tokens_details=CachedTokens(cached_tokens=self._generation.cached_tokens),
        )

    def _end(self) -> None:
        """Leave the generator; one line, and the meters. Nothing of what was said."""
        self._generation.cancel()
        cached, said = self._generation.cached_tokens, self._said_tokens
        ended = "stop" if self._parser.stopped else self._generation.finish or "cancelled"
        ttft_s = self._first_s - self._started_s
        rate = (said - 1) / max(1e-6, time.perf_counter() - self._first_s) if said > 1 else 0.0
        logger.info(
            "answer prompt={} cached={} said={} ttft_ms={:.0f} tokens_per_s={:.0f} end={}",
            self._prompt_tokens,
            cached,
            said,
            1000 * ttft_s,
            rate,
            ended,
        )
        if said:
            self._meters.ttft.observe(ttft_s)
        for kind, count in (("prompt", self._prompt_tokens), ("cached", cached), ("said", said)):
            self._meters.tokens.labels(kind).inc(count)
        if dropped := self._parser.dropped_calls:
            logger.warning(
                "the model wrote {} tool calls that are malformed or not offered: dropped", dropped
            )
            self._meters.dropped_calls.inc(dropped)


def _functions(wanted: ChatRequest) -> dict[str, Schema]:
    return {tool.function.name: tool.function.parameters or {} for tool in wanted.offered}
