import numpy as np
import pytest

from tts_server.stretch import stretch

HZ = 22_050


def sine(seconds: float, hz: float) -> np.ndarray:
    return (10_000 * np.sin(2 * np.pi * hz * np.arange(int(HZ * seconds)) / HZ)).astype(np.int16)


@pytest.mark.parametrize("factor", [1.1, 1.83, 3.0])
def test_it_is_longer_by_the_factor(factor: float):
    assert len(stretch(sine(1, 150), factor, HZ)) == pytest.approx(HZ * factor, rel=0.03)


@pytest.mark.parametrize("hz", [110.0, 180.0, 400.0])
def test_the_pitch_stays(hz: float):
    slow = stretch(sine(1, hz), 1.8, HZ)
    middle = slow[HZ // 4 : HZ // 4 + HZ].astype(float)
    assert np.argmax(np.abs(np.fft.rfft(middle))) == pytest.approx(hz, abs=2)


def test_the_loudness_stays():
    slow = stretch(sine(1, 180), 1.8, HZ).astype(float)
    assert np.std(slow[2_000:-2_000]) == pytest.approx(np.std(sine(1, 180).astype(float)), rel=0.05)


def test_silence_stays_silent():
    assert not stretch(np.zeros(HZ, np.int16), 2, HZ).any()


def test_what_is_short_or_not_to_be_slower_is_left_alone():
    assert np.array_equal(stretch(sine(1, 180), 1.0, HZ), sine(1, 180))
    assert len(stretch(sine(0.02, 180), 2, HZ)) == int(HZ * 0.02)
