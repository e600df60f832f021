"""Settings that every server has: frozen, from the environment, complete before anything starts."""

import ipaddress
import sys
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=0, le=65_535)]


class ListeningSettings(BaseSettings):
    """Where a process listens, who may call, and what it logs."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_file=".env", env_ignore_empty=True)

    host: str = "127.0.0.1"
    port: Port
    token: SecretStr = SecretStr("")
    """What a caller must know. Needed where the process listens beyond loopback."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """DEBUG also logs what is said."""
    log_format: Literal["text", "json"] = "text"

    @classmethod
    def name_of(cls, field: str) -> str:
        """The environment variable of a field."""
        return (cls.model_config.get("env_prefix", "") + field).upper()

    @model_validator(mode="after")
    def _needs_a_token_beyond_loopback(self) -> Self:
        if not is_loopback(self.host) and not self.token.get_secret_value():
            host = self.name_of("host")
            raise ValueError(
                f"{host} is {self.host}, which other machines can reach: "
                f"set a token ({self.name_of('token')}), or {host}=127.0.0.1"
            )
        return self


class ServiceSettings(ListeningSettings):
    """How much one caller may ask of a server."""

    max_connections: Annotated[int, Field(ge=1)] = 8
    max_message_bytes: Annotated[int, Field(ge=1_024)] = 256 * 1024
    """8 s of 16 kHz audio, or a long text, in one message."""
    max_messages_per_s: Annotated[float, Field(gt=0)] = 400.0
    """Of one connection; over HTTP, requests of all callers together. Packets of 10 ms are 100 a second;
    a burst of 2 s' worth is let through."""
    max_session_s: Annotated[float, Field(gt=0)] = 3_600.0
    stall_s: Annotated[float, Field(gt=0)] = 10.0
    """How long a client may keep us waiting: for its Start, for the rest of a request, or by not reading."""
    drain_s: Annotated[float, Field(ge=0)] = 8.0
    """After SIGTERM, how long running callers may finish. Containers are killed after 10 s."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


S = TypeVar("S", bound=ListeningSettings)


def read(settings: type[S]) -> S:
    """Read settings from the environment, or stop the process with the names of what is wrong."""
    try:
        return settings()  # pyright: ignore[reportCallIssue] - the environment may have the port
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            sentence = problem["msg"].removeprefix("Value error, ")
            if problem["loc"]:  # else it is about several settings, and names them itself
                name = settings.name_of("_".join(str(part) for part in problem["loc"]))
                sentence = f"{name}: {sentence} (it is {str(problem['input'])!r})"
            print(sentence, file=sys.stderr)
        raise SystemExit(1) from None
