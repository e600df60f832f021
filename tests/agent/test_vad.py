from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest
from pipecat.audio.vad.vad_analyzer import VADParams

from agent.vad import Vad


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
