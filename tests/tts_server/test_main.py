"""`python -m tts_server`: what stops it at once, and that it serves as a process of its own."""

import socket
import sys
from pathlib import Path

import httpx
import pytest

from tests.processes import Process
from tests.tts_server.conftest import settings
from tts_server.__main__ import main


@pytest.mark.parametrize(
    ("name", "value", "known"),
    [
        ("TTS_VOICE", "alto", "en-us+f3"),
        ("TTS_ENGINE", "banjo", "espeak"),
        ("TTS_WORDS_PER_MINUTE", "12", "80"),
        ("TTS_PORT", "many", "integer"),
        ("TTS_MAX_SPEECHES", "0", "1"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, known: str
):
    monkeypatch.setenv(name, value)
    assert status_of_main() == 1
    said = capsys.readouterr().err
    assert all(part in said for part in (name, value, known))


def test_a_missing_library_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    assert status_of_main() == 1
    assert "voice-agent[tts-espeak]" in capsys.readouterr().err


def status_of_main() -> object:
    try:
        return main()
    except SystemExit as stop:
        return stop.code


def test_it_serves_until_a_signal(tmp_path: Path, unused_tcp_port: int):
    process = Process("tts_server", unused_tcp_port, {"TTS_PORT": str(unused_tcp_port)}, tmp_path)
    process.start()
    try:
        process.until_ready()
        wanted = {"model": "m", "voice": "en-us", "input": "Hello."}
        answer = httpx.post(f"{process.url}/v1/audio/speech", json=wanted, timeout=30)
        assert answer.content[:4] == b"RIFF"
    finally:
        process.stop()
    assert "stopping" in process.log.read_text()


def test_a_taken_port_ends_the_process_with_a_line(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = Process("tts_server", port, {"TTS_PORT": str(port)}, tmp_path)
        process.start()
        assert process._process is not None
        assert process._process.wait(60) == 1
    (line,) = process.log.read_text().splitlines()
    assert f"TTS_PORT={port}: Address already in use" in line


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        settings().voice = "de"  # type: ignore[misc]
