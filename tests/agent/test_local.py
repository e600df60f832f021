"""Which services are started, with which settings; how they are started is in test_launcher.py."""

from pathlib import Path

import pytest

from agent.local import embedded_specs


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The demo model may not be built yet, and a developer may have an .env."""
    model = tmp_path / "model.gguf"
    model.write_bytes(b"GGUF")
    monkeypatch.setenv("LLM_MODEL_PATH", str(model))
    monkeypatch.chdir(tmp_path)


def test_the_agent_comes_last():
    assert [spec.name for spec in embedded_specs()] == ["asr_server", "llm", "tts_server", "agent"]


def test_the_agent_is_told_where_a_moved_server_listens(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ASR_PORT", "9999")
    assert embedded_specs()[-1].environment["AGENT_ASR_URL"] == "ws://127.0.0.1:9999/v1/stream"


def test_the_agent_is_told_the_tokens(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TTS_TOKEN", "sesame")
    assert embedded_specs()[-1].environment["AGENT_TTS_TOKEN"] == "sesame"


def test_an_address_that_was_set_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AGENT_LLM_URL", "http://127.0.0.1:1234/v1")
    assert "AGENT_LLM_URL" not in embedded_specs()[-1].environment


def test_a_server_for_all_the_world_is_reached_on_this_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ASR_HOST", "0.0.0.0")
    monkeypatch.setenv("ASR_TOKEN", "sesame")
    assert embedded_specs()[0].url == "http://127.0.0.1:8080"


def test_a_wrong_setting_stops_the_start_and_names_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("TTS_PORT", "loud")
    with pytest.raises(SystemExit):
        embedded_specs()
    assert "TTS_PORT" in capsys.readouterr().err
