from typing import Any

import pytest
from pydantic import ValidationError

from tests.agent.stand_ins import agent_settings


def test_beyond_loopback_a_token_is_needed():
    with pytest.raises(ValidationError, match="set a token"):
        agent_settings(host="0.0.0.0")


def test_with_a_token_the_agent_may_listen_anywhere():
    assert agent_settings(host="0.0.0.0", token="secret").host == "0.0.0.0"


@pytest.mark.parametrize("name", ["Europe/Nowhere", "/", "../etc/passwd", ""])
def test_a_time_zone_must_exist(name: str):
    with pytest.raises(ValidationError, match="no such time zone"):
        agent_settings(time_zone=name)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "8080", "ws://"])
def test_a_speech_server_is_a_websocket(url: str):
    with pytest.raises(ValidationError, match="asr_url"):
        agent_settings(asr_url=url)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AGENT_VAD_STOP_MS", "300")
    assert agent_settings().vad_stop_ms == 300


def test_a_token_is_not_printed():
    assert "secret" not in repr(agent_settings(token="secret", llm_token="secret"))


@pytest.mark.parametrize(
    ("options", "early_ms"),
    [
        ({}, 100),
        ({"eager_ms": 0}, 0),
        ({"eager_ms": 200, "vad_stop_ms": 200}, 0),
        ({"eager_ms": 150, "vad_stop_ms": 300}, 150),
        ({"answer_ahead": False}, 0),
    ],
)
def test_nothing_is_begun_ahead_of_a_pause_that_is_no_longer(options: dict[str, Any], early_ms: int):
    assert agent_settings(**options).early_ms == early_ms
