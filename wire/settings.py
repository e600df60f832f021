"""Settings that every server has: frozen, from the environment, complete before anything starts."""

import ipaddress
import sys
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=0, le=65_535)]


class ServiceSettings(BaseSettings):
    """Where a server listens, who may call, and how much one caller may ask of it."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_file=".env")

    host: str = "127.0.0.1"
    port: Port
    token: SecretStr = SecretStr("")
    """Bearer token. Needed where the server listens beyond loopback."""

    max_connections: Annotated[int, Field(ge=1)] = 8
    max_message_bytes: Annotated[int, Field(ge=1_024)] = 256 * 1024
    """8 s of 16 kHz audio, or a long text, in one message."""
    max_messages_per_s: Annotated[float, Field(gt=0)] = 400.0
    """Packets of 10 ms are 100 a second; a burst of 2 s' worth is let through."""
    max_session_s: Annotated[float, Field(gt=0)] = 3_600.0
    stall_s: Annotated[float, Field(gt=0)] = 10.0
    """How long a client may refuse to read before its connection is cut."""
    drain_s: Annotated[float, Field(ge=0)] = 8.0
    """After SIGTERM, how long running callers may finish. Containers are killed after 10 s."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"

    @model_validator(mode="after")
    def _needs_a_token_beyond_loopback(self) -> Self:
        if not is_loopback(self.host) and not self.token.get_secret_value():
            raise ValueError(
                f"host {self.host} is reachable from other machines: set a token, or use 127.0.0.1"
            )
        return self


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


S = TypeVar("S", bound=BaseSettings)


def read(settings: type[S]) -> S:
    """Read settings from the environment, or stop the process with the names of what is wrong."""
    try:
        return settings()
    except ValidationError as error:
        prefix = settings.model_config.get("env_prefix", "")
        for problem in error.errors(include_url=False):
            name = prefix.upper() + "_".join(str(part) for part in problem["loc"]).upper()
            given = "" if not problem["loc"] else f" (it is {str(problem['input'])!r})"
            print(f"{name or prefix.upper()}: {problem['msg']}{given}", file=sys.stderr)
        raise SystemExit(2) from None
