"""What can be set about the TTS server, all of it in the environment with the prefix TTS_."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from wire.settings import Port, ServiceSettings


class TtsSettings(ServiceSettings):
    """Which voice speaks, and how much text one caller may have waiting."""

    model_config = SettingsConfigDict(env_prefix="TTS_")

    port: Port = 8001
    engine: Literal["espeak"] = "espeak"
    voice: str = "en-us"
    """The voice of a speech that asks for none."""
    words_per_minute: Annotated[int, Field(ge=80, le=450)] = 175
    """espeak-ng's own range; 175 is its default."""

    max_text_characters: Annotated[int, Field(ge=1)] = 4_096
    """Of one Speak, or of one HTTP request: what OpenAI's endpoint allows; about five minutes of speech."""
    max_waiting_characters: Annotated[int, Field(ge=1)] = 16_384
    """Of one connection: text that is not spoken yet. Over it, a client is asked to read first."""
    max_speeches: Annotated[int, Field(ge=1)] = 8
    """Open at once on one connection. A conversation needs two: one that is being cancelled, and the next."""
