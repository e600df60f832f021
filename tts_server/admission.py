"""What a client may ask for: which voice, how much text. Pure; every refusal leaves the connection open."""

from tts_server.synthesizer import Synthesizer, Voice
from wire.message import Refused


def choose_voice(synthesizer: Synthesizer, voice: str | None, language: str | None) -> Voice:
    """The voice for what a client asked; raises Refused with a sentence that names what there is.

    A language is matched as BCP 47 tags are: "en" is spoken by "en-US", "en-US" is not by "en-GB".
    """
    voices = synthesizer.voices
    if voice is not None and voice not in voices:
        known = ", ".join(voices)
        raise Refused("unknown_voice", f"no voice {voice!r}; there are {known}", fatal=False)
    default = voices[voice or synthesizer.default_voice]
    if language is None or _speaks(default, language):
        return default
    if voice is not None:
        sentence = f"the voice {voice} speaks {default.language}, not {language!r}"
        raise Refused("unsupported_language", sentence, fatal=False)
    for candidate in voices.values():
        if _speaks(candidate, language):
            return candidate
    known = ", ".join(dict.fromkeys(candidate.language for candidate in voices.values()))
    sentence = f"no voice speaks {language!r}; the languages are {known}"
    raise Refused("unsupported_language", sentence, fatal=False)


def check_text(text: str, max_characters: int) -> None:
    """Raise Refused for a text that is empty or too long. Text with nothing to say in it is allowed."""
    if not text:
        raise Refused("empty_text", "there is no text to speak", fatal=False)
    if len(text) > max_characters:
        sentence = f"a text of {len(text)} characters; the limit is {max_characters}, send it in pieces"
        raise Refused("text_too_long", sentence, fatal=False)


def check_waiting(waiting_characters: int, max_characters: int) -> None:
    """Raise Refused where a connection has more text waiting than it may."""
    if waiting_characters > max_characters:
        sentence = f"{waiting_characters} characters wait to be spoken; the limit is {max_characters}"
        raise Refused("too_much_text", sentence, retry=True, fatal=False)


def _speaks(voice: Voice, language: str) -> bool:
    spoken, wanted = voice.language.lower(), language.lower().replace("_", "-")
    return spoken == wanted or spoken.startswith(wanted + "-")
