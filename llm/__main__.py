"""Serve the language model: `python -m llm`, with settings from the environment (llm/settings.py)."""

import sys

from llm.app import create_app
from llm.generator import Generator
from llm.settings import LlmSettings
from wire.serve import serve
from wire.settings import read


def open_generator(settings: LlmSettings) -> Generator:
    """The engine that the settings name; nothing else of the server imports one."""
    match settings.engine:
        case "llama":
            from llm.llama import Llama
            from llm.scheduler import Scheduler

            return Scheduler(
                lambda: Llama(settings),
                piece_tokens=settings.piece_tokens,
                room=settings.max_connections,
            )


def main() -> int:
    """Serve until told to stop."""
    settings = read(LlmSettings)
    generator = open_generator(settings)
    try:
        return serve(create_app(settings, generator))
    finally:
        generator.close()


if __name__ == "__main__":
    sys.exit(main())
