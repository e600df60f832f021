"""The committed model's own chat template, and calls to look at."""

from itertools import islice

import llama_cpp
import pytest

from llm.demo.corpus import dialogues
from llm.demo.rendering import Renderer
from llm.settings import DEMO_MODEL

GGUF = DEMO_MODEL


@pytest.fixture(scope="session")
def metadata() -> dict[str, str]:
    return llama_cpp.Llama(str(GGUF), vocab_only=True, verbose=False).metadata


@pytest.fixture(scope="session")
def renderer() -> Renderer:
    return Renderer()


@pytest.fixture(scope="session")
def calls() -> list[dialogues.Dialogue]:
    return list(islice(dialogues.dialogues(seed=3), 300))
