from dataclasses import replace

import pytest

from tests.benchmarks.goals import OFF, ON, compared, modes, table
from tests.benchmarks.test_turn_figures import measured
from tests.benchmarks.turn_figures import Figures


def quick() -> Figures:
    """480 ms by the agent's clock, 700 by the recording."""
    return replace(measured(), server_ms=300.0, gap_ms=500.0)


def wrong() -> Figures:
    return replace(quick(), forced=True, server_ms=1_300.0, gap_ms=1_500.0)


def missed(*turns: Figures) -> list[str]:
    return [row.goal.what for row in compared({"rtx5090": {ON: list(turns)}}) if not row.met]


def test_what_is_fast_enough_meets_every_goal():
    assert missed(quick(), wrong()) == []


@pytest.mark.parametrize(
    ("turn", "what"),
    [
        (replace(quick(), server_ms=None), ["turns without an answer"]),
        (replace(quick(), server_ms=660.0, gap_ms=700.0), ["P50", "P90", "max"]),
        (replace(quick(), gap_ms=601.0), ["max, the recording's gap above it"]),
        (replace(wrong(), server_ms=1_401.0), ['max, Smart Turn made to say "incomplete"']),
    ],
)
def test_what_is_too_slow_is_missed(turn: Figures, what: list[str]):
    assert missed(turn, turn, quick(), wrong()) == what


def test_a_figure_that_nobody_measured_is_missed():
    assert 'max, Smart Turn made to say "incomplete"' in missed(quick())


def test_only_what_was_measured_is_compared():
    rows = compared({"fast-llm": {OFF: [quick()]}})
    assert rows == []


def test_modes_without_a_goal_need_not_be_measured():
    assert (modes("rtx5090"), modes("dgx-spark")) == ([OFF, ON], [ON])


def test_the_table_says_which_are_met():
    text = table(compared({"rtx5090": {ON: [quick()]}}))
    assert "| rtx5090 | answering ahead at 100 ms | P50 | 440 | 300 | met |" in text
    assert '| max, Smart Turn made to say "incomplete" | 1400 | - | **missed** |' in text
