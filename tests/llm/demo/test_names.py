import random

from llm.demo import names


def test_held_out_names_are_never_drawn_for_training():
    rng = random.Random(1)
    drawn = {part for _ in range(20_000) for part in names.for_training(rng).split()}
    assert not drawn & set(names.HELD_OUT)


def test_most_names_of_training_are_met_once():
    rng = random.Random(1)
    drawn = [names.for_training(rng) for _ in range(1000)]
    assert len(set(drawn)) > 700


def test_the_ear_can_say_at_least_three_hundred_names():
    assert len(names.speakable()) >= 300
