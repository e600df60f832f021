"""How long each stage of a turn takes, as published: drawn anew for every turn, the same for every run.

The quantiles are those published for github.com/pipecat-ai/nemotron-january-2026 (min, P50, P90, max of
some 20 turns). Between them nothing is known: a straight line is drawn. The maximum is one turn of 20, and
that of the voice-to-voice time can only be reached where the stages have theirs in the same turn: so one turn
of 20 has all of them. Put together as the published agent does, such times have the published
voice-to-voice quantiles, to 20 ms (test_stage_times.py). Over the other turns of a run the draws are spread
evenly, in an order that the seed gives, so that each run has the published quantiles.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

TURNS = 20
"""What was published is of so many."""


class Quantiles(NamedTuple):
    """ms."""

    least: float
    p50: float
    p90: float
    most: float

    def at(self, share: float) -> float:
        """The time that this share (0 to 1) of the turns does not exceed."""
        knots = ((0.0, self.least), (0.5, self.p50), (0.9, self.p90), (1.0, self.most))
        for (low, from_ms), (high, to_ms) in zip(knots, knots[1:], strict=False):
            if share <= high:
                return from_ms + (to_ms - from_ms) * (share - low) / (high - low)
        raise ValueError(f"a share of {share}: from 0 to 1, please")


@dataclass(frozen=True)
class Published:
    """What was measured on one machine."""

    name: str
    asr: Quantiles
    llm: Quantiles
    tts: Quantiles
    voice_to_voice: Quantiles
    """By the agent's clock."""
    tokens_per_s: float
    """An assumption, not published. Four to five times as fast as people listen, or more."""


RTX5090 = Published(
    "rtx5090",
    asr=Quantiles(13, 19, 23, 70),
    llm=Quantiles(71, 171, 199, 255),
    tts=Quantiles(99, 108, 113, 146),
    voice_to_voice=Quantiles(415, 508, 544, 639),
    tokens_per_s=200,
)
DGX_SPARK = Published(
    "dgx-spark",
    asr=Quantiles(24, 27, 69, 122),
    llm=Quantiles(343, 750, 915, 1669),
    tts=Quantiles(158, 185, 204, 1171),
    voice_to_voice=Quantiles(759, 1180, 1359, 2981),
    tokens_per_s=60,
)
FAST_LLM = Published(
    "fast-llm",
    asr=RTX5090.asr,
    llm=Quantiles(71, 71, 71, 71),
    tts=RTX5090.tts,
    voice_to_voice=RTX5090.voice_to_voice,
    tokens_per_s=RTX5090.tokens_per_s,
)
MACHINES = {published.name: published for published in (RTX5090, DGX_SPARK, FAST_LLM)}


class TurnTimes(NamedTuple):
    """What the servers take in one turn, ms."""

    asr_ms: float
    """From a Commit to its Final."""
    llm_ms: float
    """From a request to the first text that can be spoken. The published agent stops its LLM's clock
    (pipecat_bots/llama_cpp_buffered_llm.py: stop_ttfb_metrics) where it hands the first segment on, which is
    when all 24 tokens of it have come; their sum also leaves no time for it elsewhere."""
    tts_ms: float
    """From the first text of a speech to its first audio."""


def draw(published: Published, turns: int, seed: int) -> list[TurnTimes]:
    """The times of each turn."""
    stages = ((published.asr, "asr"), (published.llm, "llm"), (published.tts, "tts"))
    worst = round(turns / TURNS)
    columns = [_spread(quantiles, turns, worst, f"{seed} {name}") for quantiles, name in stages]
    times = [TurnTimes(*drawn) for drawn in zip(*columns, strict=True)]
    times += [TurnTimes(*(quantiles.most for quantiles, _ in stages))] * worst
    random.Random(f"{seed}").shuffle(times)
    return times


def _spread(quantiles: Quantiles, turns: int, worst: int, seed: str) -> Sequence[float]:
    """Of the turns but the worst, of which none takes longer than P90."""
    times_ms = [quantiles.at(min(0.9, (rank + 0.5) / turns)) for rank in range(turns - worst)]
    random.Random(seed).shuffle(times_ms)
    return times_ms
