"""A few scenes of the benchmark, and its table. Nobody reads along: what is heard decides alone."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.agent.stand_ins import agent_settings
from tests.benchmarks.interruption_scenes import Kind, Scene
from tests.benchmarks.interruptions import Outcome, markdown, measure, shares

SCENE = Scene("interruption", "Set a timer for five minutes.", "slt", 20.0, -15.0, 120.0, 4)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("interruption", "Set a timer for five minutes."),
        ("backchannel", "Okay."),
        ("slam", ""),
        ("cough", ""),
        ("echo alone", ""),
    ],
)
async def test_the_agent_stops_for_the_caller_alone(flite: Callable[..., bytes], kind: Kind, text: str):
    (outcome,) = await measure([replace(SCENE, kind=kind, text=text)], "none", agent_settings())
    assert not outcome.wrong, outcome


def test_the_table_counts_what_went_wrong():
    missed, false = Outcome(SCENE), Outcome(replace(SCENE, kind="cough"), stopped_ms=500.0)
    right = Outcome(SCENE, stopped_ms=640.0)
    assert shares([missed, right, false]) == (0.5, 1.0)
    assert "| interruption | 2 | 1 | 0 | 640 / 640 |" in markdown([missed, right, false])
