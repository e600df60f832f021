"""What a client may ask of the llm server: OpenAI's chat completions, and a prefill.

    POST /v1/chat/completions   ChatRequest     -> Completion, or with `stream` events of one Chunk each
    POST /v1/prefill            PrefillRequest  -> Prefilled
    GET  /v1/models                             -> Models
    anything that goes wrong                    -> ErrorReply of wire/openai_api.py

What it answers is in llm/reply.py. Fields that this server does not know are ignored. Those it knows
and cannot do are refused: an answer that silently is not what was asked for would be worse.
Source: https://platform.openai.com/docs/api-reference/chat
"""

import json
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)

from wire.message import (
    BadRequest as BadRequest,  # what `parse` raises
    parse_request,
)

COMPLETIONS, PREFILL, MODELS = "/v1/chat/completions", "/v1/prefill", "/v1/models"
ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})


class Asked(BaseModel):
    """Part of a request. Types are strict: "5" is not 5."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


def _joined(content: JsonValue) -> JsonValue:
    """Text parts as one text; other content is left for the validation to refuse."""
    if not isinstance(content, list):
        return content
    texts = [
        text
        for part in content
        if isinstance(part, dict) and part.get("type") == "text" and isinstance(text := part.get("text"), str)
    ]
    if len(texts) != len(content):
        raise ValueError("content must be text, or a list of parts of type text")
    return "".join(texts)


def _parsed(arguments: JsonValue) -> JsonValue:
    """The arguments of a call, which travel as JSON in a string. No text means no arguments."""
    if not isinstance(arguments, str):
        raise ValueError("arguments must be a string that holds a JSON object")
    try:
        parsed: JsonValue = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        raise ValueError("arguments must hold JSON") from None
    if not isinstance(parsed, dict):
        raise ValueError("arguments must hold a JSON object")
    return parsed


def _describes_an_object(schema: dict[str, JsonValue]) -> dict[str, JsonValue]:
    properties = schema.get("properties", {})
    if not isinstance(properties, dict) or not all(isinstance(one, dict) for one in properties.values()):
        raise ValueError("parameters must be the JSON schema of an object")
    return schema


def _is_supported(choice: JsonValue) -> JsonValue:
    if choice not in (None, "none", "auto"):
        raise ValueError("only 'none' and 'auto' are supported: the model decides whether to call a tool")
    return choice


def _is_text(response_format: JsonValue) -> JsonValue:
    if isinstance(response_format, dict) and response_format.get("type") not in (None, "text"):
        raise ValueError("only the response format 'text' is supported")
    return None


def _as_tuple(stop: JsonValue) -> JsonValue | tuple[JsonValue, ...]:
    """One stop string is a tuple of one. Strictly a tuple: what passes here is not JSON any more."""
    return tuple(stop) if isinstance(stop, list) else (stop,) if isinstance(stop, str) else stop


Text = Annotated[str, BeforeValidator(_joined)]
Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]{1,64}$")]
Stops = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=256)], ...], Field(max_length=4)]
Unsupported = Annotated[Literal[False] | None, Field(description="known, and not to be had here")]


class SystemMessage(Asked):
    """What the assistant is told."""

    role: Literal["system", "developer"]
    content: Text


class UserMessage(Asked):
    """What the caller said."""

    role: Literal["user"]
    content: Text


class CalledFunction(Asked):
    """What a call asked for; `arguments` arrives as a string of JSON and is an object from then on."""

    name: Name
    arguments: Annotated[dict[str, JsonValue], BeforeValidator(_parsed)]


class PastCall(Asked):
    """A tool call of an earlier answer."""

    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


class AssistantMessage(Asked):
    """What the assistant said, or which tools it called."""

    role: Literal["assistant"]
    content: Text | None = None
    reasoning_content: str | None = None
    tool_calls: tuple[PastCall, ...] | None = None


class ToolMessage(Asked):
    """What a tool answered."""

    role: Literal["tool"]
    tool_call_id: str
    content: Text


Message = Annotated[SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")]


class Function(Asked):
    """What a tool is called, what it is for, and the JSON schema of its arguments."""

    name: Name
    description: str | None = None
    parameters: Annotated[dict[str, JsonValue], AfterValidator(_describes_an_object)] | None = None


class Tool(Asked):
    """Something that the model may call."""

    type: Literal["function"]
    function: Function


class StreamOptions(Asked):
    """`include_usage`: one more event before the last, with the numbers of tokens."""

    include_usage: bool = False


RESERVED = {"messages", "tools", "add_generation_prompt", "bos_token", "eos_token"}


class PrefillRequest(Asked):
    """Evaluate the beginning that every continuation of these messages shares.

    The last message, where it is the user's, may still grow: its last word is left out.
    """

    messages: Annotated[tuple[Message, ...], Field(min_length=1)]
    tools: tuple[Tool, ...] | None = None
    chat_template_kwargs: dict[str, JsonValue] | None = None

    @model_validator(mode="after")
    def _leaves_the_template_alone(self) -> "PrefillRequest":
        if taken := RESERVED & (self.chat_template_kwargs or {}).keys():
            raise ValueError(f"chat_template_kwargs may not set {', '.join(sorted(taken))}")
        return self


class ChatRequest(PrefillRequest):
    """One answer, please."""

    model: str = ""
    """Any name will do: one server has one model."""
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=-1, le=2**31 - 1)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: Annotated[Stops | None, BeforeValidator(_as_tuple)] = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    tool_choice: Annotated[Any, BeforeValidator(_is_supported)] = None
    parallel_tool_calls: bool | None = None
    response_format: Annotated[Any, BeforeValidator(_is_text)] = None
    logprobs: Unsupported = None

    @property
    def token_limit(self) -> int | None:
        """The newer of the two names wins."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def offered(self) -> tuple[Tool, ...]:
        """The tools that may be called."""
        return () if self.tool_choice == "none" else self.tools or ()


R = TypeVar("R", bound=PrefillRequest)


def parse(kind: type[R], body: bytes) -> R:
    """A request from its body. Raises BadRequest with the first thing that is wrong."""
    return parse_request(kind, body, tags=ROLES)
