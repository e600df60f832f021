import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.benchmarks.stage_times import (
    DGX_SPARK,
    FAST_LLM,
    MACHINES,
    RTX5090,
    Published,
    Quantiles,
    TurnTimes,
    draw,
)

ASCENDING = st.lists(st.floats(0, 1e4), min_size=4, max_size=4).map(sorted)


@given(ASCENDING, st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_takes_no_less_time(ms: list[float], one: float, other: float):
    quantiles = Quantiles(*ms)
    low, high = sorted((one, other))
    assert quantiles.least <= quantiles.at(low) <= quantiles.at(high) + 1e-6
    assert quantiles.at(high) <= quantiles.most + 1e-6


@pytest.mark.parametrize(("share", "ms"), [(0, 71), (0.5, 171), (0.7, 185), (0.9, 199), (1, 255)])
def test_the_published_quantiles_are_met(share: float, ms: float):
    assert RTX5090.llm.at(share) == pytest.approx(ms)


def test_a_share_above_one_is_refused():
    with pytest.raises(ValueError, match="from 0 to 1"):
        RTX5090.llm.at(1.1)


@pytest.mark.parametrize("published", MACHINES.values(), ids=MACHINES)
def test_every_run_of_40_turns_has_the_published_middle(published):
    times_ms = [times.llm_ms for times in draw(published, 40, seed=3)]
    assert np.percentile(times_ms, [50, 90]) == pytest.approx(published.llm[1:3], rel=0.03)


@pytest.mark.parametrize("published", [RTX5090, DGX_SPARK], ids=lambda published: published.name)
def test_put_together_as_published_the_stages_make_the_published_time(published: Published):
    """200 ms of silence, then ASR and LLM, then TTS; 10 ms are the framework's."""
    turns = [turn for seed in (1, 2, 3) for turn in draw(published, 40, seed)]
    made_ms = [200 + turn.asr_ms + turn.llm_ms + turn.tts_ms + 10 for turn in turns]
    assert np.percentile(made_ms, [50, 90]) == pytest.approx(published.voice_to_voice[1:3], abs=20)


def test_one_turn_of_twenty_is_the_worst_in_everything():
    worst = TurnTimes(RTX5090.asr.most, RTX5090.llm.most, RTX5090.tts.most)
    assert draw(RTX5090, 40, seed=1).count(worst) == 2


def test_the_same_seed_gives_the_same_turns_and_another_does_not():
    assert draw(RTX5090, 40, 1) == draw(RTX5090, 40, 1) != draw(RTX5090, 40, 2)


def test_the_stages_of_the_other_turns_do_not_go_together():
    times = [turn for turn in draw(RTX5090, 40, 1) if turn.llm_ms < RTX5090.llm.most]
    assert abs(np.corrcoef([t.asr_ms for t in times], [t.tts_ms for t in times])[0, 1]) < 0.5


def test_a_fast_llm_is_as_fast_every_time():
    assert {times.llm_ms for times in draw(FAST_LLM, 40, 1)} == {71}
