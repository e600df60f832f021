"""`python -m tts_server`: read the settings, pick the engine, serve."""

import sys

from tts_server.app import create_app
from tts_server.settings import TtsSettings
from tts_server.synthesizer import Synthesizer
from wire.serve import serve
from wire.settings import read


def synthesizer_for(settings: TtsSettings) -> Synthesizer:
    """The engine that the settings name; raises ImportError where it is not there, ValueError for a voice."""
    match settings.engine:
        case "espeak":
            from tts_server.espeak import EspeakSynthesizer

            return EspeakSynthesizer(settings.voice, settings.words_per_minute)


def main() -> int:
    """Serve until a signal; 0 where that was the reason to end, 1 where it could not start."""
    settings = read(TtsSettings)
    try:
        synthesizer = synthesizer_for(settings)
    except (ImportError, ValueError) as error:
        setting = "TTS_ENGINE" if isinstance(error, ImportError) else "TTS_VOICE"
        print(f"{setting}: {error}", file=sys.stderr)
        return 1
    return serve(create_app(settings, synthesizer))


if __name__ == "__main__":
    sys.exit(main())
