"""A service of this machine as a process: started, watched until it answers, stopped.

    guard (a shell that waits for its input to end)  ─┐
    asr_server, llm, tts_server, agent                ├─ one process group
    whatever these start                             ─┘

Should the launcher vanish without a goodbye (kill -9), the guard's input ends and it kills the group.
"""

import asyncio
import os
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import aiohttp

GUARD = ("/bin/sh", "-c", "trap '' HUP INT TERM; read -r _; kill -KILL 0")
POLL_S = 0.1
"""How soon an answer, a death or a warning is noticed."""
ANSWER_LIMIT_S = 2.0
TAIL_BYTES = 64 * 1024
TAIL_LINES = 20
TROUBLE = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b")


class ServiceFailed(Exception):
    """A service cannot start, or has ended by itself. The message names it and says what is known."""


@dataclass(frozen=True)
class ServiceSpec:
    """What to run, where it will listen, and how it is asked whether it is ready."""

    name: str
    command: tuple[str, ...]
    """Begins its work when a line comes on its standard input, or at once."""
    host: str
    port: int
    port_setting: str
    """The environment variable that moves it to another port."""
    is_patient: bool = False
    """Whether the command waits for that line, so that it may be run before its time (`agent.preload`)."""
    ready_path: str = "/ready"
    token: str = ""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Beside this process's own."""
    ready_limit_s: float = 900.0
    """A model of tens of gigabytes takes minutes to load from a slow disk."""
    stop_limit_s: float = 12.0
    """From SIGTERM to SIGKILL: the servers' own drain (8 s) and their farewells."""
    show: re.Pattern[str] = TROUBLE
    """Lines of its log that are for the terminal too."""

    @property
    def url(self) -> str:
        """Where this machine reaches it, whatever it listens on."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def refuse_taken_ports(specs: Sequence[ServiceSpec]) -> None:
    """Raise ServiceFailed where a port is taken, or wanted by two of the services."""
    with ExitStack() as held:
        for spec in specs:
            if spec.port == 0:
                raise ServiceFailed(f"{spec.name}: {spec.port_setting} is 0; the others must know its port.")
            family = socket.AF_INET6 if ":" in spec.host else socket.AF_INET
            probe = held.enter_context(socket.socket(family))
            # As the servers do: a port that was left a moment ago is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((spec.host, spec.port))
                probe.listen()
            except OSError as error:
                raise ServiceFailed(
                    f"{spec.name}: cannot listen on {spec.host} port {spec.port} ({error.strerror}). "
                    f"Stop what is listening there, or set {spec.port_setting} to another port."
                ) from None


@asynccontextmanager
async def process_group() -> AsyncIterator[int]:
    """A process group whose members outlive neither this block nor this process."""
    guard = await asyncio.create_subprocess_exec(*GUARD, stdin=asyncio.subprocess.PIPE, process_group=0)
    try:
        yield guard.pid
    finally:
        with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
            os.killpg(guard.pid, signal.SIGKILL)
        await guard.wait()


class ServiceProcess:
    """A running service. Lives on the event loop; its log goes to a file, so that it never waits for us."""

    def __init__(self, spec: ServiceSpec, process: asyncio.subprocess.Process, log: Path) -> None:
        self.spec = spec
        self._process = process
        self._log = log
        self._started_s = time.monotonic()
        self._shown_bytes = 0

    @classmethod
    async def run(cls, spec: ServiceSpec, group: int, log: Path) -> Self:
        """Run its command as a member of the process group. Its log file is begun anew."""
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *spec.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **spec.environment},
                process_group=group,
            )
        return cls(spec, process, log)

    def start(self) -> None:
        """Tell it to begin."""
        assert self._process.stdin
        self._started_s = time.monotonic()
        self._process.stdin.write(b"\n")
        self._process.stdin.close()

    @property
    def age_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._started_s

    async def until_ready(self, http: aiohttp.ClientSession, waiting: Callable[[str], None]) -> None:
        """Return when it says that it is ready; tell `waiting` what it is doing meanwhile.

        Raises ServiceFailed after `ready_limit_s`. Cancelling leaves the service as it is.
        """
        why = ""
        try:
            async with asyncio.timeout(self.spec.ready_limit_s):
                while why := await self._why_not_ready(http):
                    waiting(why)
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise ServiceFailed(
                f"{self.spec.name} is not ready after {self.spec.ready_limit_s:g} s: {why}.{self._tail()}"
            ) from None

    async def watch(self, show: Callable[[str], None]) -> None:
        """Pass on what its log has for the terminal; raises ServiceFailed when the service ends."""
        while self._process.returncode is None:
            for line in self._new_lines():
                if self.spec.show.search(line):
                    show(line)
            await asyncio.sleep(POLL_S)
        raise ServiceFailed(
            f"{self.spec.name} {_ending(self._process.returncode)} after {self.age_s:.1f} s.{self._tail()}"
        )

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL after `stop_limit_s`; returns when it has ended. Cancelling leaves it be."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(self.spec.stop_limit_s):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def kill(self) -> None:
        """End it now."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def _why_not_ready(self, http: aiohttp.ClientSession) -> str:
        """Nothing where it is ready; else what it says it is doing."""
        headers = {"Authorization": f"Bearer {self.spec.token}"} if self.spec.token else {}
        limit = aiohttp.ClientTimeout(total=ANSWER_LIMIT_S)
        try:
            async with http.get(
                self.spec.url + self.spec.ready_path, headers=headers, timeout=limit
            ) as answer:
                if answer.status == 200:
                    return ""
                if answer.content_type == "application/json":
                    return str((await answer.json()).get("why", f"it answers {answer.status}"))
                return f"it answers {answer.status}"
        except (aiohttp.ClientError, TimeoutError):
            return "starting"

    def _new_lines(self) -> Iterator[str]:
        """Whole lines that were added to the log since the last call."""
        with self._log.open("rb") as file:
            file.seek(self._shown_bytes)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._shown_bytes += len(whole) + len(newline)
        yield from whole.decode(errors="replace").splitlines()

    def _tail(self) -> str:
        """The end of its log, for the message that it failed."""
        with self._log.open("rb") as file:
            file.seek(max(0, self._log.stat().st_size - TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()[-TAIL_LINES:]
        if not lines:
            return " Its log is empty."
        return "\n".join([f" The last lines of {self._log}:", *(f"    {line}" for line in lines)])


def _ending(status: int) -> str:
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
