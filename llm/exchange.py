"""One HTTP exchange: read the request, hold a caller's place, send the reply, notice who left.

body ── parse ── place? ── reply ── last byte
          │         │        │
         400       503    500, or an event that says so: the one place that translates errors
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Generic, TypeVar

from fastapi.responses import JSONResponse, Response
from loguru import logger
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from llm.generator import GeneratorBroken
from llm.protocol import BadRequest, PrefillRequest, parse
from llm.reply import DONE, ErrorDetail, ErrorReply
from wire.connection import HungUp
from wire.message import Refused, trace_ids
from wire.service import Service

R = TypeVar("R", bound=PrefillRequest)
Reply = BaseModel | AsyncGenerator[BaseModel, None]
"""One object, or the events of a stream."""

RETRY_AFTER_S = 1


class Exchange(Response, Generic[R]):
    """Answers one request with what `reply` makes of it.

    The caller's place is held until the last byte is sent. A client that hangs up, or takes nothing
    for `stall_s`, cancels its reply.
    """

    def __init__(
        self, service: Service, request: Request, kind: type[R], reply: Callable[[R], Awaitable[Reply]]
    ) -> None:
        super().__init__()
        self._service = service
        self._request = request
        self._kind = kind
        self._reply = reply
        self._streaming = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the exchange. Nothing but cancellation leaves it."""
        self._asgi_send = send
        trace, turn = trace_ids(self._request.headers.get("traceparent")) or (secrets.token_hex(16), "-")
        with logger.contextualize(call=trace, turn=turn):
            try:
                await self._serve()
            except (HungUp, ClientDisconnect):
                logger.debug("client hung up")
            except Exception as error:
                await self._fail(error)

    async def _serve(self) -> None:
        wanted = parse(self._kind, await self._body())
        with self._service.admit() as deadline:
            try:
                async with deadline:
                    await self._while_connected(self._answer(wanted))
            except TimeoutError:
                if not deadline.expired():
                    raise
                if self._service.draining:
                    raise Refused("not_ready", "the server is stopping", retry=True) from None
                limit_s = self._service.settings.max_session_s
                sentence = f"a request may take {limit_s:g} s"
                raise Refused("session_too_long", sentence, retry=True) from None

    async def _body(self) -> bytes:
        try:
            async with asyncio.timeout(self._service.settings.stall_s):
                return await self._request.body()
        except TimeoutError:
            raise HTTPException(408, "the body did not arrive in time", {"Connection": "close"}) from None

    async def _while_connected(self, work: Awaitable[None]) -> None:
        """Await `work`; raises HungUp, with the work cancelled, when the client leaves first."""
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch())
                await work
                watch.cancel()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _watch(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        raise HungUp

    async def _answer(self, wanted: R) -> None:
        reply = await self._reply(wanted)
        if isinstance(reply, BaseModel):
            await self._send_whole(200, reply)
            return
        async with aclosing(reply) as events:
            async for event in events:
                await self._send_event(event.model_dump_json())
        await self._send_event(DONE)
        await self._send({"type": "http.response.body", "body": b""})

    async def _send_whole(self, status: int, reply: BaseModel, headers: dict[str, str] | None = None) -> None:
        response = JSONResponse(reply.model_dump(), status, headers)
        await self._send({"type": "http.response.start", "status": status, "headers": response.raw_headers})
        await self._send({"type": "http.response.body", "body": response.body})

    async def _send_event(self, data: str) -> None:
        if not self._streaming:
            self._streaming = True
            headers = [
                (b"content-type", b"text/event-stream; charset=utf-8"),
                (b"cache-control", b"no-cache"),
                (b"x-accel-buffering", b"no"),  # a proxy that collects events would be a pause for the caller
            ]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        body = f"data: {data}\n\n".encode()
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def _send(self, message: Message) -> None:
        """Raises HungUp where the client takes nothing for `stall_s`."""
        try:
            async with asyncio.timeout(self._service.settings.stall_s):
                await self._asgi_send(message)
        except TimeoutError:
            # A close would wait behind what the client does not read; only an abort ends this.
            abort: Callable[[], None] | None = self._request.scope.get("state", {}).get("abort")
            if abort:
                abort()
            raise HungUp from None

    async def _fail(self, error: Exception) -> None:
        status, reply, headers = as_reply(error)
        if status == 500:
            logger.opt(exception=error).error("request broke")
        self._service.count_refusal(reply.error.code or reply.error.type)
        logger.info("refused: {} {} {}", status, reply.error.code, reply.error.param or "")
        logger.debug("{}", reply.error.message)  # it may quote the request
        with suppress(HungUp):
            if self._streaming:
                await self._send_event(reply.model_dump_json())
                await self._send({"type": "http.response.body", "body": b""})
            else:
                await self._send_whole(status, reply, headers)
        if isinstance(error, GeneratorBroken):
            self._service.on_broken()


def as_reply(error: Exception) -> tuple[int, ErrorReply, dict[str, str]]:
    """(status, body, headers) of what a client is told about an error."""
    kind, headers = "invalid_request_error", dict[str, str]()
    match error:
        case BadRequest():
            code = error.code or "invalid_value"
            status, detail = 400, ErrorDetail(message=str(error), type=kind, param=error.param, code=code)
        case Refused(retry=True):
            status, headers = 503, {"Retry-After": str(RETRY_AFTER_S)}
            detail = ErrorDetail(message=str(error), type="overloaded_error", code=error.code)
        case Refused():
            status, detail = 400, ErrorDetail(message=str(error), type=kind, code=error.code)
        case HTTPException():
            status, headers = error.status_code, dict(error.headers or {})
            code = {401: "unauthorized", 404: "not_found", 405: "method_not_allowed"}.get(status)
            detail = ErrorDetail(message=str(error.detail), type=kind, code=code)
        case _:
            status, message = 500, "the server failed on this; its log says why"
            detail = ErrorDetail(message=message, type="server_error", code="internal")
    return status, ErrorReply(error=detail), headers
