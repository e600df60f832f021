"""Noise is as loud as it is said to be."""

import numpy as np
import pytest

from asr_server.cepstra import Array
from asr_server.workshop.speech import VOICES, babble, noisy, say, sentences, speech_level
from tests.asr_server.conftest import Say

RNG = np.random.default_rng(0)


def tone(level: float, length: int = 16_000) -> Array:
    return (np.sin(np.arange(length) / 5) * level * np.sqrt(2)).astype(np.float32)


def test_the_level_of_speech_does_not_depend_on_the_pauses():
    pause = np.zeros(8_000, np.float32)
    assert speech_level(np.concatenate([pause, tone(900), pause])) == pytest.approx(900, rel=0.01)


def test_noise_lies_below_the_speech_by_the_ratio():
    speech, noise = tone(1_000), RNG.normal(0, 1, 16_000).astype(np.float32)
    left = noisy(speech, noise, 20) - speech
    assert np.sqrt(np.mean(left**2)) == pytest.approx(100, rel=0.02)


def test_a_mixture_fits_into_16_bits():
    assert np.abs(noisy(tone(30_000), RNG.normal(0, 1, 16_000).astype(np.float32), 0)).max() <= 32_768


def test_babble_has_unit_level():
    people = [RNG.normal(0, level, 9_000).astype(np.float32) for level in (10, 3_000)]
    crowd = babble(RNG, people, 20_000)
    assert (len(crowd), float(np.mean(crowd**2))) == (20_000, pytest.approx(1, rel=1e-3))


def test_a_voice_reads(flite: Say):
    assert np.abs(say("hello", VOICES[0])).max() > 1_000


def test_no_sentence_is_used_twice():
    texts = [text for group in sentences() for text in group]
    assert len(texts) == len(set(texts)) == 200 + 200 + 50 + 60 + 8
