"""A call as the served model sees it, by its own chat template, and what of it is learnt.

    <|system|>You are ...<|user|>what time is it
    <|assistant|><tool_call><function=get_time></function></tool_call><|end|>
    <|tool|>{"time": "4:05 PM"}<|assistant|>It is 4:05 PM.<|end|>

The template travels in the exported GGUF's metadata. A tool call looks to `llm` as one of Nemotron 3 Nano's.
"""

import functools
import json
import re
from pathlib import Path
from typing import NamedTuple

from jinja2.sandbox import ImmutableSandboxedEnvironment

from llm.demo.corpus.call import Json, Message
from llm.demo.corpus.dialogues import PROMPT, Dialogue

TEMPLATE = (Path(__file__).parent / "template.jinja").read_text(encoding="utf-8")
USER, ASSISTANT, TOOL, END = "<|user|>", "<|assistant|>", "<|tool|>", "<|end|>"
_GENERATED = re.compile(rf"(?<={re.escape(ASSISTANT)}).*?{re.escape(END)}", re.DOTALL)


class Piece(NamedTuple):
    """A run of rendered text; `learnt` where the model writes it."""

    text: str
    learnt: bool


class Renderer:
    """Renders requests."""

    def __init__(self, template: str = TEMPLATE) -> None:
        self._template = ImmutableSandboxedEnvironment().from_string(template)
        self._text = template

    def __reduce__(self) -> tuple[type["Renderer"], tuple[str]]:
        """A compiled template cannot be sent to another process; its text can."""
        return Renderer, (self._text,)

    def render(self, messages: list[Message], generate: bool = False) -> str:
        """The prompt of a request; with `generate`, up to where the model goes on."""
        return self._template.render(messages=messages, add_generation_prompt=generate)

    @functools.cached_property
    def served_prefix(self) -> str:
        """What every request of the embedded profile begins with: the system prompt."""
        return self.render([SYSTEM])

    def pieces(self, call: Dialogue) -> list[Piece]:
        """The call after its prefix."""
        text = self.render(call.messages)
        answers = [m for m, message in enumerate(call.messages) if message["role"] == "assistant"]
        pieces: list[Piece] = []
        end = 0
        for found, index in zip(_GENERATED.finditer(text), answers, strict=True):
            pieces.append(Piece(text[end : found.start()], False))
            pieces.append(Piece(found[0], index not in call.unscored))
            end = found.end()
        return [*pieces, Piece(text[end:], False)]


SYSTEM: Message = {"role": "system", "content": PROMPT["system"]}


def tool_call(name: str, arguments: Json) -> str:
    """What the model writes to call a tool."""
    written = "".join(f"<parameter={key}>{value}</parameter>" for key, value in arguments.items())
    return f"<tool_call><function={name}>{written}</function></tool_call>"


def answer(message: Message) -> str:
    """What the model should write for this message of the assistant's, without the end mark."""
    if "content" in message:
        return message["content"]
    called = message["tool_calls"][0]["function"]
    arguments = called["arguments"]
    return tool_call(called["name"], json.loads(arguments) if isinstance(arguments, str) else arguments)
