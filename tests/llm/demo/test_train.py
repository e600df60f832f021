"""The recipe runs: a tiny model, a few steps, two processes, and a GGUF that llama.cpp reads."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the training environment's (the extra `train`)")

from llm.demo import export, train, vocabulary  # noqa: E402
from llm.demo.player import Player  # noqa: E402
from llm.demo.recipe import Recipe, Shape  # noqa: E402
from llm.demo.rendering import Renderer  # noqa: E402

RECIPE = Recipe(steps=4, share_tokens=1_300)


@pytest.fixture(scope="module")
def tokens(renderer: Renderer) -> list[str]:
    return vocabulary.learn(renderer, calls=100)


def shape(tokens: list[str]) -> Shape:
    return Shape(vocab=len(tokens), width=32, layers=1, heads=2, kv_heads=1, hidden=32)


def weights(checkpoint: Path) -> dict[str, Any]:
    return torch.load(checkpoint, weights_only=True)["network"]


def trained(renderer: Renderer, tokens: list[str], into: Path) -> Path:
    train.train(RECIPE, renderer, tokens, shape(tokens), into / "checkpoint.pt")
    return into / "checkpoint.pt"


@pytest.fixture(scope="module")
def checkpoint(renderer: Renderer, tokens: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(renderer, tokens, tmp_path_factory.mktemp("straight"))


def test_a_few_steps_make_a_model_that_llama_cpp_reads(
    checkpoint: Path, renderer: Renderer, tokens: list[str], tmp_path: Path
):
    export.export(checkpoint, tokens, tmp_path / "tiny.gguf")
    player = Player(tmp_path / "tiny.gguf")
    player.read(player.encode(renderer.served_prefix))
    assert player.model.n_vocab() == len(tokens)


def test_the_same_seed_makes_the_same_model(
    checkpoint: Path, renderer: Renderer, tokens: list[str], tmp_path: Path
):
    again = weights(trained(renderer, tokens, tmp_path))
    assert all(torch.equal(weight, again[name]) for name, weight in weights(checkpoint).items())


def test_a_training_by_another_recipe_does_not_go_on(checkpoint: Path, renderer: Renderer, tokens: list[str]):
    other = train.begin(replace(RECIPE, steps=5), renderer, tokens, shape(tokens))
    with pytest.raises(ValueError, match="another recipe or corpus"):
        other.restore(checkpoint)


def test_training_goes_on_where_it_was_stopped(
    checkpoint: Path, renderer: Renderer, tokens: list[str], tmp_path: Path
):
    begun = train.begin(RECIPE, renderer, tokens, shape(tokens))
    with begun.helped() as shared:
        begun.step(shared)
        begun.step(shared)
        begun.save(tmp_path / "checkpoint.pt", spent_s=1.0)
    finished = weights(trained(renderer, tokens, tmp_path))
    assert all(torch.equal(weight, finished[name]) for name, weight in weights(checkpoint).items())
