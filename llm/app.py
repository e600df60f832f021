"""The server: OpenAI's HTTP API in front of a generator.

POST /v1/chat/completions, POST /v1/prefill, GET /v1/models; and what every server has (wire/service.py).
"""

import time

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from llm.exchange import Exchange, Reply, as_reply
from llm.generator import Generator
from llm.protocol import COMPLETIONS, MODELS, PREFILL, ChatRequest, PrefillRequest
from llm.reply import ModelCard, Models
from llm.session import Completer
from llm.settings import LlmSettings
from wire.service import Service


def create_app(settings: LlmSettings, generator: Generator) -> FastAPI:
    """The application. Whoever made the generator closes it after the application has ended."""
    started_s = int(time.time())
    service = Service("llm", settings, lambda: completer.load())
    completer = Completer(settings, generator, service.registry)
    app = service.app()
    app.add_exception_handler(HTTPException, _tell)

    async def complete(wanted: ChatRequest) -> Reply:
        answering = await completer.begin(wanted)
        if not wanted.stream:
            return await answering.whole()
        options = wanted.stream_options
        return answering.chunks(include_usage=bool(options and options.include_usage))

    @app.post(COMPLETIONS, dependencies=[Depends(service.authorize)])
    async def completions(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        return Exchange(service, request, ChatRequest, complete)

    @app.post(PREFILL, dependencies=[Depends(service.authorize)])
    async def prefill(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        return Exchange(service, request, PrefillRequest, completer.prefill)

    @app.get(MODELS, dependencies=[Depends(service.authorize)])
    async def models() -> Models:  # pyright: ignore[reportUnusedFunction]
        return Models(data=[ModelCard(id=settings.served_name, created=started_s)])

    return app


async def _tell(_: Request, error: Exception) -> Response:
    status, reply, headers = as_reply(error)
    return JSONResponse(reply.model_dump(), status, headers)
