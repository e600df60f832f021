"""The server: OpenAI's HTTP API in front of a generator.

POST /v1/chat/completions, POST /v1/prefill, GET /v1/models; and what every server has (wire/service.py).
"""

import time
from functools import partial

from fastapi import FastAPI

from llm.generator import Generator, GeneratorBroken, ModelFailed
from llm.protocol import COMPLETIONS, MODELS, PREFILL, ChatRequest, PrefillRequest, parse
from llm.reply import ModelCard, Models
from llm.session import Completer
from llm.settings import LlmSettings
from wire.openai_api import OpenAiApi, Reply, event_stream
from wire.service import CannotLoad, Service


def create_app(settings: LlmSettings, generator: Generator) -> FastAPI:
    """The application. Whoever made the generator closes it after the application has ended."""
    started_s = int(time.time())

    async def load() -> None:
        try:
            await completer.load()
        except ModelFailed as error:  # its sentence names the setting
            raise CannotLoad(str(error)) from error

    async def complete(wanted: ChatRequest) -> Reply:
        answering = await completer.begin(wanted)
        if not wanted.stream:
            return await answering.whole()
        options = wanted.stream_options
        return event_stream(answering.chunks(include_usage=bool(options and options.include_usage)))

    async def models() -> Models:
        return Models(data=[ModelCard(id=settings.served_name, created=started_s)])

    service = Service("llm", settings, load, fatal=(GeneratorBroken,))
    completer = Completer(settings, generator, service.registry)
    app = service.app()
    api = OpenAiApi(app, service)
    api.post(COMPLETIONS, partial(parse, ChatRequest), complete)
    api.post(PREFILL, partial(parse, PrefillRequest), completer.prefill)
    api.get(MODELS, models)
    return app
