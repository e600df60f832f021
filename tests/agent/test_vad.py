from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams

from agent.vad import IGNORED_MS, Vad


@pytest.fixture
async def vad() -> AsyncIterator[Vad]:
    vad = Vad(params=VADParams(start_secs=0.2, stop_secs=0.2))
    vad.set_sample_rate(16_000)
    yield vad
    await vad.cleanup()


async def silences(vad: Vad, pcm: bytes) -> list[float]:
    """What it tells after every 20 ms."""
    told: list[float] = []
    for begin in range(0, len(pcm) - 639, 640):
        await vad.analyze_audio(pcm[begin : begin + 640])
        told.append(vad.silence_ms)
    return told


def speech(flite: Callable[..., bytes]) -> bytes:
    pcm = np.frombuffer(flite("Can you help me?", "slt"), np.int16)
    loud = np.nonzero(np.abs(pcm) > 200)[0]
    return pcm[loud[0] : loud[-1]].tobytes()


async def test_there_is_none_while_somebody_speaks(vad: Vad, flite: Callable[..., bytes]):
    assert 0 in await silences(vad, speech(flite))


async def test_it_grows_until_it_is_a_pause(vad: Vad, flite: Callable[..., bytes]):
    await silences(vad, speech(flite))
    told = await silences(vad, bytes(32 * 600))
    assert sorted(set(told)) == [0, 32, 64, 96, 128, 160, 200]
    assert told == sorted(told)


@pytest.fixture
def humming(vad: Vad, monkeypatch: pytest.MonkeyPatch) -> Vad:
    """In a noise that sounds like speech: every sample that is not 0."""
    monkeypatch.setattr(SileroVADAnalyzer, "voice_confidence", lambda _, buffer: float(any(buffer)))
    monkeypatch.setattr(vad, "_get_smoothed_volume", lambda _: 1.0)
    return vad


HUM = b"\x10\x10" * 16


async def test_a_noise_that_is_ignored_is_a_pause_however_long_it_goes_on(humming: Vad):
    await silences(humming, HUM * 500)
    humming.ignore_noise()
    assert set((await silences(humming, HUM * 6_000))[12:]) == {200}


async def test_a_noise_that_has_ended_is_not_ignored_when_it_comes_again(humming: Vad):
    humming.ignore_noise()
    await silences(humming, HUM * (IGNORED_MS + 100))
    await silences(humming, bytes(32 * 100))
    assert (await silences(humming, HUM * 500))[-1] == 0
