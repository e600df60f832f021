"""What the model is scored on is in no training call: no sentence, name, city, dish or pair of numbers."""

import random
import re
from itertools import islice

import pytest

from llm.demo.corpus import booking, call, dialogues, names, outside, small_talk, tools, topics
from llm.demo.corpus.call import Call, Wordings, split_of

TRAINING_CALLS = 2_000
PAIR = re.compile(r"(\d+) [-+*/] (\d+)")


def said(calls: list[dialogues.Dialogue]) -> list[str]:
    cue = dialogues.PROMPT["greeting_cue"]
    heard = [
        m["content"] for made in calls for m in made.messages if m["role"] == "user" and m["content"] != cue
    ]
    return [" ".join(word for word in text.split() if word not in ("um", "uh")) for text in heard]


def pairs(calls: list[dialogues.Dialogue]) -> set[tuple[str, ...]]:
    return {found.groups() for made in calls for entity in made.entities if (found := PAIR.match(entity))}


def words(calls: list[dialogues.Dialogue]) -> set[str]:
    return {word for made in calls for entity in made.entities for word in re.findall("[a-z]+", entity)}


@pytest.fixture(scope="module")
def trained() -> list[dialogues.Dialogue]:
    return list(islice(dialogues.dialogues(1), TRAINING_CALLS))


@pytest.fixture(scope="module")
def validation() -> list[dialogues.Dialogue]:
    return list(islice(dialogues.dialogues(2, "valid"), 300))


@pytest.fixture(scope="module")
def held_out() -> list[dialogues.Dialogue]:
    return list(islice(dialogues.dialogues(90_001, "test"), 500))


def test_no_test_sentence_is_in_a_training_call(trained, held_out):
    assert not set(said(trained)) & set(said(held_out))


def test_no_question_of_strangers_is_in_a_training_call(trained):
    assert not set(said(trained)) & set(outside.questions())


def test_no_test_pair_of_numbers_is_in_a_training_call(trained, validation, held_out):
    assert pairs(held_out)
    assert not pairs(held_out) & (pairs(trained) | pairs(validation))


def test_no_test_name_city_or_dish_is_in_a_training_call(trained, held_out):
    common = {word for pattern in names.MENU for word in re.findall("[a-z]+", pattern)}
    assert words(held_out) & names.HELD_OUT
    assert not (words(held_out) & words(trained)) - common


def test_a_template_is_in_one_split():
    rng = random.Random(1)
    made = {
        split: Call(rng, names.SOURCES[split], lambda _, text: text, split)
        for split in ("train", "valid", "test")
    }
    templates = {split: {one.pick(tools.TIME) for _ in range(2_000)} for split, one in made.items()}
    assert not templates["train"] & templates["test"]
    assert not templates["valid"] & templates["test"]
    assert not templates["train"] & templates["valid"]


@pytest.mark.parametrize("module", [booking, outside, small_talk, tools, topics])
def test_no_wording_is_both_learnt_and_held_out(module):
    every = [ways for ways in vars(module).values() if isinstance(ways, Wordings)]
    for ways in every:
        assert not set(ways.trained) & {text.removeprefix(call.HELD_OUT) for text in ways.held_out}


def test_a_trained_wording_alone_is_for_training():
    assert all(split_of(text, bare=True) == "train" for text in tools.TIME.trained)
