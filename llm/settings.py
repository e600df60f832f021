"""What the llm server can be told: LLM_PORT, LLM_MODEL_PATH, ... in the environment or in .env."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from wire.settings import Port, ServiceSettings

DEMO_MODEL = Path(__file__).parent / "demo" / "demo.gguf"


class LlmSettings(ServiceSettings):
    """One model, how many conversations it carries at once, and what one request may ask for."""

    model_config = SettingsConfigDict(env_prefix="LLM_")

    port: Port = 8000
    engine: Literal["llama"] = "llama"
    model_path: Path = DEMO_MODEL
    """A GGUF file with a chat template in its metadata."""
    model_name: Annotated[str, Field(max_length=200)] = ""
    """What /v1/models calls it; empty: the file's name."""

    conversations: Annotated[int, Field(ge=1, le=256)] = 8
    """Token sequences that are kept, and as many answers at once."""
    context_tokens: Annotated[int, Field(ge=256, le=1_048_576)] | None = None
    """Prompt and answer of one conversation; unset: what the model was trained for, at most 8,192."""
    piece_tokens: Annotated[int, Field(ge=16, le=4_096)] = 128
    """Prompts are evaluated in pieces of this size, so that other answers go on in between."""
    threads: Annotated[int, Field(ge=1, le=512)] = 1
    """For one step on the CPU. The demo model is slower with two than with one; larger ones are not."""
    gpu_layers: Annotated[int, Field(ge=-1)] = 0
    """How much of the model goes to the GPU; -1: all of it."""

    max_tokens: Annotated[int, Field(ge=1)] = 512
    """Where the request sets no limit."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    """Where the request gives none; 0 takes the likeliest token every time."""

    max_connections: Annotated[int, Field(ge=1)] = 16
    """Two a conversation: a prefill or a cancelled answer may overlap the next request."""
    max_message_bytes: Annotated[int, Field(ge=1_024)] = 1024 * 1024
    """100,000 characters of the longest kind, with room for history and tools."""
    max_session_s: Annotated[float, Field(gt=0)] = 120.0
    """How long one request may take."""

    @field_validator("model_path")
    @classmethod
    def _is_a_gguf_file(cls, path: Path) -> Path:
        if not path.is_file():
            raise ValueError(f"there is no file {path}: give the path of a GGUF model")
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise ValueError(f"{path} is not a GGUF file")
        return path

    @property
    def served_name(self) -> str:
        """What answers say made them."""
        return self.model_name or self.model_path.stem
