"""Speech to train and to score with: flite's voices, and noise of a measured loudness under them."""

import json
import subprocess
import tempfile
import wave
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from asr_server.cepstra import Array
from asr_server.protocol import SAMPLE_RATE_HZ

VOICES = ("slt", "rms", "awb", "kal16")
"""Those of flite that speak at 16 kHz; the first three are made from people's recordings."""
HOP_SAMPLES = SAMPLE_RATE_HZ // 100
PAUSE_UNDER_PEAK = 1e-4
"""A hop whose energy is 40 dB below the loudest one's is no speech."""


class Sentences(NamedTuple):
    """What is read out. Nothing of it is in the corpus of the demo's domain, but for short answers."""

    in_domain: list[str]
    """Callers' sentences by another seed than the language model's."""
    in_domain_to_fit: list[str]
    """More of those: the confidence is fitted to them, and scored on the others."""
    out_of_domain: list[str]
    """News, sports, technical matters and chat."""
    out_of_domain_to_fit: list[str]
    babble: list[str]
    """What the people in the background say."""


def sentences() -> Sentences:
    """Those that are committed beside this module."""
    return Sentences(**json.loads((Path(__file__).parent / "sentences.json").read_text(encoding="utf-8")))


@cache
def say(text: str, voice: str) -> Array:
    """(T,) in the range of PCM16. Raises CalledProcessError or FileNotFoundError where flite cannot."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "said.wav")
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", path], check=True)
        with wave.open(path) as wav:
            if wav.getframerate() != SAMPLE_RATE_HZ:
                raise ValueError(f"{voice} speaks at {wav.getframerate()} Hz, not {SAMPLE_RATE_HZ}")
            return np.frombuffer(wav.readframes(wav.getnframes()), np.int16).astype(np.float32)


def speech_level(pcm: Array) -> float:
    """Root mean square of the hops in which somebody speaks."""
    hops = pcm[: len(pcm) // HOP_SAMPLES * HOP_SAMPLES].reshape(-1, HOP_SAMPLES)
    energies = np.asarray(np.mean(hops * hops, axis=1), np.float32)
    return float(np.sqrt(np.mean(energies[energies > PAUSE_UNDER_PEAK * energies.max()])))


def babble(rng: np.random.Generator, people: list[Array], length: int) -> Array:
    """(length,) of unit level: all of these at once, each begun at random and again when it ends."""
    sum_ = np.zeros(length, np.float32)
    for person in people:
        sum_ += np.resize(np.roll(person, int(rng.integers(len(person)))), length) / speech_level(person)
    return sum_ / np.sqrt(np.mean(sum_ * sum_))


def noisy(speech: Array, noise: Array, snr_db: float) -> Array:
    """Speech with noise of unit level and the same length, clipped to PCM16, and of whole numbers."""
    mixed = speech + noise * np.float32(speech_level(speech) * 10 ** (-snr_db / 20))
    return mixed.round().clip(-32_768, 32_767).astype(np.float32)
