from collections.abc import Callable, Generator

import numpy as np
import pytest

from agent.call_line import Turn
from agent.recording import find_speech
from tests.processes import VoiceAgent

HZ = 16_000
MARGIN = HZ // 20
"""50 ms: a soft consonant lies before where speech is found to begin."""

Speak = Callable[..., Turn]


@pytest.fixture(scope="session")
def voice_agent(tmp_path_factory: pytest.TempPathFactory) -> Generator[VoiceAgent]:
    """All four processes, running."""
    with VoiceAgent(tmp_path_factory.mktemp("voice_agent"), AGENT_TIME_ZONE="UTC") as running:
        yield running


@pytest.fixture(scope="session")
def speak(flite: Callable[..., bytes]) -> Speak:
    """speak("one", 0.8, "two", voice="rms") -> a turn; numbers are seconds of silence."""

    def turn(*parts: str | float, voice: str = "slt", barge_in_after_s: float | None = None) -> Turn:
        name = " ... ".join(part for part in parts if isinstance(part, str))
        pcm = flite(parts[0], voice)
        for pause_s, text in zip(parts[1::2], parts[2::2], strict=True):
            pcm = _joined(pcm, float(pause_s), flite(text, voice))
        return Turn.from_pcm(pcm, HZ, name, barge_in_after_s)

    return turn


def _joined(before: bytes, pause_s: float, after: bytes) -> bytes:
    """With just this much silence in between: flite leaves a fifth of a second on either side."""
    one, other = np.frombuffer(before, np.int16), np.frombuffer(after, np.int16)
    end, start = find_speech(one, HZ)[-1].end + MARGIN, find_speech(other, HZ)[0].start - MARGIN
    pause = np.zeros(int(pause_s * HZ) - 2 * MARGIN, np.int16)
    return np.concatenate([one[:end], pause, other[start:]]).tobytes()


def loudness(samples: np.ndarray) -> float:
    """The root mean square of int16 samples, 0 to 1."""
    return float(np.sqrt(np.mean((samples.astype(np.float64) / 32_768) ** 2))) if len(samples) else 0.0
