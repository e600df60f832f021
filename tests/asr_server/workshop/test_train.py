"""The denoiser's recipe runs, and what it writes is computed alike without torch."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training environment's (the extra `train`)")

from asr_server.denoiser import Denoiser, Network  # noqa: E402
from asr_server.workshop import train  # noqa: E402


def test_a_few_steps_make_weights_that_are_computed_alike_without_torch(flite: object, tmp_path: Path):
    model = train.make(tmp_path / "denoiser.npz", tmp_path, 2, 2, sentences_per_voice=2)
    log_mel = np.random.default_rng(0).normal(9, 3, (40, 25)).astype(np.float32)
    denoiser = Denoiser(Network(tmp_path / "denoiser.npz"))
    cleaned = np.concatenate([denoiser.push(log_mel), denoiser.flush()])
    with torch.no_grad():
        expected = model(torch.from_numpy(log_mel)[None])[0].numpy()
    assert len(cleaned) == len(log_mel)
    assert np.abs(cleaned - expected).max() < 0.05  # the weights are rounded to 16 bits
