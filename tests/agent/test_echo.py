from itertools import pairwise

import numpy as np
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from agent.echo import HOP_MS, BandPowers, EchoWatch, Track

HZ = 16_000
CHUNK = HZ * 20 // 1000
Samples = NDArray[np.float64]


def babbling(seed: int, seconds: float) -> Samples:
    """Something with syllables: noise in bands that change every 50 to 200 ms."""
    rng = np.random.default_rng(seed)
    pieces: list[Samples] = []
    while sum(map(len, pieces)) < seconds * HZ:
        length = int(HZ * rng.uniform(0.05, 0.2))
        centre = rng.uniform(200, 3_000)
        spectrum = np.fft.rfft(rng.normal(0, 1, length))
        hz = np.fft.rfftfreq(length, 1 / HZ)
        spectrum *= np.exp(-(((hz - centre) / 400) ** 2))
        piece = np.fft.irfft(spectrum, length) * np.hanning(length)
        pieces.append(piece / (piece.std() + 1e-9) * (2_500 if rng.random() < 0.8 else 30))
    return np.concatenate(pieces)[: int(seconds * HZ)]


def watched(played: Samples, heard: Samples, chunk: int = CHUNK) -> list[int]:
    """How much of each chunk is the caller's, in ms."""
    watch = EchoWatch(HZ, HZ)
    found: list[int] = []
    for start in range(0, len(played) - chunk + 1, chunk):
        at_ms = 1_000 + 1000 * start / HZ
        watch.played(at_ms, played[start : start + chunk].astype(np.int16))
        found.append(watch.heard(at_ms, heard[start : start + chunk].round().astype(np.int16)))
    return found


def delayed(sound: Samples, ms: int, gain_db: float) -> Samples:
    late = np.concatenate([np.zeros(HZ * ms // 1000), sound])[: len(sound)]
    return late * 10 ** (gain_db / 20)


@settings(deadline=None, max_examples=6)
@given(st.integers(20, 300), st.floats(-30, -10), st.integers(0, 5))
def test_an_echo_is_not_the_caller(delay_ms: int, gain_db: float, seed: int):
    agent = babbling(seed, 3)
    found = watched(agent, delayed(agent, delay_ms, gain_db))
    assert sum(found[50:]) < 0.2 * 20 * len(found[50:])


@settings(deadline=None, max_examples=6)
@given(st.integers(20, 300), st.integers(0, 5))
def test_a_caller_over_an_echo_is_found(delay_ms: int, seed: int):
    agent, caller = babbling(seed, 3), babbling(seed + 100, 1)
    heard = delayed(agent, delay_ms, -10)
    heard[2 * HZ :] += caller
    assert sum(watched(agent, heard)[100:150]) > 400


def test_a_caller_without_an_echo_is_found():
    agent, caller = babbling(1, 4), babbling(2, 4)
    caller[: 2 * HZ] = 0
    assert sum(watched(agent, caller)[100:150]) > 700


def test_steady_noise_is_not_the_caller():
    agent = babbling(1, 4)
    noise = np.random.default_rng(0).normal(0, 1_000, len(agent))
    assert sum(watched(agent, noise)[50:]) < 0.1 * 20 * 150


def test_nothing_is_the_callers_where_nothing_is_heard():
    agent = babbling(1, 2)
    assert sum(watched(agent, np.zeros(len(agent)))) == 0


@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=20))
def test_powers_do_not_depend_on_how_the_sound_was_cut(cuts: list[int]):
    sound = babbling(3, 0.5).astype(np.int16)
    whole = BandPowers(HZ).push(sound)
    bands = BandPowers(HZ)
    edges = sorted({0, len(sound), *(cut % len(sound) for cut in cuts)})
    pieces = [bands.push(sound[start:end]) for start, end in pairwise(edges)]
    np.testing.assert_allclose(np.concatenate(pieces), whole, rtol=1e-3)


def test_the_same_sound_has_the_same_powers_at_every_rate():
    seconds = np.arange(48_000) / 48_000
    tone = (8_000 * np.sin(2 * np.pi * 440 * seconds)).astype(np.int16)
    powers = [BandPowers(hz).push(tone[:: 48_000 // hz])[5] for hz in (16_000, 24_000, 48_000)]
    np.testing.assert_allclose(powers[0], powers[1], rtol=0.05, atol=100)
    np.testing.assert_allclose(powers[0], powers[2], rtol=0.05, atol=100)


def test_what_comes_a_little_late_follows_what_came_before():
    track = Track(HZ, slack_ms=100)
    track.push(1_000, np.ones(CHUNK, np.int16))
    end = track.end
    track.push(1_090, np.ones(CHUNK, np.int16))
    assert track.end == end + 20 // HOP_MS


def test_what_comes_after_a_silence_stands_where_it_was_played():
    track = Track(HZ, slack_ms=100)
    track.push(1_000, np.ones(CHUNK, np.int16))
    track.push(1_500, np.ones(CHUNK, np.int16))
    assert track.end == 152
