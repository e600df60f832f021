"""Train the denoiser. Needs flite, torch (the `train` extra) and half an hour of one core.

    python -m asr_server.workshop.train --into .run/denoiser

Flite's voices read sentences that the domain's language model makes up, and words of the dictionary in any
order; speed, loudness and colour are varied. White, coloured or babbling noise is put under most of it, 0 to
22 dB below the speech. What is learnt first is to bring the cepstra of the mixture, and how they change,
close to those of the speech alone, each measured by its own spread; then, that PocketSphinx's acoustic model
hears the same in both. The second part took a third of the errors in white noise away.
"""

import argparse
import math
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pocketsphinx
import torch
from torch import nn
from torch.nn import functional

from asr_server.cepstra import BANDS, CEPSTRA, COSINES
from asr_server.cepstral_mean import LOUD_OVER_MEAN, LOUD_RANGE
from asr_server.denoiser import AHEAD, CENTRE, MOST, SCALE, WEIGHTS
from asr_server.protocol import SAMPLE_RATE_HZ
from asr_server.settings import AsrSettings
from asr_server.workshop.acoustic_model import SENDUMP_UNIT, gaussians, mixture_weights, phones
from asr_server.workshop.mixtures import Mixer, texts
from asr_server.workshop.speech import VOICES, say

WIDTH = 128
SENTENCES_PER_VOICE = 130  # of the domain, and as many of random words
MATCHING_STEPS, HEARING_STEPS = 1_000, 700
BATCH = 32
MATCHING_RATE, HEARING_RATE = 2.5e-3, 1e-3
READERS = (*VOICES, "slt")
"""White noise hides more of slt's speech than of the others', so there is more of it."""
DELTA_WEIGHTS = (1.0, 0.6, 0.4)  # of the cepstra, their change, and the change of that
LEAST_VARIANCE = 1e-4
LEAST = 1e-30
"""Of a senone's likelihood beside that of its phone's likeliest Gaussian."""
NEAR = 10
"""Frames around a loud one that are of interest too."""
QUIET_SHARE = 0.2
"""How often a frame of a pause is looked at, beside one of speech."""


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


class Senones:
    """The log likelihoods of an acoustic model's senones."""

    def __init__(self, folder: Path | None = None) -> None:
        """Read PocketSphinx's own model, or another PTM model. Raises OSError or ValueError for others."""
        folder = folder or Path(pocketsphinx.get_model_path("en-us/en-us"))
        means = torch.from_numpy(gaussians(folder / "means"))
        variances = torch.from_numpy(gaussians(folder / "variances")).clamp(min=LEAST_VARIANCE)
        # log N(x) = constant + linear . x + square . x * x
        self._square, self._linear = -0.5 / variances, means / variances
        self._constant = -0.5 * (means * means / variances + torch.log(2 * math.pi * variances)).sum(-1)
        names, phone_of = phones(folder / "mdef")
        _, streams, densities, _ = means.shape
        counts = torch.from_numpy(mixture_weights(folder / "sendump", (streams, densities, len(phone_of))))
        weights = torch.exp(-SENDUMP_UNIT * counts.float())
        self._weights = [weights[:, :, np.flatnonzero(phone_of == phone)] for phone in range(len(means))]
        self.phones = [names[phone] for phone in np.sort(phone_of)]
        """Of each senone, in the order of the likelihoods."""

    def __call__(self, streams: torch.Tensor) -> torch.Tensor:
        """(N, 3, CEPSTRA), cepstra and their changes -> (N, senones), phone by phone."""
        return torch.cat([self._of_phone(phone, streams) for phone in range(len(self._weights))], 1)

    def _of_phone(self, phone: int, streams: torch.Tensor) -> torch.Tensor:
        total = torch.zeros(())
        for stream, weights in enumerate(self._weights[phone]):
            x, at = streams[:, stream], (phone, stream)
            densities = self._constant[at] + x @ self._linear[at].T + (x * x) @ self._square[at].T
            peak = densities.detach().amax(1, keepdim=True)
            total = total + peak + torch.log(torch.exp(densities - peak) @ weights + LEAST)
        return total


class Hearing:
    """How unlike PocketSphinx hears cleaned speech and the speech itself: a loss for the denoiser.

    For some of the frames, most of them in or near speech, the divergence of the senones' posteriors.
    """

    def __init__(self, frames: int = 1_500) -> None:
        self._senones, self._frames = Senones(), frames
        self._chance = torch.Generator().manual_seed(0)

    def __call__(self, cleaned: torch.Tensor, speech: torch.Tensor) -> torch.Tensor:
        """Two (B, L, BANDS) of log mel -> one number."""
        given, wanted = (log_mel @ torch.from_numpy(COSINES) for log_mel in (cleaned, speech))
        loud, mean = loud_frames(wanted), known_mean(wanted)
        near = functional.max_pool1d(loud[:, None], 2 * NEAR + 1, 1, NEAR)[:, 0, 3:-3].flatten()
        chosen = torch.multinomial(near + QUIET_SHARE, self._frames, generator=self._chance)
        with torch.no_grad():
            heard = self._senones(streams(wanted - mean)[chosen]).log_softmax(1)
        instead = self._senones(streams(given - mean)[chosen]).log_softmax(1)
        return (heard.exp() * (heard - instead)).sum(1).mean()


def loud_frames(cepstra: torch.Tensor) -> torch.Tensor:
    """(B, L, CEPSTRA) -> (B, L): 1 for frames in which somebody speaks, else 0."""
    return (cepstra[..., 0] > cepstra[..., 0].amax(1, keepdim=True) - LOUD_RANGE).float()


def known_mean(cepstra: torch.Tensor) -> torch.Tensor:
    """(B, L, CEPSTRA) -> (B, 1, CEPSTRA): what to subtract, once a voice is known (`cepstral_mean`)."""
    loud = loud_frames(cepstra)[..., None]
    return ((cepstra * loud).sum(1) / loud.sum(1) - torch.from_numpy(LOUD_OVER_MEAN))[:, None]


def changes(cepstra: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """(B, L, CEPSTRA), and their first and second differences as PocketSphinx takes them."""
    deltas = cepstra[:, 4:] - cepstra[:, :-4]
    return cepstra, deltas, deltas[:, 2:] - deltas[:, :-2]


def streams(cepstra: torch.Tensor) -> torch.Tensor:
    """(B, L, CEPSTRA) -> (B * (L - 6), 3, CEPSTRA): with their changes."""
    values, first, second = changes(cepstra)
    return torch.stack([values[:, 3:-3], first[:, 1:-1], second], 2).flatten(0, 1)


class Matching:
    """How far cleaned cepstra and their changes are from those of the speech, by their spreads: a loss."""

    def __init__(self, speech: torch.Tensor) -> None:
        """(B, L, BANDS) of any speech, to measure the spreads of."""
        self._spreads = [part.reshape(-1, CEPSTRA).std(0) for part in _changes_of(speech)]

    def __call__(self, cleaned: torch.Tensor, speech: torch.Tensor) -> torch.Tensor:
        """Two (B, L, BANDS) of log mel -> one number."""
        errors = [
            ((got - want) / spread).pow(2).mean()
            for got, want, spread in zip(
                _changes_of(cleaned), _changes_of(speech), self._spreads, strict=True
            )
        ]
        return torch.stack(
            [weight * error for weight, error in zip(DELTA_WEIGHTS, errors, strict=True)]
        ).sum()


def _changes_of(log_mel: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return changes(log_mel @ torch.from_numpy(COSINES))


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
