"""The ASR server: WS /v1/stream, beside what every service has."""

from fastapi import FastAPI, WebSocket

from asr_server.metrics import Metrics
from asr_server.protocol import PATH, parse_client_message
from asr_server.recognizer import Recognizer, S
from asr_server.scheduler import Scheduler
from asr_server.session import Session
from asr_server.settings import AsrSettings
from wire.service import Service


def create_app(settings: AsrSettings, recognizer: Recognizer[S]) -> FastAPI:
    """The server as an ASGI application, which loads and warms the model before /ready says so."""
    scheduler = Scheduler(recognizer)
    service = Service("asr_server", settings, scheduler.load)
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
