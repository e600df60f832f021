"""Train the denoiser. Needs flite, torch (the `train` extra) and half an hour of one core.

    python -m asr_server.workshop.train --into .run/denoiser

Flite's voices read sentences that the domain's language model makes up, and words of the dictionary in any
order; speed, loudness and colour are varied. White, coloured or babbling noise is put under most of it, 0 to
22 dB below the speech. What is learnt first is to bring the cepstra of the mixture, and how they change,
close to those of the speech alone, each measured by its own spread; then, that PocketSphinx's acoustic model
hears the same in both. The second part took a third of the errors in white noise away.
"""

import argparse
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pocketsphinx
import torch
from torch import nn

from asr_server.cepstra import BANDS, CEPSTRA, COSINES, FRAME_SAMPLES, HOP_SAMPLES, Array, LogMel
from asr_server.denoiser import AHEAD, CENTRE, MOST, SCALE, WEIGHTS
from asr_server.protocol import SAMPLE_RATE_HZ
from asr_server.settings import AsrSettings
from asr_server.sphinx import HISS
from asr_server.workshop.senones import Hearing
from asr_server.workshop.speech import VOICES, babble, noisy, say, sentences, speech_level

WIDTH = 128
SENTENCES_PER_VOICE = 130  # of the domain, and as many of random words
MATCHING_STEPS, HEARING_STEPS = 1_000, 700
BATCH = 32
FRAMES = 300
SAMPLES = HOP_SAMPLES * (FRAMES - 1) + FRAME_SAMPLES
MATCHING_RATE, HEARING_RATE = 2.5e-3, 1e-3
READERS = (*VOICES, "slt")
"""White noise hides more of slt's speech than of the others', so there is more of it."""
USUAL_LEVEL = 2_600.0
DELTA_WEIGHTS = (1.0, 0.6, 0.4)  # of the cepstra, their change, and the change of that


class Model(nn.Module):
    """What `asr_server.denoiser` computes without torch."""

    def __init__(self) -> None:
        super().__init__()
        self.inp = nn.Linear(BANDS * (AHEAD + 2), WIDTH)
        self.g1 = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.g2 = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.out = nn.Linear(WIDTH, BANDS)
        with torch.no_grad():
            self.out.weight *= 0.1
            self.out.bias.fill_(3.5)  # begins by taking nearly nothing away

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        """(B, L, BANDS) -> (B, L, BANDS)."""
        padded = torch.cat([log_mel[:, :1], log_mel, log_mel[:, -1:].expand(-1, AHEAD, -1)], 1)
        scaled = (padded - float(CENTRE)) / float(SCALE)
        context = [scaled[:, shift : shift + log_mel.shape[1]] for shift in range(AHEAD + 2)]
        first, _ = self.g1(torch.relu(self.inp(torch.cat(context, 2))))
        second, _ = self.g2(first)
        return log_mel - float(MOST) * torch.sigmoid(-self.out(first + second))


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


def changes(log_mel: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Cepstra, and their first and second differences as PocketSphinx takes them."""
    cepstra = log_mel @ torch.from_numpy(COSINES)
    deltas = cepstra[:, 4:] - cepstra[:, :-4]
    return cepstra, deltas, deltas[:, 2:] - deltas[:, :-2]


class Matching:
    """How far cleaned cepstra and their changes are from those of the speech, by their spreads: a loss."""

    def __init__(self, speech: torch.Tensor) -> None:
        """(B, L, BANDS) of any speech, to measure the spreads of."""
        self._spreads = [part.reshape(-1, CEPSTRA).std(0) for part in changes(speech)]

    def __call__(self, cleaned: torch.Tensor, speech: torch.Tensor) -> torch.Tensor:
        """Two (B, L, BANDS) of log mel -> one number."""
        errors = [
            ((got - want) / spread).pow(2).mean()
            for got, want, spread in zip(changes(cleaned), changes(speech), self._spreads, strict=True)
        ]
        return torch.stack(
            [weight * error for weight, error in zip(DELTA_WEIGHTS, errors, strict=True)]
        ).sum()


Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Stage:
    """Some steps by one loss. No mixture is seen twice; it goes on where its checkpoint was left."""

    def __init__(self, model: Model, mixer: Mixer, loss: Loss, seeds: range, rate: float) -> None:
        """A seed for the mixtures of each step."""
        self._model, self._mixer, self._loss, self._seeds = model, mixer, loss, seeds
        self._optimizer = torch.optim.Adam(model.parameters(), lr=rate)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, rate, len(seeds), pct_start=0.05
        )
        self._parts = {"model": model, "optimizer": self._optimizer, "schedule": self._schedule}

    def train(self, checkpoint: Path) -> None:
        """All steps that the checkpoint lacks. Raises SystemExit where it is another training's."""
        done = self._go_on(checkpoint) if checkpoint.exists() else 0
        for seed in self._seeds[done:]:
            loss, done = self._step(seed), done + 1
            if done % 50 == 0 or done == len(self._seeds):
                print(f"{checkpoint.stem}: step {done} of {len(self._seeds)}: {loss:.3f}", flush=True)
                states = {name: part.state_dict() for name, part in self._parts.items()}
                torch.save({"done": done, "steps": len(self._seeds), **states}, checkpoint)

    def _go_on(self, checkpoint: Path) -> int:
        kept = torch.load(checkpoint, weights_only=True)
        if kept["steps"] != len(self._seeds):
            raise SystemExit(f"{checkpoint} is of a training with another number of steps: remove it")
        for name, part in self._parts.items():
            part.load_state_dict(kept[name])
        return kept["done"]

    def _step(self, seed: int) -> float:
        mixed, speech = batch(self._mixer, seed)
        loss = self._loss(self._model(mixed), speech)
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimizer.step()
        self._schedule.step()
        return loss.item()


def batch(mixer: Mixer, seed: int, size: int = BATCH) -> tuple[torch.Tensor, torch.Tensor]:
    """(size, FRAMES, BANDS) of mixtures, and of the speech in them."""
    mixed, speech = zip(*mixer.pairs(seed, size), strict=True)
    return torch.from_numpy(np.array(mixed)), torch.from_numpy(np.array(speech))


def make(
    to: Path,
    into: Path,
    matching_steps: int = MATCHING_STEPS,
    hearing_steps: int = HEARING_STEPS,
    sentences_per_voice: int = SENTENCES_PER_VOICE,
) -> Model:
    """Record, mix, train, and write the weights; the checkpoints are kept in a folder."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    source = texts(random.Random(77), AsrSettings())
    recordings = [say(next(source), voice) for _ in range(2 * sentences_per_voice) for voice in READERS]
    print(f"{sum(map(len, recordings)) / SAMPLE_RATE_HZ:.0f} s of speech", flush=True)
    model, mixer = Model(), Mixer(recordings)
    steps = matching_steps + hearing_steps
    into.mkdir(parents=True, exist_ok=True)
    matching = Matching(batch(mixer, steps, 300)[1])
    Stage(model, mixer, matching, range(matching_steps), MATCHING_RATE).train(into / "matching.pt")
    Stage(model, mixer, Hearing(), range(matching_steps, steps), HEARING_RATE).train(into / "hearing.pt")
    weights = {name: value.numpy().astype(np.float16) for name, value in model.state_dict().items()}
    np.savez_compressed(to, **weights)
    return model


def main() -> None:
    """Write the weights."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--to", type=Path, default=WEIGHTS)
    parser.add_argument("--into", type=Path, required=True, help="checkpoints; goes on from what is there")
    options = parser.parse_args()
    make(options.to, options.into)


if __name__ == "__main__":
    main()
