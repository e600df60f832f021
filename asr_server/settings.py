"""What the ASR server can be told, from the environment: ASR_PORT, ASR_ENGINE, ASR_HOLD_MS ..."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import DirectoryPath, Field, FilePath
from pydantic_settings import SettingsConfigDict

from asr_server.protocol import SAMPLE_RATE_HZ
from wire.settings import Port, ServiceSettings

DOMAIN = Path(__file__).parent / "domain"


def samples(duration_ms: int) -> int:
    """How many samples that takes, at the rate of the protocol."""
    return SAMPLE_RATE_HZ * duration_ms // 1000


class AsrSettings(ServiceSettings):
    """Which engine listens, with which models, and how much audio it keeps and lets wait."""

    model_config = SettingsConfigDict(env_prefix="ASR_", validate_default=True)

    port: Port = 8080
    max_messages_per_s: Annotated[float, Field(gt=0)] = 2_000.0
    """A file sent as fast as it goes is slowed by `backlog_ms`, not cut off: 20 ms packets at 40 times
    real time. Decoding is 10 to 20 times as fast as speech on one core."""
    backlog_ms: Annotated[int, Field(ge=1_000, le=60_000)] = 10_000
    """How much audio of one caller may wait for the model; then its connection is not read."""
    tail_ms: Annotated[int, Field(ge=0, le=1_000)] = 50
    """How much silence must follow the speech before a final. Measured with `sphinx` on 100 sentences of
    flite, trimmed: the word error rate is 2.7 % at 0 ms, 2.9 at 50 and 3.2 from 100 to 300."""

    engine: Literal["sphinx"] = "sphinx"
    acoustic_model: DirectoryPath | None = None
    """A PocketSphinx model; the one that comes with PocketSphinx (US English) where it is not set. Its
    features must be the same, since the denoiser works on them: see its feat.params."""
    language_model: FilePath = DOMAIN / "demo.lm"
    """N-grams in ARPA's format, in lower case."""
    dictionary: FilePath = DOMAIN / "demo.dict"
    """The words of the language model and how each is pronounced."""
    hold_ms: Annotated[int, Field(ge=0, le=5_000)] = 400
    """How much audio after a Commit is only kept, for a NextUtterance that makes a replay needless."""
    replay_ms: Annotated[int, Field(ge=2_000, le=60_000)] = 20_000
    """The longest stretch of an utterance that is replayed; the words before it are settled."""
