"""Run a long command so that somebody who waits knows what it is doing."""

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

EVERY_S = 1.0 if sys.stdout.isatty() else 15.0
"""A terminal's line is rewritten; in a file each is a new one."""
LAST_LINES = 25


class CommandFailed(Exception):
    """A command ended with another status than 0. The message has its last lines and where the rest is."""


def say(line: str) -> None:
    """Print a line now, also where the output is a file."""
    print(line, flush=True)


def run(
    what: str,
    command: Sequence[str | Path],
    log: Path,
    *,
    detail: Callable[[str], str] = lambda _: "",
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a command and say now and then how far it is.

    `detail` makes a few words from a line of output, or nothing where the line is of no interest.
    The whole output is appended to `log`. Raises CommandFailed.
    """
    started_s = time.monotonic()
    lines: deque[str] = deque(maxlen=LAST_LINES)
    latest = ""

    def read() -> None:
        nonlocal latest
        assert process.stdout
        with log.open("a") as file:
            for line in process.stdout:
                file.write(line)
                lines.append(line.rstrip())
                latest = detail(line) or latest

    say(f"{what} ...")
    process = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    )
    reader = threading.Thread(target=read)
    reader.start()
    while reader.is_alive():
        reader.join(EVERY_S)
        if reader.is_alive():
            _say_progress(f"    {time.monotonic() - started_s:4.0f} s  {latest}".rstrip())
    if sys.stdout.isatty():
        print("\r\x1b[K", end="")
    if process.wait():
        raise CommandFailed("\n".join([*lines, f"{what}: failed. The whole output is in {log}"]))


def _say_progress(line: str) -> None:
    if sys.stdout.isatty():
        print(f"\r\x1b[K{line}", end="", flush=True)
    else:
        say(line)


def fail(message: str) -> int:
    """Print why the set-up stops, and return the exit status for it."""
    print(message, file=sys.stderr, flush=True)
    return 1
