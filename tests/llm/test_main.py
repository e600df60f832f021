"""`python -m llm`: what stops it at once, and that it serves as a process of its own."""

import sys
from pathlib import Path

import httpx
import pytest

from llm.__main__ import main
from tests.processes import Process


def test_a_missing_library_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tiny_llama: Path
):
    monkeypatch.setenv("LLM_MODEL_PATH", str(tiny_llama))
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    monkeypatch.delitem(sys.modules, "llm.llama", raising=False)
    assert main() == 1
    assert "voice-agent[llm]" in capsys.readouterr().err


def process(folder: Path, port: int, model: Path) -> Process:
    environment = {"LLM_PORT": str(port), "LLM_MODEL_PATH": str(model), "LLM_THREADS": "1"}
    return Process("llm", port, environment, folder)


def test_it_serves_until_a_signal(tmp_path: Path, unused_tcp_port: int, tiny_llama: Path):
    server = process(tmp_path, unused_tcp_port, tiny_llama)
    server.start()
    try:
        server.until_ready()
        wanted = {"messages": [{"role": "user", "content": "Hello."}], "max_tokens": 2}
        answer = httpx.post(f"{server.url}/v1/chat/completions", json=wanted, timeout=30)
        assert answer.json()["usage"]["completion_tokens"] == 2
    finally:
        server.stop()
    assert "stopping" in server.log.read_text()
    assert server._process is not None
    assert server._process.returncode == 0


def test_a_model_that_cannot_be_loaded_ends_the_process(tmp_path: Path, unused_tcp_port: int):
    (model := tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(100))
    server = process(tmp_path, unused_tcp_port, model)
    server.start()
    assert server._process is not None
    assert server._process.wait(60) == 1
    assert f"LLM_MODEL_PATH: llama.cpp cannot load {model}" in server.log.read_text()
    assert "Traceback" not in server.log.read_text()


def test_a_context_beyond_the_model_ends_the_process_with_a_line(
    tmp_path: Path, unused_tcp_port: int, tiny_llama: Path
):
    server = process(tmp_path, unused_tcp_port, tiny_llama)
    server.environment["LLM_CONTEXT_TOKENS"] = "9999"
    server.start()
    assert server._process is not None
    assert server._process.wait(60) == 1
    assert "LLM_CONTEXT_TOKENS is 9999, but the model was trained for 4096" in server.log.read_text()
    assert "Traceback" not in server.log.read_text()
