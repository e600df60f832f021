"""How sure the embedded ear is of its words: a logistic rule over what PocketSphinx says of them. Pure."""

import math
from typing import NamedTuple


class Evidence(NamedTuple):
    """What speaks for the words that were found; the first two are 0 at best."""

    acoustic: float
    """How much worse a frame fits its word than the sound that it fits best, on average: nats."""
    language: float
    """How unusual a word is behind those before it, on average, in thousandths of PocketSphinx's scores."""
    length: float
    """The logarithm of the number of words."""


WEIGHTS = Evidence(acoustic=1.66, language=0.132, length=-1.713)
BIAS = 15.252
"""From `python -m asr_server.workshop.fit`: sentences of the demo's domain against others."""


def confidence(evidence: Evidence) -> float:
    """From 0 to 1; below 0.5, the words are rather not what was said."""
    total = BIAS + sum(weight * value for weight, value in zip(WEIGHTS, evidence, strict=True))
    return 1 / (1 + math.exp(-min(max(total, -50.0), 50.0)))
