from collections.abc import Callable, Iterator

import numpy as np
import pytest

from agent.call_line import Turn
from tests.processes import VoiceAgent
from tests.spoken import with_pause

HZ = 16_000

Speak = Callable[..., Turn]


@pytest.fixture(scope="session")
def voice_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VoiceAgent]:
    """All four processes, running."""
    with VoiceAgent(tmp_path_factory.mktemp("voice_agent"), AGENT_TIME_ZONE="UTC") as running:
        yield running


@pytest.fixture(scope="session")
def speak(flite: Callable[..., bytes]) -> Speak:
    """speak("one", 0.8, "two", voice="rms") -> a turn; numbers are seconds of silence."""

    def turn(*parts: str | float, voice: str = "slt", barge_in_after_s: float | None = None) -> Turn:
        speech = np.frombuffer(flite(parts[0], voice), np.int16)
        for pause_s, text in zip(parts[1::2], parts[2::2], strict=True):
            speech = with_pause(speech, float(pause_s), np.frombuffer(flite(text, voice), np.int16), HZ)
        name = " ... ".join(part for part in parts if isinstance(part, str))
        return Turn.from_pcm(speech.tobytes(), HZ, name, barge_in_after_s)

    return turn


def loudness(samples: np.ndarray) -> float:
    """The root mean square of int16 samples, 0 to 1."""
    return float(np.sqrt(np.mean((samples.astype(np.float64) / 32_768) ** 2))) if len(samples) else 0.0
