"""How the demo model is made: its sizes, and what it learns from at which step."""

from dataclasses import dataclass

from llm.demo.batches import Batches, Row

STEPS = 4_000
DRILL_SHARE = 0.07  # of the steps are drills
EASY_SHARE = 0.3  # of the steps have calls of two turns at most, or drills
MOST_TURNS = 6
SHARES = 2  # of a step's calls, each computed by its own process


@dataclass(frozen=True)
class Shape:
    """Sizes of the model; 1.3 million parameters."""

    vocab: int
    width: int = 160
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    hidden: int = 352
    context: int = 4096
    rope_base: float = 10_000.0
    norm_eps: float = 1e-5

    @property
    def head_width(self) -> int:
        """Channels of one head."""
        return self.width // self.heads


@dataclass(frozen=True)
class Recipe:
    """All that decides what the model becomes."""

    seed: int = 1
    steps: int = STEPS
    rate: float = 5e-3
    share_tokens: int = 2_000

    def rate_at(self, step: int) -> float:
        """Warms up for 40 steps and falls in a line to 2 %."""
        return self.rate * max(0.02, 1 - step / self.steps) * min(1.0, (step + 1) / 40)

    def batch(self, batches: Batches, step: int, share: int) -> list[Row]:
        """The calls of one step that one process learns from."""
        done = step / self.steps
        most_turns = 0 if done < DRILL_SHARE else 2 if done < EASY_SHARE else MOST_TURNS
        return batches.batch(step, share, most_turns)
