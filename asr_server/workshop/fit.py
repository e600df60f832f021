"""Fit the confidence: a logistic rule over what PocketSphinx says of its words.

    python -m asr_server.workshop.fit

prints the numbers that stand in `asr_server/confidence.py`. Clean speech of both kinds is read out, by
every voice in its turn. The bias is then moved half-way between where it would lose LOST of the domain's
sentences and where it would catch CAUGHT of the others. To be done again when the language model or the
denoiser has changed.
"""

import numpy as np
from numpy.typing import NDArray

from asr_server.confidence import Evidence
from asr_server.sphinx import SphinxRecognizer
from asr_server.workshop.score import CLEAN, Listener, Scene, loaded
from asr_server.workshop.speech import VOICES, sentences

LOST, CAUGHT = 0.01, 0.95
RIDGE = 0.02
"""Keeps the weights small: the two kinds can nearly be told apart by the language alone."""


def evidence_of(recognizer: SphinxRecognizer, texts: list[str]) -> NDArray[np.float64]:
    """(N, 3), of those in which words were heard."""
    scene, found = Scene(CLEAN), list[Evidence]()
    for place, voice in enumerate(VOICES):
        listener = Listener(recognizer)
        for text in texts[place :: len(VOICES)]:
            listener.hear(scene.hear(text, voice))
            if evidence := listener.evidence:
                found.append(evidence)
        listener.close()
    return np.array(found)


def fit(inside: NDArray[np.float64], outside: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Weights and bias, by Newton's method on standardised values; both kinds count the same."""
    values = np.concatenate([inside, outside])
    middle, spread = values.mean(0), values.std(0)
    scaled = np.column_stack([(values - middle) / spread, np.ones(len(values))])
    wanted = np.repeat([1.0, 0.0], [len(inside), len(outside)])
    counts = np.repeat([0.5 / len(inside), 0.5 / len(outside)], [len(inside), len(outside)])
    ridge = np.diag([RIDGE] * inside.shape[1] + [0.0])
    weights = np.zeros(scaled.shape[1])
    for _ in range(30):
        sure = 1 / (1 + np.exp(-scaled @ weights))
        gradient = scaled.T @ (counts * (sure - wanted)) + ridge @ weights
        curvature = (scaled.T * (counts * sure * (1 - sure))) @ scaled + ridge
        weights -= np.linalg.solve(curvature, gradient)
    slopes = weights[:-1] / spread
    return slopes, -float(np.quantile(inside @ slopes, LOST) + np.quantile(outside @ slopes, CAUGHT)) / 2


def main() -> None:
    """Print the rule, and how well it tells the sentences apart that it was fitted to."""
    texts, recognizer = sentences(), loaded()
    inside = evidence_of(recognizer, texts.in_domain_to_fit)
    outside = evidence_of(recognizer, texts.out_of_domain_to_fit)
    weights, bias = fit(inside, outside)
    lost, caught = np.mean(inside @ weights + bias < 0), np.mean(outside @ weights + bias < 0)
    print(f"WEIGHTS = {Evidence(*weights.round(3).tolist())}\nBIAS = {bias:.3f}")
    print(f"lost {lost:.1%} of {len(inside)} inside, caught {caught:.1%} of {len(outside)} outside")


if __name__ == "__main__":
    main()
