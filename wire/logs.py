"""One way to log for every process: a line for people, or JSON for machines, with ids."""

import logging
import sys
from typing import TYPE_CHECKING, Literal

from loguru import logger

if TYPE_CHECKING:
    from loguru import Record

WHEN = "<green>{time:HH:mm:ss.SSS}</green> <level>{level: <7}</level>"
IDS = ("call", "turn", "utterance", "speech", "span")
"""What a record may be about: a call, and of it a turn (agent), an utterance (asr_server), a speech
(tts_server) or the span that a request over HTTP belongs to."""
LINE = WHEN + " {extra[service]}{extra[where]} <level>{message}</level>\n{exception}"


def configure(service: str, level: str, style: Literal["text", "json"]) -> None:
    """Send loguru's and the standard library's records to stderr, and nowhere else.

    `diagnose` stays off: it would print variables, and with them what callers said.
    """
    logger.remove()
    logger.configure(extra={"service": service}, patcher=_name_the_call)
    if style == "json":
        logger.add(sys.stderr, level=level, serialize=True, backtrace=False, diagnose=False)
    else:
        logger.add(sys.stderr, level=level, format=lambda _: LINE, backtrace=False, diagnose=False)
    # Ours come through loguru; what libraries say below a warning is a line for every packet.
    logging.basicConfig(handlers=[_ToLoguru()], level=logging.WARNING, force=True)


def _name_the_call(record: "Record") -> None:
    extra = record["extra"]
    parts = [f" {key}={extra[key]}" for key in IDS if key in extra]
    extra["where"] = "".join(parts)


class _ToLoguru(logging.Handler):
    """Libraries log through the standard library; this hands their records to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        logger.opt(exception=record.exc_info).log(level, "{}: {}", record.name, record.getMessage())
