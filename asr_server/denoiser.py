"""Take noise out of speech between the front end and the decoder: a small recurrent network, in numpy.

    log mel, 3 frames ahead ──► dense ──► GRU ──► GRU ──► how much less of each band is speech

It only ever takes energy away, and hardly any where it hears no noise. Made by `asr_server.workshop.train`,
which says from what.
"""

from pathlib import Path

import numpy as np

from asr_server.cepstra import BANDS, Array

WEIGHTS = Path(__file__).parent / "denoiser.npz"
AHEAD = 3
"""Frames that must follow one before it is cleaned: 30 ms, which a pause has anyway."""
CENTRE, SCALE = np.float32(9), np.float32(3)
"""Of log mel energies, roughly: speech lies from 4 to 16."""
MOST = np.float32(12)
"""What can be taken away, in nats of energy: 52 dB."""


class Network:
    """The weights, shared by all that clean."""

    def __init__(self, path: Path) -> None:
        """Load them. Raises ValueError where the file holds something else."""
        with np.load(path) as file:
            weights = {name: file[name].astype(np.float32) for name in file.files}
        try:
            self.dense = Dense(weights["inp.weight"], weights["inp.bias"])
            self.layers = [Gru(weights, name) for name in ("g1", "g2")]
            self.out = Dense(weights["out.weight"], weights["out.bias"])
        except KeyError as error:
            raise ValueError(f"{path} holds no denoiser: {error} is missing") from error
        self.width = len(self.dense.bias)


class Dense:
    """A layer of weights."""

    def __init__(self, weight: Array, bias: Array) -> None:
        self._weight = np.ascontiguousarray(weight.T)
        self.bias = bias

    def __call__(self, x: Array) -> Array:
        """(L, in) -> (L, out)."""
        return x @ self._weight + self.bias


class Gru:
    """A gated recurrent unit (Cho et al. 2014), as PyTorch writes it down."""

    def __init__(self, weights: dict[str, Array], name: str) -> None:
        self._input = Dense(weights[f"{name}.weight_ih_l0"], weights[f"{name}.bias_ih_l0"])
        self._recurrent = Dense(weights[f"{name}.weight_hh_l0"], weights[f"{name}.bias_hh_l0"])

    def __call__(self, x: Array, state: Array) -> tuple[Array, Array]:
        """(L, width), (width,) -> (L, width) and the state after it."""
        width = len(state)
        outputs = np.empty((len(x), width), np.float32)
        for at, given in enumerate(self._input(x)):
            kept = self._recurrent(state)
            reset, update = np.split(_sigmoid(given[: 2 * width] + kept[: 2 * width]), 2)
            new = np.tanh(given[2 * width :] + reset * kept[2 * width :])
            state = outputs[at] = new + update * (state - new)
        return outputs, state


class Denoiser:
    """Cleans one utterance from its beginning."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._states = [np.zeros(network.width, np.float32) for _ in network.layers]
        self._frames = np.zeros((0, BANDS), np.float32)  # the last that was cleaned, and those that wait

    def push(self, log_mel: Array) -> Array:
        """(L, BANDS) -> (L', BANDS): the frames that can be cleaned now."""
        if not len(self._frames):
            self._frames = log_mel[:1]  # before the first frame is the first frame
        self._frames = np.concatenate([self._frames, log_mel])
        return self._clean()

    def flush(self) -> Array:
        """The frames that waited; after the last comes the last."""
        self._frames = np.concatenate([self._frames, self._frames[-1:].repeat(AHEAD, axis=0)])
        return self._clean()

    def _clean(self) -> Array:
        count = max(0, len(self._frames) - 1 - AHEAD)
        if not count:
            return self._frames[:0]
        noisy = self._frames[1 : 1 + count]
        scaled = (self._frames - CENTRE) / SCALE
        context = [scaled[shift : shift + count] for shift in range(AHEAD + 2)]
        x = np.maximum(self._network.dense(np.concatenate(context, axis=1)), 0)
        total = np.zeros((count, self._network.width), np.float32)
        for place, layer in enumerate(self._network.layers):
            x, self._states[place] = layer(x, self._states[place])
            total += x
        self._frames = self._frames[count:]
        return np.subtract(noisy, MOST * _sigmoid(-self._network.out(total)), dtype=np.float32)


def _sigmoid(x: Array) -> Array:
    return np.reciprocal(1 + np.exp(-x), dtype=np.float32)
