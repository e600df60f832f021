"""What the denoiser takes away, and what it leaves."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings as examples, strategies as st

from asr_server.cepstra import BANDS, Array, LogMel
from asr_server.denoiser import AHEAD, WEIGHTS, Denoiser, Network
from tests.asr_server.conftest import Say


@pytest.fixture(scope="module")
def network() -> Network:
    return Network(WEIGHTS)


def log_mel(pcm: Array) -> Array:
    return LogMel().push(pcm.astype(np.float32))


def white(level: float, length: int = 16_000) -> Array:
    return np.random.default_rng(0).normal(0, level, length).astype(np.float32)


def cleaned(network: Network, frames: Array, *sizes: int) -> Array:
    """Pushed in pieces of these lengths, and the rest at once."""
    denoiser, found, at = Denoiser(network), [np.zeros((0, BANDS), np.float32)], 0
    for size in (*sizes, len(frames)):
        found.append(denoiser.push(frames[at : at + size]))
        at += size
    return np.concatenate([*found, denoiser.flush()])


@examples(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 12), max_size=12))
def test_pieces_change_nothing(network: Network, sizes: list[int]):
    frames = log_mel(white(500, 6_000))
    np.testing.assert_allclose(cleaned(network, frames, *sizes), cleaned(network, frames), atol=1e-3)


@pytest.mark.parametrize("count", [0, 1, AHEAD, 40])
def test_as_many_frames_come_as_went_in(network: Network, count: int):
    assert cleaned(network, log_mel(white(500))[:count]).shape == (count, BANDS)


def test_frames_wait_only_for_those_that_are_looked_ahead_at(network: Network):
    assert len(Denoiser(network).push(log_mel(white(500))[:10])) == 10 - AHEAD


def test_energy_is_only_taken_away(network: Network):
    frames = log_mel(white(500))
    assert (cleaned(network, frames) <= frames).all()


def test_noise_is_taken_away(network: Network):
    frames = log_mel(white(500))
    assert (frames - cleaned(network, frames)).mean() > 4  # nats: 17 dB


@pytest.mark.parametrize("voice", ["slt", "rms", "awb", "kal16"])
def test_speech_without_noise_is_left(network: Network, flite: Say, voice: str):
    speech = np.concatenate([np.zeros(4_800), np.frombuffer(flite("what time is it", voice), np.int16)])
    frames = log_mel(speech + white(3, len(speech)))
    loud = frames.mean(axis=1) > frames.mean(axis=1).max() - 4
    assert (frames - cleaned(network, frames))[loud].mean() < 0.3


def test_another_file_is_no_denoiser(tmp_path: Path):
    other = tmp_path / "other.npz"
    np.savez(other, something=np.zeros(3))
    with pytest.raises(ValueError, match=r"other\.npz holds no denoiser"):
        Network(other)
