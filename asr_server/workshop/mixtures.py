"""What the denoiser is trained with: flite's voices, and noise under them, mixed anew for every step."""

# PocketSphinx leaves its functions untyped.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pocketsphinx

from asr_server.cepstra import FRAME_SAMPLES, HOP_SAMPLES, Array, LogMel
from asr_server.protocol import SAMPLE_RATE_HZ
from asr_server.settings import AsrSettings
from asr_server.sphinx import HISS
from asr_server.workshop.speech import babble, noisy, sentences, speech_level

FRAMES = 300
SAMPLES = HOP_SAMPLES * (FRAMES - 1) + FRAME_SAMPLES
USUAL_LEVEL = 2_600.0


def made_up(rng: random.Random, path: Path) -> Iterator[str]:
    """Sentences of a trigram model in ARPA's format, by its trigrams and pairs."""
    following: dict[tuple[str, ...], list[tuple[str, float]]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        logarithm, tab, gram = line.partition("\t")
        words = gram.partition("\t")[0].split()
        if tab and len(words) > 1:
            following[tuple(words[:-1])].append((words[-1], 10 ** float(logarithm)))
    while True:
        said = ["<s>"]
        while said[-1] != "</s>" and len(said) < 20:
            choices = following.get(tuple(said[-2:])) or following.get((said[-1],)) or [("</s>", 1.0)]
            said.append(rng.choices([word for word, _ in choices], [share for _, share in choices])[0])
        yield " ".join(said[1:-1])


def texts(rng: random.Random, settings: AsrSettings) -> Iterator[str]:
    """A sentence of the domain, then words of the dictionary, and so on; none that is scored with."""
    scored = {text for group in sentences() for text in group}
    dictionary = Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict")).read_text(encoding="utf-8")
    words = [
        word for line in dictionary.splitlines() if (word := line.split()[0]).isalpha() and len(word) < 11
    ]
    for text in made_up(rng, settings.language_model):
        if text not in scored and len(text.split()) > 2:
            yield text
            yield " ".join(rng.sample(words, 8))


class Mixer:
    """Makes stretches of FRAMES, noisy and clean, from recordings of unit level."""

    def __init__(self, recordings: list[Array]) -> None:
        self._rng = np.random.default_rng(0)
        self._recordings = [pcm / speech_level(pcm) for pcm in recordings]
        self._babble = [self._crowd() for _ in range(14)]
        self._hiss = np.resize(HISS, SAMPLES).astype(np.float32)

    def pairs(self, seed: int, count: int) -> list[tuple[Array, Array]]:
        """So many, always the same for a seed."""
        self._rng = np.random.default_rng(seed)
        return [self._pair() for _ in range(count)]

    def _pair(self) -> tuple[Array, Array]:
        """(FRAMES, BANDS) of a mixture, and of the speech in it."""
        rng = self._rng
        clean = self._speech() * np.float32(USUAL_LEVEL * 10 ** (rng.uniform(-14, 8) / 20))
        if rng.random() < 0.4:
            clean = self._coloured(clean, 2.5)
        mixed = clean if rng.random() < 0.12 else noisy(clean, self._noise(), rng.uniform(0, 22))
        return self._log_mel(mixed), self._log_mel(clean)

    def _log_mel(self, pcm: Array) -> Array:
        return LogMel().push((pcm + self._hiss).clip(-32_768, 32_767))

    def _speech(self) -> Array:
        rng, pcm = self._rng, np.zeros(SAMPLES, np.float32)
        at = int(rng.uniform(0.1, 0.7) * SAMPLE_RATE_HZ)
        while at < SAMPLES - 3_000:
            said = self._anybody(0.12)[: SAMPLES - at]
            pcm[at : at + len(said)] = said
            at += len(said) + int(rng.uniform(0.1, 0.8) * SAMPLE_RATE_HZ)
        return pcm

    def _anybody(self, change: float) -> Array:
        """A recording, played up to so much faster or slower."""
        said = self._recordings[self._rng.integers(len(self._recordings))]
        pace = 1 + self._rng.uniform(-change, change)
        return np.interp(np.arange(0, len(said) - 1, pace), np.arange(len(said)), said).astype(np.float32)

    def _crowd(self) -> Array:
        people = [
            np.concatenate([self._anybody(0.16) for _ in range(10)]) for _ in range(self._rng.integers(4, 12))
        ]
        return babble(self._rng, people, 25 * SAMPLE_RATE_HZ)

    def _noise(self) -> Array:
        rng, kind = self._rng, self._rng.random()
        if kind < 0.45:
            crowd = self._babble[rng.integers(len(self._babble))]
            at = rng.integers(len(crowd) - SAMPLES)
            return crowd[at : at + SAMPLES]
        white = rng.normal(0, 1, SAMPLES).astype(np.float32)
        if kind < 0.8:
            return white
        coloured = self._coloured(white, 8.0)
        return coloured / np.sqrt(np.mean(coloured * coloured))

    def _coloured(self, pcm: Array, spread_db: float) -> Array:
        spectrum = np.fft.rfft(pcm)
        gains_db = np.interp(
            np.linspace(0, 7, len(spectrum)), np.arange(8), self._rng.normal(0, spread_db, 8)
        )
        return np.fft.irfft(spectrum * 10 ** (gains_db / 20), len(pcm)).astype(np.float32)
