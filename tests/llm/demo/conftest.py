"""The committed model's own chat template, and calls to look at."""

from itertools import islice
from pathlib import Path

import llama_cpp
import pytest

from llm.demo import corpus
from llm.demo.rendering import Renderer

GGUF = Path(corpus.__file__).parent / "demo.gguf"


@pytest.fixture(scope="session")
def metadata() -> dict[str, str]:
    return llama_cpp.Llama(str(GGUF), vocab_only=True, verbose=False).metadata


@pytest.fixture(scope="session")
def renderer(metadata) -> Renderer:
    return Renderer(metadata["tokenizer.chat_template"])


@pytest.fixture(scope="session")
def calls() -> list[corpus.Dialogue]:
    return list(islice(corpus.dialogues(seed=3), 300))
