"""The process itself: `python -m agent`."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

START_S = 60


def run(tmp_path: Path, port: int, **environment: str) -> subprocess.Popen[str]:
    settings = {f"AGENT_{name.upper()}": value for name, value in environment.items()}
    return subprocess.Popen(
        [sys.executable, "-m", "agent"],
        cwd=tmp_path,  # no .env
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "AGENT_PORT": str(port), **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def port() -> int:
    """Free a moment ago."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory, port: int) -> Generator[subprocess.Popen[str]]:
    process = run(tmp_path_factory.mktemp("agent"), port)
    end_s = time.monotonic() + START_S
    while not answers(port):
        assert process.poll() is None
        assert time.monotonic() < end_s
        time.sleep(0.1)
    yield process
    process.kill()
    process.wait()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.usefixtures("agent")
def test_the_playground_is_served(port: int):
    answer = httpx.get(f"http://127.0.0.1:{port}/client/")
    assert (answer.status_code, "<html" in answer.text) == (200, True)


@pytest.mark.usefixtures("agent")
def test_a_page_of_another_site_may_not_start_a_call(port: int):
    answer = httpx.post(f"http://127.0.0.1:{port}/start", json={}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


@pytest.mark.usefixtures("agent")
def test_a_port_that_is_taken_stops_the_start(tmp_path: Path, port: int):
    second = run(tmp_path, port)
    output, _ = second.communicate(timeout=START_S)
    assert (second.returncode != 0, "address already in use" in output) == (True, True)


def test_a_signal_stops_it_cleanly(agent: subprocess.Popen[str]):
    agent.send_signal(signal.SIGTERM)
    output, _ = agent.communicate(timeout=START_S)
    assert agent.returncode == 0
    assert "DEBUG" not in output.split("ready: open")[1]


def test_a_wrong_setting_stops_the_start_and_names_itself(tmp_path: Path):
    process = run(tmp_path, 0, vad_stop_ms="soon", host="0.0.0.0")
    output, _ = process.communicate(timeout=START_S)
    assert (process.returncode, "AGENT_VAD_STOP_MS" in output) == (1, True)


def test_a_host_that_others_can_reach_needs_a_token(tmp_path: Path):
    process = run(tmp_path, 0, host="0.0.0.0")
    output, _ = process.communicate(timeout=START_S)
    assert (process.returncode, "set a token" in output) == (1, True)
