"""What PocketSphinx's acoustic model makes of cepstra, in torch: something to train the denoiser by.

A senone is a part of a phone beside certain others. This model (PTM, "phonetically tied") describes each
phone by 128 Gaussians of the cepstra, as many of their changes, and of the changes of those; a senone is
three mixtures of its phone's. The files' formats are PocketSphinx's (s3_file, bin_mdef, ptm_mgau).
"""

import math
from pathlib import Path

import numpy as np
import pocketsphinx
import torch
from numpy.typing import NDArray
from torch.nn import functional

from asr_server.cepstra import COSINES
from asr_server.cepstral_mean import LOUD_OVER_MEAN, LOUD_RANGE

SENDUMP_UNIT = 1_024 * math.log(1.0001)
"""A byte of `sendump` counts these, negative, of a weight's natural logarithm."""
LEAST_VARIANCE = 1e-4
LEAST = 1e-30
"""Of a senone's likelihood beside that of its phone's likeliest Gaussian."""
NEAR = 10
"""Frames around a loud one that are of interest too."""
QUIET_SHARE = 0.2
"""How often a frame of a pause is looked at, beside one of speech."""


class Senones:
    """The log likelihoods of an acoustic model's senones."""

    def __init__(self, folder: Path | None = None) -> None:
        """Read PocketSphinx's own model, or another PTM model. Raises OSError or ValueError for others."""
        folder = folder or Path(pocketsphinx.get_model_path("en-us/en-us"))
        means = torch.from_numpy(_gaussians(folder / "means"))
        variances = torch.from_numpy(_gaussians(folder / "variances")).clamp(min=LEAST_VARIANCE)
        # log N(x) = constant + linear . x + square . x * x
        self._square, self._linear = -0.5 / variances, means / variances
        self._constant = -0.5 * (means * means / variances + torch.log(2 * math.pi * variances)).sum(-1)
        names, phones = _phones(folder / "mdef")
        _, streams, densities, _ = means.shape
        counts = torch.from_numpy(_weights(folder / "sendump", (streams, densities, len(phones))))
        weights = torch.exp(-SENDUMP_UNIT * counts.float())
        self._weights = [weights[:, :, np.flatnonzero(phones == phone)] for phone in range(len(means))]
        self.phones = [names[phone] for phone in np.sort(phones)]
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


def _gaussians(path: Path) -> NDArray[np.float32]:
    """(phones, streams, densities, dimensions) of an s3 file, all streams of one size."""
    data = path.read_bytes()
    at = data.index(b"endhdr\n") + 7 + 4  # a mark of the byte order
    phones, streams, densities = np.frombuffer(data, np.int32, 3, at)
    sizes = np.frombuffer(data, np.int32, streams, at + 12)
    values = np.frombuffer(data, np.float32, phones * densities * sizes.sum(), at + 16 + 4 * streams)
    return values.reshape(phones, streams, densities, sizes[0]).copy()


def _phones(path: Path) -> tuple[list[str], NDArray[np.int64]]:
    """The phones' names, and (senones,): the phone that each one's Gaussians belong to."""
    data = path.read_bytes()
    at = 12 + int.from_bytes(data[8:12], "little")  # after a description of the format
    basic, count, states, _, senones, _, sequences, _, nodes, _ = np.frombuffer(data, np.int32, 10, at)
    at += 40
    *names, _ = data[at:].split(b"\0", basic)
    at += sum(len(name) + 1 for name in names) + 3 & ~3  # to a word's border
    at += 8 * nodes  # a tree to find phones by
    kinds = np.dtype([("sequence", "<i4"), ("matrix", "<i4"), ("place", "u1"), ("context", "u1", 3)])
    phones = np.frombuffer(data, kinds, count, at)
    table = np.frombuffer(data, np.uint16, sequences * states, at + kinds.itemsize * count + 4)
    found = np.full(senones, -1, np.int64)
    for place, phone in enumerate(phones):
        own = table.reshape(sequences, states)[phone["sequence"]]
        found[own] = place if place < basic else phone["context"][0]
    if (found < 0).any():
        raise ValueError(f"{path} names no phone for {np.sum(found < 0)} senones")
    return [name.decode() for name in names], found


def _weights(path: Path, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """(streams, densities, senones), in SENDUMP_UNITs: the end of the file."""
    data = np.fromfile(path, np.uint8)
    return data[-math.prod(shape) :].reshape(shape)


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


def streams(cepstra: torch.Tensor) -> torch.Tensor:
    """(B, L, CEPSTRA) -> (B * (L - 6), 3, CEPSTRA): with their changes, as PocketSphinx takes them."""
    deltas = cepstra[:, 4:] - cepstra[:, :-4]
    return torch.stack([cepstra[:, 3:-3], deltas[:, 1:-1], deltas[:, 2:] - deltas[:, :-2]], 2).flatten(0, 1)
