import random
import re

import pytest

from llm.demo.corpus import names

KINDS = ("name", "city", "dish")


def drawn(split: str, kind: str, count: int) -> list[str]:
    rng = random.Random(1)
    return [getattr(names.SOURCES[split], kind)(rng) for _ in range(count)]


@pytest.mark.parametrize("kind", KINDS)
def test_held_out_words_are_never_drawn_for_training(kind: str):
    words = {word for text in drawn("train", kind, 10_000) for word in re.findall("[a-z]+", text)}
    assert not words & names.HELD_OUT


@pytest.mark.parametrize("kind", KINDS)
def test_the_three_splits_share_no_word(kind: str):
    splits = [set(drawn(split, kind, 3_000)) - set(names.FOODS) for split in ("train", "valid", "test")]
    assert not (splits[0] & splits[1]) | (splits[0] & splits[2]) | (splits[1] & splits[2])


def test_most_names_of_training_are_met_once():
    assert len(set(drawn("train", "name", 1_000))) > 700


def test_the_ear_can_say_at_least_three_hundred_names():
    assert len(names.speakable()) >= 300
