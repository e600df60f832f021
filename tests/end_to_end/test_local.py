"""What `make run` starts: all four services, and an end that leaves nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import ROOT, free_port

pytestmark = pytest.mark.realtime

NAMES = ("asr_server", "llm", "tts_server", "agent")
SETTINGS = ("ASR_PORT", "LLM_PORT", "TTS_PORT", "AGENT_PORT")


@pytest.fixture
def local(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    ports = {name: str(free_port()) for name in SETTINGS}
    process = subprocess.Popen(
        [sys.executable, "-m", "agent.local"],
        cwd=tmp_path,
        env={**os.environ, **ports, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.kill()


def test_all_four_start_in_order_and_end_together(local: "subprocess.Popen[str]"):
    assert local.stdout
    lines: list[str] = []
    for line in local.stdout:
        lines.append(line)
        if line.startswith("Open http://localhost:"):
            local.send_signal(signal.SIGINT)
    assert [line.split()[1] for line in lines if line.startswith("✓")] == list(NAMES)
    assert local.wait() == 0
