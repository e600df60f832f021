"""Run the agent: read the settings, load the models, open the port.

Pipecat's runner serves the Playground at /client, and starts the `bot` of this module for each call. Its
own options still work (`python -m agent --help`) and come after what the settings say.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import FrameType
from typing import TYPE_CHECKING

from fastapi import FastAPI
from loguru import logger

from agent.settings import AgentSettings
from wire.logs import configure
from wire.settings import read

if TYPE_CHECKING:
    from agent.bot import Agent


def serve(settings: AgentSettings, agent: "Agent") -> None:
    """Serve until a signal. Pipecat's runner answers 3 where the port is taken."""
    from pipecat.runner import run

    from agent.access import Gate

    run.app.add_middleware(
        Gate, token=settings.token.get_secret_value(), allowed_origins=settings.allowed_origins
    )
    run.app.get("/ready")(_ready)
    run.app.router.lifespan_context = _lifespan(settings, agent)
    # uvicorn stops serving, and then has the signal act as it would have: this makes the exit status 0.
    signal.signal(signal.SIGTERM, _exit)
    sys.argv[1:1] = ["--host", settings.host, "--port", str(settings.port)]
    run.main()


def _exit(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


async def _ready() -> dict[str, object]:
    """The port opens when the models are warm: whoever is answered may call."""
    return {"service": "agent", "ready": True, "why": ""}


def _lifespan(
    settings: AgentSettings, agent: "Agent"
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
        _configure_logs(settings)
        await agent.warm_up()
        _hang_up_on_signals(agent)
        logger.info("ready: open http://localhost:{}/client", settings.port)
        yield
        await agent.close()

    return lifespan


def _configure_logs(settings: AgentSettings) -> None:
    """Log as set.

    Done twice: Pipecat's runner (DEBUG, with transcripts) and uvicorn (every request) have set up logs of
    their own by the time they serve.
    """
    configure("agent", settings.log_level, settings.log_format)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
        logging.getLogger(name).setLevel(logging.WARNING)


def _hang_up_on_signals(agent: "Agent") -> None:
    """End the calls when the process is told to stop: uvicorn would wait until the callers hang up."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        stop_serving = signal.getsignal(number)

        def stop(number: int, frame: FrameType | None, then: object = stop_serving) -> None:
            loop.call_soon_threadsafe(agent.hang_up)
            if callable(then):
                then(number, frame)

        signal.signal(number, stop)


if __name__ == "__main__":
    the_settings = read(AgentSettings)
    _configure_logs(the_settings)

    from agent.bot import Agent  # takes seconds: wrong settings are reported before

    the_agent = Agent(the_settings)
    bot = the_agent.answer
    serve(the_settings, the_agent)
