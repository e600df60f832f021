"""OpenAI's HTTP API as our servers speak it: who is let in, a request and its reply, OpenAI's errors.

token? ── too fast? ── place? ── body ── parse ── reply ── last byte
  401        429         503   408, 413   400     500, or the end of a stream that says so or is cut

What breaks becomes a refusal in `Service.place`; a refusal becomes an answer here.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, FastAPI, Header
from loguru import logger
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from wire.connection import HungUp, TokenBucket
from wire.message import BadRequest, Refused, trace_ids
from wire.service import INTERNAL, Service

STATUS = {
    "unauthorized": 401,
    "body_too_slow": 408,
    "message_too_large": 413,
    "rate_limit_exceeded": 429,
    INTERNAL: 500,
}
"""Of the other refusals, 503 where trying again may help, else 400."""
CODES = {404: "not_found", 405: "method_not_allowed"}
HEADERS = {
    401: {"WWW-Authenticate": "Bearer"},
    408: {"Connection": "close"},
    429: {"Retry-After": "1"},
    503: {"Retry-After": "1"},
}

R = TypeVar("R")


class ErrorDetail(BaseModel):
    """What went wrong, in a sentence and a code; `param` names the part of the request."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorReply(BaseModel):
    """OpenAI's shape of an error."""

    error: ErrorDetail


@dataclass(frozen=True)
class Stream:
    """A reply that is sent while it is made. Leaving it early closes `pieces`."""

    media_type: str
    pieces: AsyncGenerator[bytes, None]
    last_words: Callable[[ErrorReply], bytes] | None = None
    """How the stream tells that it breaks off. One that cannot is cut, so that it does not look complete."""


Reply = BaseModel | Response | Stream


def event_stream(events: AsyncGenerator[BaseModel, None]) -> Stream:
    """Server-sent events, one an object, and OpenAI's `[DONE]` behind them."""

    async def pieces() -> AsyncGenerator[bytes, None]:
        async with aclosing(events):
            async for event in events:
                yield _event(event.model_dump_json())
        yield _event("[DONE]")

    return Stream("text/event-stream; charset=utf-8", pieces(), lambda error: _event(error.model_dump_json()))


