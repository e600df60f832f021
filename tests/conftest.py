"""Tools that tests need from the machine, and speech made with one of them."""

import functools
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def _need(*names: str) -> str:
    """The first of these programs that is here; else skip, or fail where the machine promised them all."""
    for name in names:
        if found := shutil.which(name):
            return found
    if os.environ.get("VOICE_AGENT_REQUIRE_TOOLS"):
        pytest.fail(f"{names[0]} is not installed")
    pytest.skip(f"{names[0]} is not installed (Debian: apt-get install {names[0]})")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium."""
    return _need(*CHROMIUM)


@pytest.fixture(scope="session")
def flite(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """say(text, voice="slt") -> PCM16 mono at 16 kHz, in a voice made from a person's recordings."""
    program = _need("flite")
    folder = tmp_path_factory.mktemp("flite")

    @functools.cache
    def say(text: str, voice: str = "slt") -> bytes:
        path = folder / f"{voice}-{abs(hash(text))}.wav"
        subprocess.run([program, "-voice", voice, "-t", text, "-o", str(path)], check=True)
        return _pcm_16k(path)

    return say


def _pcm_16k(path: Path) -> bytes:
    """The WAV file's samples at 16 kHz."""
    import wave

    import soxr

    with wave.open(str(path)) as wav:
        rate_hz = wav.getframerate()
        samples = np.frombuffer(wav.readframes(wav.getnframes()), np.int16)
    return soxr.resample(samples, rate_hz, 16_000).astype(np.int16).tobytes()
