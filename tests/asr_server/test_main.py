"""`python -m asr_server`: what stops it at once, and that it serves as a process of its own."""

import asyncio
import sys
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from asr_server.__main__ import main
from asr_server.protocol import PATH, PROTOCOL, Start
from tests.asr_server.client import AsrClient
from tests.asr_server.conftest import settings
from tests.processes import Process


@pytest.mark.parametrize(
    ("name", "value", "known"),
    [
        ("ASR_ENGINE", "banjo", "sphinx"),
        ("ASR_PORT", "many", "integer"),
        ("ASR_LANGUAGE_MODEL", "nowhere.lm", "file"),
        ("ASR_DICTIONARY", "nowhere.dict", "file"),
        ("ASR_ACOUSTIC_MODEL", "nowhere", "directory"),
        ("ASR_REPLAY_MS", "100", "2000"),
        ("ASR_BACKLOG_MS", "0", "1000"),
        ("ASR_HOLD_MS", "-1", "0"),
        ("ASR_MAX_CONNECTIONS", "0", "1"),
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
    monkeypatch.delitem(sys.modules, "asr_server.sphinx", raising=False)
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    assert status_of_main() == 1
    assert "voice-agent[asr-sphinx]" in capsys.readouterr().err


def status_of_main() -> object:
    try:
        return main()
    except SystemExit as stop:
        return stop.code


def test_it_serves_until_a_signal(tmp_path: Path, unused_tcp_port: int):
    environment = {"ASR_PORT": str(unused_tcp_port), "ASR_MAX_CONNECTIONS": "1"}
    process = Process("asr_server", unused_tcp_port, environment, tmp_path)
    process.start()
    try:
        process.until_ready()
        assert asyncio.run(final_of_nothing(unused_tcp_port)) == ""
    finally:
        process.stop()
    assert "stopping" in process.log.read_text()


def test_a_model_that_cannot_be_loaded_ends_the_process(tmp_path: Path, unused_tcp_port: int):
    (tmp_path / "broken.lm").write_text("no language model")
    environment = {"ASR_PORT": str(unused_tcp_port), "ASR_LANGUAGE_MODEL": str(tmp_path / "broken.lm")}
    process = Process("asr_server", unused_tcp_port, environment, tmp_path)
    process.start()
    with pytest.raises(AssertionError, match="died"):
        process.until_ready()
    assert "cannot load" in process.log.read_text()


def test_an_acoustic_model_that_is_none_ends_the_process_with_a_line(tmp_path: Path, unused_tcp_port: int):
    (tmp_path / "model").mkdir()
    environment = {"ASR_PORT": str(unused_tcp_port), "ASR_ACOUSTIC_MODEL": str(tmp_path / "model")}
    process = Process("asr_server", unused_tcp_port, environment, tmp_path)
    process.start()
    assert process._process is not None
    assert process._process.wait(60) == 1
    assert "ASR_ACOUSTIC_MODEL" in process.log.read_text()
    assert "Traceback" not in process.log.read_text()


async def final_of_nothing(port: int) -> str:
    async with connect(f"ws://127.0.0.1:{port}{PATH}") as socket:
        client = AsrClient(socket)
        await client.send(Start(protocol=PROTOCOL))
        return await client.final()


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        settings().hold_ms = 0  # type: ignore[misc]
