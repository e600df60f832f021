import numpy as np

from asr_server.workshop.fit import fit

RNG = np.random.default_rng(0)


def test_two_kinds_that_differ_are_told_apart():
    inside, outside = RNG.normal((0, 0, 5), 1, (300, 3)), RNG.normal((-4, -4, 5), 1, (60, 3))
    weights, bias = fit(inside, outside)
    assert np.mean(inside @ weights + bias < 0) < 0.01
    assert np.mean(outside @ weights + bias < 0) > 0.95


def test_what_does_not_differ_hardly_counts():
    weights, _ = fit(RNG.normal((0, 0, 0), 1, (300, 3)), RNG.normal((-4, 0, 0), 1, (300, 3)))
    assert abs(weights[1:]).max() < weights[0] / 4