class OpenAiApi:
    """The routes of one service. All its callers together send at most `max_messages_per_s` requests."""

    def __init__(self, app: FastAPI, service: Service) -> None:
        self._app = app
        self._service = service
        self._bucket = TokenBucket(service.settings.max_messages_per_s, monotonic())
        app.add_exception_handler(Refused, self._refused)
        app.add_exception_handler(HTTPException, self._failed)

    def get(self, path: str, answer: Callable[[], Awaitable[Any]]) -> None:
        """Add a route that takes no place."""
        self._app.get(path, dependencies=[Depends(self._let_in)])(answer)

    def post(self, path: str, parse: Callable[[bytes], R], reply: Callable[[R], Awaitable[Reply]]) -> None:
        """Add a route. `parse` and `reply` raise Refused for what cannot be done."""

        async def exchange(request: Request) -> Response:
            return Exchange(self._service, request, parse, reply)

        self._app.post(path, dependencies=[Depends(self._let_in)], response_class=Response)(exchange)

    async def _let_in(self, authorization: Annotated[str, Header()] = "") -> None:
        self._service.check_token(authorization)
        if not self._bucket.take(monotonic()):
            sentence = f"more than {self._service.settings.max_messages_per_s:g} requests a second"
            raise Refused("rate_limit_exceeded", sentence, retry=True)

    async def _refused(self, _: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        self._service.report(error)
        return error_answer(error)

    async def _failed(self, _: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        detail = ErrorDetail(
            message=error.detail, type="invalid_request_error", code=CODES.get(error.status_code)
        )
        return JSONResponse(ErrorReply(error=detail).model_dump(), error.status_code, error.headers)


class Exchange(Response, Generic[R]):
    """Answers one request with what `reply` makes of it.

    The caller's place is held from before the body is read until the last byte is sent. A client that
    hangs up, or keeps us waiting for `stall_s`, cancels its reply.
    """

    def __init__(
        self,
        service: Service,
        request: Request,
        parse: Callable[[bytes], R],
        reply: Callable[[R], Awaitable[Reply]],
    ) -> None:
        super().__init__()
        self._service = service
        self._request = request
        self._parse = parse
        self._reply = reply
        self._begun = False
        self._last_words: Callable[[ErrorReply], bytes] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the exchange. Nothing but cancellation leaves it."""
        self._asgi_send = send
        with logger.contextualize(**_log_ids(self._request)):
            try:
                async with self._service.place():
                    wanted = self._parse(await self._body())
                    async with asyncio.TaskGroup() as group:
                        watch = group.create_task(self._watch())
                        await self._send_reply(await self._reply(wanted))
                        watch.cancel()
            except HungUp:
                logger.debug("client hung up")
            except Refused as refused:
                self._service.report(refused)
                with suppress(HungUp):
                    await self._end(refused)

    async def _body(self) -> bytes:
        settings = self._service.settings
        body = bytearray()
        try:
            async with asyncio.timeout(settings.stall_s):
                async for piece in self._request.stream():
                    body += piece
                    if len(body) > settings.max_message_bytes:
                        sentence = (
                            f"a body has more than {settings.max_message_bytes} bytes, which is the limit"
                        )
                        raise Refused("message_too_large", sentence)
        except TimeoutError:
            raise Refused("body_too_slow", f"the body did not come within {settings.stall_s:g} s") from None
        except ClientDisconnect:
            raise HungUp from None
        return bytes(body)

    async def _watch(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        raise HungUp

    async def _send_reply(self, reply: Reply) -> None:
        match reply:
            case BaseModel():
                await self._send_whole(JSONResponse(reply.model_dump()))
            case Response():
                await self._send_whole(reply)
            case Stream():
                await self._send_stream(reply)

    async def _send_whole(self, response: Response) -> None:
        await self._start(response.status_code, response.raw_headers)
        await self._send({"type": "http.response.body", "body": response.body})

    async def _send_stream(self, stream: Stream) -> None:
        headers = [
            (b"content-type", stream.media_type.encode()),
            (b"cache-control", b"no-cache"),
            (b"x-accel-buffering", b"no"),  # a proxy that collects pieces would be a pause for the caller
        ]
        self._last_words = stream.last_words
        async with aclosing(stream.pieces) as pieces:
            async for piece in pieces:
                if not self._begun:
                    await self._start(200, headers)
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        if not self._begun:
            await self._start(200, headers)
        await self._send({"type": "http.response.body", "body": b""})

    async def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self._begun = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def _send(self, message: Message) -> None:
        """Raises HungUp where the client takes nothing for `stall_s`."""
        try:
            async with asyncio.timeout(self._service.settings.stall_s):
                await self._asgi_send(message)
        except TimeoutError:
            # A close would wait behind what the client does not read; only an abort ends this.
            self._request.state.abort()
            raise HungUp from None

    async def _end(self, refused: Refused) -> None:
        if not self._begun:
            await self._send_whole(error_answer(refused))
        elif self._last_words:
            words = self._last_words(_error(refused))
            await self._send({"type": "http.response.body", "body": words})
        else:
            self._request.state.abort()


def error_answer(refused: Refused) -> JSONResponse:
    """The answer for what was refused."""
    status = _status(refused)
    return JSONResponse(_error(refused).model_dump(), status, HEADERS.get(status))


def _error(refused: Refused) -> ErrorReply:
    status = _status(refused)
    kind = "server_error" if status >= 500 else "requests" if status == 429 else "invalid_request_error"
    param = refused.param if isinstance(refused, BadRequest) else None
    return ErrorReply(error=ErrorDetail(message=str(refused), type=kind, param=param, code=refused.code))


def _status(refused: Refused) -> int:
    return STATUS.get(refused.code, 503 if refused.retry else 400)


def _event(data: str) -> bytes:
    return f"data: {data}\n\n".encode()


def _log_ids(request: Request) -> dict[str, str]:
    trace = trace_ids(request.headers.get("traceparent"))
    return {"call": trace[0], "span": trace[1]} if trace else {"call": secrets.token_hex(16)}
