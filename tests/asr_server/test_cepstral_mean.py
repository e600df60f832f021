import numpy as np
import pytest

from asr_server.cepstra import CEPSTRA
from asr_server.cepstral_mean import KNOWN_FRAMES, LOUD_OVER_MEAN, START, CepstralMean

USUAL = np.array(START.split(","), np.float32)


def learnt(*frames: np.ndarray) -> np.ndarray:
    """What a caller's mean has become, less what it was."""
    mean = CepstralMean(START)
    for each in frames:
        mean.push(each.astype(np.float32))
    return np.array(mean.text().split(","), np.float32) - USUAL


def test_nothing_is_learnt_of_nothing():
    assert not learnt().any()


def test_nothing_is_learnt_of_a_usual_voice():
    assert abs(learnt(np.tile(USUAL + LOUD_OVER_MEAN, (KNOWN_FRAMES, 1)))).max() < 0.01


def test_as_many_frames_as_are_known_move_it_half_way():
    assert learnt(np.tile(USUAL + LOUD_OVER_MEAN + 3, (KNOWN_FRAMES, 1))) == pytest.approx(1.5, abs=0.01)


def test_pauses_teach_nothing():
    pause = np.zeros((300, CEPSTRA))
    voice = np.tile(USUAL + LOUD_OVER_MEAN, (KNOWN_FRAMES, 1))
    assert abs(learnt(pause, voice, pause)).max() < 0.01


def test_a_mean_of_another_length_is_refused():
    with pytest.raises(ValueError, match="13 numbers, not 2"):
        CepstralMean("1,2")
