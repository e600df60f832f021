"""The four real processes, as a person would start them: for the end-to-end tests and the benchmarks."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parent.parent
READY_S = 60.0
"""Loading takes some 3 s; on a machine with two busy cores much longer."""
STOP_S = 12.0
"""A server drains for at most 8 s."""


class Process:
    """`python -m <module>`, listening on `port`; its log is in `folder`."""

    def __init__(self, module: str, port: int, environment: dict[str, str], folder: Path) -> None:
        self.module, self.port = module, port
        self.log = folder / f"{module}.log"
        self.environment = {**os.environ, **environment, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it; does not wait."""
        with self.log.open("ab") as log:
            # In a folder of its own, where no .env of the developer's lies.
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                cwd=self._folder,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def until_ready(self) -> None:
        """Wait for /ready; fails with the end of the log where the process dies or takes too long."""
        assert self._process is not None
        give_up_s = time.monotonic() + READY_S
        while not self._is_ready():
            if self._process.poll() is not None:
                raise AssertionError(f"{self.module} died: {self.log.read_text()[-3000:]}")
            if time.monotonic() > give_up_s:
                raise AssertionError(f"{self.module} is not ready: {self.log.read_text()[-3000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL, as if it had crashed."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL where that is not enough; fails where it had died by itself."""
        if self._process is None:
            return
        if self._process.poll() is not None:
            raise AssertionError(
                f"{self.module} died ({self._process.returncode}): {self.log.read_text()[-3000:]}"
            )
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def memory_mib(self) -> tuple[float, float]:
        """(resident, proportional) memory, MiB. The second shares what processes share; Linux only."""
        fields: dict[str, float] = {}
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            name, _, value = line.partition(":")
            if value.endswith(" kB"):
                fields[name] = int(value.removesuffix(" kB")) / 1024
        return fields["Rss"], fields["Pss"]

    def logged(self) -> list[dict[str, Any]]:
        """The records of a JSON log: `message`, `extra`, ..."""
        records = (line for line in self.log.read_text().splitlines() if line.startswith("{"))
        return [json.loads(record)["record"] for record in records]

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/ready", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False


class VoiceAgent:
    """asr_server, llm, tts_server and agent, on free ports of this machine."""

    def __init__(self, folder: Path, **environment: str) -> None:
        asr, llm, tts, agent = (free_port() for _ in range(4))
        addresses = {
            "AGENT_ASR_URL": f"ws://127.0.0.1:{asr}/v1/stream",
            "AGENT_LLM_URL": f"http://127.0.0.1:{llm}/v1",
            "AGENT_TTS_URL": f"ws://127.0.0.1:{tts}/v1/stream",
            "AGENT_LOG_FORMAT": "json",
        }
        self.asr_server = Process("asr_server", asr, {"ASR_PORT": str(asr), **environment}, folder)
        self.llm = Process("llm", llm, {"LLM_PORT": str(llm), **environment}, folder)
        self.tts_server = Process("tts_server", tts, {"TTS_PORT": str(tts), **environment}, folder)
        self.agent = Process("agent", agent, {"AGENT_PORT": str(agent), **addresses, **environment}, folder)

    @property
    def url(self) -> str:
        """Where to call."""
        return self.agent.url

    @property
    def processes(self) -> tuple[Process, ...]:
        """In the order in which they come into play."""
        return self.asr_server, self.llm, self.tts_server, self.agent

    def __enter__(self) -> Self:
        try:
            for process in self.processes:
                process.start()
            for process in self.processes:
                process.until_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        with ExitStack() as stopping:  # the others are stopped even where one has died
            for process in self.processes:
                stopping.callback(process.stop)


def free_port() -> int:
    """One that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
