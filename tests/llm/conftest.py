"""Tiny models, made once a session."""

from pathlib import Path

import hypothesis
import pytest

from tests.llm.tiny_gguf import write_llama, write_nemotron

hypothesis.settings.register_profile("busy", deadline=None)  # two cores may be shared by a whole CI run
hypothesis.settings.load_profile("busy")


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights, attention only: its memory rewinds."""
    return write_llama(tmp_path_factory.mktemp("models") / "tiny-llama.gguf")


@pytest.fixture(scope="session")
def tiny_nemotron(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights, Mamba-2 and experts beside attention: its memory does not rewind."""
    return write_nemotron(tmp_path_factory.mktemp("models") / "tiny-nemotron.gguf")


@pytest.fixture(scope="session", params=["tiny_llama", "tiny_nemotron"])
def tiny_model(request: pytest.FixtureRequest) -> Path:
    """Each of them."""
    return request.getfixturevalue(request.param)
