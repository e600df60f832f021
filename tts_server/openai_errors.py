"""Errors of the HTTP routes in the shape that OpenAI's clients read."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from wire.message import Refused

RETRY_AFTER_S = 1


def add_openai_errors(app: FastAPI) -> None:
    """Answer every failure of a route with {"error": {"message", "type", "param", "code"}}."""

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        return refusal(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        message = f"{where}: {first['msg']}" if where else str(first["msg"])
        return error_answer(400, message, "invalid_request", param=where or None)

    @app.exception_handler(HTTPException)
    async def failed(_: Request, error: HTTPException) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        code = {401: "unauthorized", 404: "not_found", 405: "method_not_allowed"}.get(error.status_code)
        answer = error_answer(error.status_code, str(error.detail), code or "invalid_request")
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def broke(_: Request, __: Exception) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        return error_answer(500, "the server failed on this; its log says why", "internal")


def refusal(refused: Refused) -> JSONResponse:
    """The answer for what was refused: 503 where trying again may help, else 400."""
    if not refused.retry:
        return error_answer(400, str(refused), refused.code)
    answer = error_answer(503, str(refused), refused.code)
    answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def error_answer(status: int, message: str, code: str, param: str | None = None) -> JSONResponse:
    """One error."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return JSONResponse(
        {"error": {"message": message, "type": kind, "param": param, "code": code}}, status_code=status
    )
