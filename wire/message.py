"""What every message is, and how a text frame becomes one or is refused with a sentence.

Unknown message types and another major protocol version are refused; unknown fields are allowed
and counted, so that two services can be updated one at a time.
"""

import re
from collections.abc import Callable, Set
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

Id = Annotated[int, Field(ge=0, le=2**32 - 1)]
Samples = Annotated[int, Field(ge=0, le=2**62)]
Rate = Annotated[int, Field(ge=8_000, le=48_000)]
Traceparent = Annotated[str, Field(max_length=64)]
Version = Annotated[str, Field(pattern=r"^\d{1,4}(\.\d{1,4})?$")]


class Message(BaseModel):
    """One message, one meaning. Types are strict: "5" is not 5."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    @property
    def unknown_fields(self) -> int:
        """How many fields the sender set that this version does not know."""
        return len(self.model_extra or {})

    def json_text(self) -> str:
        """The text frame that carries this message; fields that are None are left out."""
        return self.model_dump_json(exclude_none=True)


class Failed(Message):
    """Something was refused or broke: what (a code, a sentence), and whether trying again may help."""

    type: Literal["failed"] = "failed"
    code: str
    message: str
    retry: bool = False


class Refused(Exception):
    """A client's message cannot be obeyed. Becomes one Failed; `fatal` also closes the connection."""

    def __init__(
        self, code: str, message: str, *, retry: bool = False, fatal: bool = True, **ids: int
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retry = retry
        self.fatal = fatal
        self.ids = ids

    def as_failed(self) -> Failed:
        """The message that tells the client."""
        return Failed.model_validate(
            {"code": self.code, "message": str(self), "retry": self.retry, **self.ids}
        )


class BadRequest(Refused):
    """A request over HTTP that cannot be obeyed as it is; `param` says which part of it.

    The sentence may quote the request, so it is no line for a log.
    """

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(code or "invalid_value", message)
        self.param = param


M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=BaseModel)


def parser(adapter: TypeAdapter[M]) -> Callable[[str], M]:
    """A function that turns a text frame into a message of the adapter's union, or raises Refused."""

    def parse(text: str) -> M:
        try:
            return adapter.validate_json(text)
        except ValidationError as error:
            raise _refusal(error) from None

    return parse


def parse_request(kind: type[R], body: bytes, tags: Set[str] = frozenset()) -> R:
    """A request from its body. Raises BadRequest with the first thing that is wrong.

    `tags` tell the alternatives of a list's items apart; they are no part of where something is.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid" or not (first["loc"] or first["type"] == "value_error"):
            raise BadRequest("the body must be one JSON object") from None
        param = _param(first["loc"], tags)
        sentence = first["msg"].removeprefix("Value error, ")
        raise BadRequest(f"{param or 'request'}: {sentence}", param) from None


def check_version(theirs: str, ours: str) -> None:
    """Raise Refused where the major versions differ."""
    if theirs.split(".")[0] != ours.split(".")[0]:
        raise Refused("protocol_version", f"this server speaks protocol {ours}, not {theirs}")


def trace_ids(traceparent: str | None) -> tuple[str, str] | None:
    """(trace id, parent id) of a W3C traceparent, or None where it is absent or not one.

    Source: https://www.w3.org/TR/trace-context/#traceparent-header, which asks for a wrong one to be ignored.
    """
    found = re.fullmatch(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}", traceparent or "")
    return (found[1], found[2]) if found else None


def _param(location: tuple[int | str, ...], tags: Set[str]) -> str | None:
    """messages[3].content, from where pydantic found it."""
    text = ""
    for part, before in zip(location, ("", *location), strict=False):
        if isinstance(part, int):
            text += f"[{part}]"
        elif not (isinstance(before, int) and part in tags):
            text += f".{part}" if text else part
    return text or None


def _refusal(error: ValidationError) -> Refused:
    """The sentence for the first thing that is wrong."""
    first: dict[str, Any] = dict(error.errors(include_url=False, include_input=False)[0])
    match first["type"]:
        case "json_invalid":
            return Refused("malformed_json", "a text frame must be one JSON object")
        case "union_tag_invalid":
            known = first["ctx"]["expected_tags"]
            return Refused("unknown_message", f"unknown message type; known are {known}")
        case "union_tag_not_found":
            return Refused("unknown_message", "the message has no type")
        case _:
            where = ".".join(str(part) for part in first["loc"])
            return Refused("invalid_message", f"{where or 'message'}: {first['msg']}")
