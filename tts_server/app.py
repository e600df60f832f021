"""The TTS server: /v1/stream speaks in pieces, /v1/audio/speech answers OpenAI's clients."""

from fastapi import FastAPI, WebSocket

from tts_server.metrics import SpeechMetrics
from tts_server.openai_speech import add_openai_routes
from tts_server.protocol import PATH, parse_client_message
from tts_server.scheduler import Scheduler
from tts_server.session import Session
from tts_server.settings import TtsSettings
from tts_server.synthesizer import Synthesizer
from wire.service import Service


def create_app(settings: TtsSettings, synthesizer: Synthesizer) -> FastAPI:
    """The server as an ASGI application, which loads and warms the model before /ready says so."""
    scheduler = Scheduler(synthesizer)
    service = Service("tts_server", settings, scheduler.load)
    metrics = SpeechMetrics(service.registry)
    app = service.app()

    @app.websocket(PATH)
    async def stream(websocket: WebSocket) -> None:  # pyright: ignore[reportUnusedFunction] - a route
        await service.converse(
            websocket,
            parse_client_message,
            lambda connection: Session(connection, service, settings, scheduler, metrics).run(),
        )

    add_openai_routes(app, service, settings, scheduler, metrics)
    return app
