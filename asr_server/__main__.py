"""`python -m asr_server`: read the settings, pick the engine, serve."""

import sys

from fastapi import FastAPI

from asr_server.app import create_app
from asr_server.settings import AsrSettings
from wire.serve import serve
from wire.settings import read


def app_for(settings: AsrSettings) -> FastAPI:
    """The server with the engine that the settings name. Raises ImportError where that is not installed."""
    match settings.engine:
        case "sphinx":
            from asr_server.sphinx import SphinxRecognizer

            return create_app(settings, SphinxRecognizer(settings))


def main() -> int:
    """Serve until a signal; 0 where that was the reason to end, 1 where it could not start."""
    settings = read(AsrSettings)
    try:
        app = app_for(settings)
    except ImportError as error:
        print(f"ASR_ENGINE: {error}", file=sys.stderr)
        return 1
    return serve(app)


if __name__ == "__main__":
    sys.exit(main())
