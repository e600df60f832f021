"""The ASR server: WS /v1/stream, beside what every service has."""

from fastapi import FastAPI, WebSocket

from asr_server.metrics import Metrics
from asr_server.protocol import PATH, parse_client_message
from asr_server.recognizer import Recognizer, S
from asr_server.scheduler import Scheduler
from asr_server.session import Session
from asr_server.settings import AsrSettings
from wire.service import CannotLoad, Service


def create_app(settings: AsrSettings, recognizer: Recognizer[S]) -> FastAPI:
    """The server as an ASGI application, which loads and warms the model before /ready says so."""
    scheduler = Scheduler(recognizer)

    async def load() -> None:
        try:
            await scheduler.load()
        except RuntimeError as error:
            models = "ASR_ACOUSTIC_MODEL, ASR_LANGUAGE_MODEL or ASR_DICTIONARY"
            raise CannotLoad(f"{models} will not do: {error}") from error

    service = Service("asr_server", settings, load)
    metrics = Metrics(service.registry, lambda: scheduler.busy_s)
    app = service.app()

    @app.websocket(PATH)
    async def stream(websocket: WebSocket) -> None:  # pyright: ignore[reportUnusedFunction] - a route
        await service.converse(
            websocket,
            parse_client_message,
            lambda connection: Session(connection, service, settings, scheduler, metrics).run(),
        )

    return app
