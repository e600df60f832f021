from pathlib import Path

import pytest
from pydantic import ValidationError

from llm.settings import LlmSettings
from wire.settings import read


def test_a_model_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("LLM_MODEL_PATH", "/nowhere/model.gguf")
    with pytest.raises(SystemExit, match="1"):
        read(LlmSettings)
    assert "LLM_MODEL_PATH: there is no file /nowhere/model.gguf" in capsys.readouterr().err


def test_a_file_that_is_no_model_is_named(tmp_path: Path):
    (path := tmp_path / "model.gguf").write_bytes(b"<html>")
    with pytest.raises(ValidationError, match="is not a GGUF file"):
        LlmSettings(_env_file=None, model_path=path)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENGINE", "magic"),
        ("CONVERSATIONS", "0"),
        ("PIECE_TOKENS", "x"),
        ("TEMPERATURE", "3"),
        ("PORT", "70000"),
    ],
)
def test_a_wrong_value_stops_the_start_and_names_itself(
    name: str,
    value: str,
    tiny_llama: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("LLM_MODEL_PATH", str(tiny_llama))
    monkeypatch.setenv(f"LLM_{name}", value)
    with pytest.raises(SystemExit, match="1"):
        read(LlmSettings)
    assert capsys.readouterr().err.startswith(f"LLM_{name}: ")


def test_the_model_is_called_by_its_file_unless_it_has_a_name(tiny_llama: Path):
    settings = [
        LlmSettings(_env_file=None, model_path=tiny_llama, model_name=name)  # type: ignore[call-arg]
        for name in ("", "nano")
    ]
    assert [one.served_name for one in settings] == [tiny_llama.stem, "nano"]
