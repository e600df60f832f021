"""A call as the served model sees it: the real model's own chat template, and what of it is learnt.

The template is Nemotron 3 Nano's (its tool calls and its `<think></think>` are what `llm` parses). It is
not in this repository: it comes from the source distribution of llama-cpp-python, and travels in the
exported GGUF's metadata.
"""

import functools
import json
import random
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from jinja2.sandbox import ImmutableSandboxedEnvironment

from llm.demo.corpus.call import Json, Message
from llm.demo.corpus.dialogues import PROMPT, Dialogue

BINDINGS = "llama-cpp-python==0.3.36"
_IN_SDIST = "vendor/llama.cpp/models/templates/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16.jinja"
_GENERATED = re.compile(
    r"(?<=<\|im_start\|>assistant\n<think></think>)(\n(?=<tool_call>))?(.*?<\|im_end\|>)", re.DOTALL
)
_SYSTEM_END = "<|im_end|>\n"


class Piece(NamedTuple):
    """A run of rendered text; `learnt` where the model writes it."""

    text: str
    learnt: bool


def load_template(path: Path | None = None) -> str:
    """The chat template's text: from a .jinja file, an sdist, an unpacked sdist, or (None) by `pip download`.

    Raises FileNotFoundError or KeyError where the path has none, CalledProcessError where pip finds none.
    """
    if path is None:
        with tempfile.TemporaryDirectory() as folder:
            command = [
                "download",
                "--no-deps",
                "--no-binary",
                ":all:",
                "--no-build-isolation",
                BINDINGS,
                "-d",
                folder,
            ]
            subprocess.run([sys.executable, "-m", "pip", *command], check=True)
            return load_template(next(Path(folder).glob("*.tar.gz")))
    if path.is_dir():
        return (path / _IN_SDIST).read_text(encoding="utf-8")
    if path.suffix != ".gz":
        return path.read_text(encoding="utf-8")
    with tarfile.open(path) as sdist:
        member = next(name for name in sdist.getnames() if name.endswith(_IN_SDIST))
        found = sdist.extractfile(member)
        if found is None:
            raise KeyError(member)
        return found.read().decode()


class Renderer:
    """Renders requests with `template`, reasoning off."""

    def __init__(self, template: str) -> None:
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        self._template = environment.from_string(template)
        self._text = template

    def __reduce__(self) -> tuple[type["Renderer"], tuple[str]]:
        """A compiled template cannot be sent to another process; its text can."""
        return Renderer, (self._text,)

    def render(self, messages: list[Message], tools: list[Json] | None, generate: bool = False) -> str:
        """The prompt of a request; with `generate`, up to where the model goes on."""
        variables = {"tools": tools} if tools else {}
        return self._template.render(
            messages=messages, add_generation_prompt=generate, enable_thinking=False, **variables
        )

    @functools.cached_property
    def served_prefix(self) -> str:
        """What every request of the embedded profile begins with: system prompt and tools."""
        return self._prefix([SYSTEM], PROMPT["tools"])

    @functools.cached_property
    def bare_prefix(self) -> str:
        """What a request without system prompt and tools begins with."""
        return self._prefix([], None)

    def _prefix(self, system: list[Message], tools: list[Json] | None) -> str:
        text = self.render([*system, {"role": "user", "content": ""}], tools)
        return text[: text.rindex("<|im_start|>user")]

    def pieces(self, call: Dialogue, rng: random.Random) -> list[Piece]:
        """The call after its prefix.

        A server may keep the tokens that the model generated, or render its own tool calls anew, with a
        line break before `<tool_call>`. Each call is one or the other.
        """
        text = self.render([SYSTEM, *call.messages], PROMPT["tools"])[len(self.served_prefix) :]
        answers = [m for m, message in enumerate(call.messages) if message["role"] == "assistant"]
        kept_tokens = rng.random() < 0.5
        pieces: list[Piece] = []
        end = 0
        for found, index in zip(_GENERATED.finditer(text), answers, strict=True):
            line_break = "" if kept_tokens else found[1] or ""
            pieces.append(Piece(text[end : found.start()] + line_break, False))
            pieces.append(Piece(found[2], index not in call.unscored))
            end = found.end()
        return [*pieces, Piece(text[end:], False)]


SYSTEM: Message = {"role": "system", "content": PROMPT["system"]}


def tool_call(name: str, arguments: Json) -> str:
    """What the model writes to call a tool."""
    lines = "".join(f"<parameter={key}>\n{value}\n</parameter>\n" for key, value in arguments.items())
    return f"<tool_call>\n<function={name}>\n{lines}</function>\n</tool_call>\n"


def answer(message: Message) -> str:
    """What the model should write for this message of the assistant's, without the end mark."""
    if "content" in message:
        return message["content"]
    called = message["tool_calls"][0]["function"]
    arguments = called["arguments"]
    return tool_call(called["name"], json.loads(arguments) if isinstance(arguments, str) else arguments)
