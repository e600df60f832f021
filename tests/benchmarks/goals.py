"""What answering ahead is to achieve, and whether it does: rows of a table, each met or missed. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tests.benchmarks.figure_tables import STALL_MS, Runs, Value, mode
from tests.benchmarks.turn_figures import Figures

OFF, ON = 0, 100
"""`eager_ms`: not answering ahead, and answering ahead as the agent does when nothing else is set."""


class Goal(NamedTuple):
    """A figure over all turns of a mode that is to be no larger than `most`."""

    times: str
    """Whose times the servers take."""
    eager_ms: int
    what: str
    figure: Callable[[Sequence[Figures]], float]
    """NaN where no turn has it."""
    most: float

    def row(self, turns: Sequence[Figures]) -> "Row":
        """Of the turns of this mode."""
        return Row(self, self.figure(turns))


class Row(NamedTuple):
    """A goal, and what was measured."""

    goal: Goal
    measured: float

    @property
    def met(self) -> bool:
        """A figure that is not there meets nothing."""
        return self.measured <= self.goal.most


def spread(value: Value, percent: float, *, forced: bool = False) -> Callable[[Sequence[Figures]], float]:
    """A percentile over the turns in which Smart Turn was, or was not, made to be wrong."""

    def figure(turns: Sequence[Figures]) -> float:
        values = [value(turn) for turn in turns if turn.forced is forced]
        known = [each for each in values if each is not None]
        return float(np.percentile(known, percent)) if known else np.nan

    return figure


def _unanswered(turns: Sequence[Figures]) -> float:
    return sum(turn.server_ms is None for turn in turns) if turns else np.nan


def _server_ms(turn: Figures) -> float | None:
    return turn.server_ms


def _added_ms(turn: Figures) -> float | None:
    return turn.added_ms


def _above_ms(turn: Figures) -> float | None:
    return None if turn.gap_ms is None or turn.server_ms is None else turn.gap_ms - turn.server_ms


def _everywhere(times: str, eager_ms: int) -> list[Goal]:
    return [
        Goal(times, eager_ms, "turns without an answer", _unanswered, 0),
        Goal(times, eager_ms, "max, the recording's gap above it", spread(_above_ms, 100), 300),
    ]


def _no_stall(times: str, eager_ms: int) -> Goal:
    """Not of a DGX Spark's times: there an answer may take longer than this without any doubt."""
    wrong = 'max, Smart Turn made to say "incomplete"'
    return Goal(times, eager_ms, wrong, spread(_server_ms, 100, forced=True), STALL_MS)


GOALS = (
    Goal("rtx5090", OFF, "P50, added to the stages", spread(_added_ms, 50), 50),
    Goal("rtx5090", OFF, "P99, added to the stages", spread(_added_ms, 99), 120),
    _no_stall("rtx5090", OFF),
    *_everywhere("rtx5090", OFF),
    Goal("rtx5090", ON, "P50", spread(_server_ms, 50), 440),
    Goal("rtx5090", ON, "P90", spread(_server_ms, 90), 500),
    Goal("rtx5090", ON, "max", spread(_server_ms, 100), 650),
    _no_stall("rtx5090", ON),
    *_everywhere("rtx5090", ON),
    Goal("fast-llm", ON, "P50", spread(_server_ms, 50), 350),
    _no_stall("fast-llm", ON),
    *_everywhere("fast-llm", ON),
    Goal("dgx-spark", ON, "P50", spread(_server_ms, 50), 1_100),
    Goal("dgx-spark", ON, "P90", spread(_server_ms, 90), 1_300),
    *_everywhere("dgx-spark", ON),
)


def modes(times: str) -> list[int]:
    """Those that have a goal."""
    return sorted({goal.eager_ms for goal in GOALS if goal.times == times})


def compared(runs: Mapping[str, Runs], goals: Sequence[Goal] = GOALS) -> list[Row]:
    """The goals of what was measured: the runs, by whose times the servers took."""
    return [
        goal.row(runs[goal.times][goal.eager_ms])
        for goal in goals
        if goal.times in runs and goal.eager_ms in runs[goal.times]
    ]


def table(rows: Sequence[Row]) -> str:
    """As markdown; ms, but for the turns without an answer."""
    lines = [
        "| times | mode | figure, by the agent's clock | at most | measured | |",
        "|---|---|---|--:|--:|---|",
    ]
    for goal, measured in rows:
        verdict = "met" if Row(goal, measured).met else "**missed**"
        shown = "-" if np.isnan(measured) else f"{measured:.0f}"
        lines.append(
            f"| {goal.times} | {mode(goal.eager_ms)} | {goal.what} | {goal.most:.0f} | {shown} | {verdict} |"
        )
    return "\n".join(lines)
