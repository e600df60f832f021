"""`.env.example` has every setting, at its default, and works as a `.env` once the `#` is gone."""

import re
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from agent.settings import AgentSettings
from asr_server.settings import AsrSettings
from llm.settings import LlmSettings
from tts_server.settings import TtsSettings

EXAMPLE = Path(__file__).parent.parent / ".env.example"
LINES = dict(re.findall(r"^# ([A-Z][A-Z_]*)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))
SETTINGS = [AsrSettings, LlmSettings, TtsSettings, AgentSettings]


def names(settings: type[BaseSettings]) -> set[str]:
    """The environment variables that the settings read."""
    prefix = settings.model_config.get("env_prefix", "")
    return {f"{prefix}{field}".upper() for field in settings.model_fields}


def test_every_setting_is_there_and_no_other():
    assert set(LINES) == set[str]().union(*map(names, SETTINGS))


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_values_are_the_defaults(
    settings: type[BaseSettings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.chdir(tmp_path)  # where no .env lies
    defaults = settings()
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in LINES.items()))
    assert settings() == defaults
