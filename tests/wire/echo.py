"""The smallest service: it sends back what it hears."""

from fastapi import FastAPI, WebSocket

from asr_server.protocol import parse_client_message
from wire.connection import Connection
from wire.message import Message, Refused
from wire.service import Service
from wire.settings import ServiceSettings


class EchoSettings(ServiceSettings, env_prefix="ECHO_", env_file=None):
    """No .env file of the machine changes a test."""


async def loaded() -> None:
    """Nothing to load."""


async def echo(connection: Connection[Message]) -> None:
    """Send every message back; refuse audio of an odd length; break on three bytes."""
    while True:
        message = await connection.receive()
        if message == b"bug":
            raise ZeroDivisionError
        if isinstance(message, bytes) and len(message) % 2:
            raise Refused("odd_audio", "audio is 16 bit")
        await connection.send(message)


def echo_app(load=loaded, session=echo, **settings) -> FastAPI:
    """The service, with settings for tests."""
    service = Service("echo", EchoSettings(**{"port": 0, **settings}), load)
    app = service.app()

    @app.websocket("/v1/stream")
    async def stream(websocket: WebSocket) -> None:
        await service.converse(websocket, parse_client_message, session)

    return app
