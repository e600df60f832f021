"""What the llm server answers, in OpenAI's shapes.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from typing import Any, Literal

from pydantic import BaseModel, SerializerFunctionWrapHandler, model_serializer

FinishReason = Literal["stop", "length", "tool_calls"]


class Sparse(BaseModel):
    """Fields that are None are left out."""

    @model_serializer(mode="wrap")
    def _without_none(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}


class CalledName(BaseModel):
    """Which function, and its arguments as a string of JSON."""

    name: str
    arguments: str


class ToolCall(Sparse):
    """A function to be called; `index` stands only in streams."""

    index: int | None = None
    id: str
    type: Literal["function"] = "function"
    function: CalledName


class Delta(Sparse):
    """What an event adds to the answer. A tool call comes whole."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None


class ChunkChoice(BaseModel):
    """The one choice of an event."""

    index: int = 0
    delta: Delta
    finish_reason: FinishReason | None = None


class CachedTokens(BaseModel):
    """How much of a prompt was found evaluated."""

    cached_tokens: int


class Usage(BaseModel):
    """What an answer took."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: CachedTokens


class Chunk(BaseModel):
    """One event of a stream. `usage` stands in the event before the last, where it was asked for."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | None = None


class Answer(BaseModel):
    """The message of a completion; `content` is null where the model only called tools."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None

    @model_serializer(mode="wrap")
    def _with_content(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = handler(self).items()
        return {name: value for name, value in fields if value is not None or name == "content"}


class Choice(BaseModel):
    """The one choice of a completion."""

    index: int = 0
    message: Answer
    finish_reason: FinishReason


class Completion(BaseModel):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage


class Prefilled(BaseModel):
    """`cached_tokens` of the prompt's beginning were evaluated before, `evaluated_tokens` are now."""

    evaluated_tokens: int
    cached_tokens: int


class ModelCard(BaseModel):
    """The model that answers."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "voice-agent"


class Models(BaseModel):
    """The list that has one."""

    object: Literal["list"] = "list"
    data: list[ModelCard]
