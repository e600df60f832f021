"""`python -m llm`: read the settings, pick the engine, serve."""

import sys

from llm.app import create_app
from llm.generator import Generator
from llm.settings import LlmSettings
from wire.serve import serve
from wire.settings import read


def generator_for(settings: LlmSettings) -> Generator:
    """The engine that the settings name; raises ImportError where it is not there."""
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
    """Serve until a signal; 0 where that was the reason to end, 1 where it could not start or go on."""
    settings = read(LlmSettings)
    try:
        generator = generator_for(settings)
    except ImportError as error:
        print(f"LLM_ENGINE: {settings.engine} is not installed: {error}", file=sys.stderr)
        print("            pip install 'voice-agent[llm]'", file=sys.stderr)
        return 1
    try:
        return serve(create_app(settings, generator))
    finally:
        generator.close()


if __name__ == "__main__":
    sys.exit(main())
