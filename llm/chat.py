"""From messages and tools to the text that the model continues.

The template comes with the model and is rendered in a sandbox. Texts that structure a chat (such as
<|im_end|>) are broken up wherever a message or a tool says them: nobody speaks in another's name.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from jinja2 import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import JsonValue

from llm.generator import ChatFormat
from llm.protocol import BadRequest, Message, Tool, UserMessage

Kwargs = Mapping[str, JsonValue]

THINKING = "<think>"
DEFAULTS: Kwargs = {"enable_thinking": False}
"""Thinking aloud takes seconds that a caller does not wait."""


class ChatTemplate:
    """A model's chat template, compiled once."""

    def __init__(self, chat_format: ChatFormat) -> None:
        """Raises ValueError where the template is none."""
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
        )
        environment.filters["tojson"] = _to_json
        functions: dict[str, Any] = {"raise_exception": _refuse, "strftime_now": _now}
        environment.globals.update(functions)
        try:
            self._template = environment.from_string(chat_format.template)
        except TemplateError as error:
            raise ValueError(f"the model's chat template: {error}") from None
        self._ends = {"bos_token": chat_format.bos_token, "eos_token": chat_format.eos_token}
        texts = "|".join(re.escape(text) for text in chat_format.controls)
        self._controls = re.compile(texts or "(?!)")

    def render(
        self, messages: Sequence[Message], tools: Sequence[Tool] = (), kwargs: Kwargs | None = None
    ) -> str:
        """The prompt up to where the assistant's answer begins. Raises BadRequest where that fails."""
        return self._render(messages, tools, kwargs, add_generation_prompt=True)

    def continuations(
        self, messages: Sequence[Message], tools: Sequence[Tool] = (), kwargs: Kwargs | None = None
    ) -> tuple[str, str]:
        """Two ways the chat may go on: what both begin with is sure to stay. Raises BadRequest.

        The user's last message, where it comes last, may be one that is still being spoken.
        """
        spoken, last = "", messages[-1]
        if isinstance(last, UserMessage):
            messages = messages[:-1]
            whole_words = last.content.rpartition(" ")[0]
            spoken = f"{whole_words} " if whole_words else ""
        first, second = (
            self._render(
                [*messages, UserMessage(role="user", content=spoken + word)],
                tools,
                kwargs,
                add_generation_prompt=False,
            )
            for word in ("a", "Z")
        )
        return first, second

    def _render(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        kwargs: Kwargs | None,
        *,
        add_generation_prompt: bool,
    ) -> str:
        described = [self._harmless(tool.model_dump(mode="json", exclude_none=True)) for tool in tools]
        try:
            return self._template.render(
                {
                    **DEFAULTS,
                    **self._ends,
                    **(kwargs or {}),
                    "messages": [self._harmless(_for_template(message)) for message in messages],
                    "tools": described or None,
                    "add_generation_prompt": add_generation_prompt,
                }
            )
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            # What a template does with a value of an unforeseen shape is Python's to say.
            raise BadRequest(f"the model's chat template cannot render this: {error}", "messages") from None

    def _harmless(self, value: JsonValue) -> JsonValue:
        """The value with every text in it broken up where it would structure the chat."""
        if isinstance(value, str):
            return self._quiet(value)
        if isinstance(value, dict):
            return {self._quiet(key): self._harmless(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._harmless(one) for one in value]
        return value

    def _quiet(self, text: str) -> str:
        """A zero-width space after the first character: it reads the same and means nothing."""
        return self._controls.sub(lambda found: f"{found[0][0]}\u200b{found[0][1:]}", text)


def begins_thinking(prompt: str) -> bool:
    """Whether the answer to this prompt begins inside the model's thoughts."""
    return prompt.rstrip().endswith(THINKING)


def _for_template(message: Message) -> dict[str, JsonValue]:
    """A message as templates know it: no role `developer`, no fields that are not there."""
    fields = message.model_dump(mode="json", exclude_none=True)
    return {**fields, "role": "system"} if message.role == "developer" else fields


def _to_json(value: object, indent: int | None = None) -> str:
    """jinja2's own filter escapes for HTML; prompts are trained on plain JSON."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> None:
    """What templates call where messages are in an order that they do not know."""
    raise TemplateError(message)


def _now(style: str) -> str:
    return datetime.now().strftime(style)
