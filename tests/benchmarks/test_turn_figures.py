from dataclasses import replace

import pytest

from agent.call_report import TurnReport
from tests.benchmarks.figure_tables import markdown
from tests.benchmarks.script import Work
from tests.benchmarks.scripted_verdicts import Prediction
from tests.benchmarks.stage_times import RTX5090
from tests.benchmarks.turn_figures import Figures, Moments, figures, used_answer, waste, ways

HEARD = "The answer is number 2. Anything else?"
TURN = TurnReport("More tea!", True, "more tea", (), HEARD, 0.0, 1_000.0, 1_700.0, 700.0, None, None)
MOMENTS = Moments(speech_end=101.0, way_in_s=0.1, late_s=0.01, bot_started=101.6, answer_start=101.7)
WORKS = [
    Work(1, "asr", 101.20, 101.22),
    Work(1, "llm", 101.22, 101.30, cancelled=True, answer=1),
    Work(1, "asr", 101.30, 101.33),
    Work(1, "llm", 101.33, 101.43, answer=2),
    Work(1, "tokens", 101.43, 101.50, answer=2, tokens=9),
    Work(1, "tts", 101.45, 101.55, answer=2),
    Work(1, "audio", 101.55, 101.75, answer=2, audio_ms=800),
]
PREDICTIONS = [Prediction(101.4, 90.0, 0.9, True)]


def measured(forced: bool = False) -> Figures:
    return figures(TURN, {"sentence": 30}, 480.0, WORKS, PREDICTIONS, MOMENTS, forced=forced)


def test_the_ways_and_the_agents_clock_add_up_to_the_gap():
    way_in_ms, vad_ms, way_out_ms = ways(MOMENTS, 480.0)
    assert (way_in_ms, vad_ms, way_out_ms) == pytest.approx((100, 20, 100))
    assert 480 + (way_in_ms or 0) + (vad_ms or 0) + (way_out_ms or 0) == pytest.approx(700)


def test_what_was_not_seen_is_not_known():
    assert ways(replace(MOMENTS, bot_started=None), 480.0) == (pytest.approx(100), None, None)


def test_the_answer_that_was_heard_is_the_one_that_counts():
    assert (used_answer(HEARD, WORKS), used_answer("", WORKS), used_answer("", [])) == (2, 2, None)


def test_the_stages_are_those_of_the_answer_that_was_heard():
    assert measured().stages_ms == pytest.approx((30, 100, 100))
    assert measured().hops_ms == pytest.approx((0, 20))


@pytest.mark.parametrize(("smart_turn_ms", "added_ms"), [(90.0, 480 - 200 - 130 - 100), (300.0, -120)])
def test_what_the_agent_adds_is_beside_the_longer_of_two_ways(smart_turn_ms: float, added_ms: float):
    turn = replace(measured(), smart_turn_ms=(50.0, smart_turn_ms))
    assert turn.added_ms == pytest.approx(added_ms)


def test_what_nobody_heard_is_waste():
    wasted = waste(WORKS, used=2)
    assert (wasted.tokens, wasted.llm_ms, wasted.tts_ms, wasted.asr_ms) == pytest.approx((0, 80, 0, 20))
    assert wasted.used_ms == pytest.approx(30 + 100 + 70 + 100 + 200)
    assert waste(WORKS, used=1).tokens == 9


def test_the_tables_have_each_mode_beside_what_is_published():
    silent, late = replace(measured(), server_ms=None), replace(measured(), late_ms=41.0)
    runs = {0: [measured(), silent, late], 100: [measured(forced=True)]}
    text = markdown(runs, RTX5090, "2 turns", calm_ms=40.0)
    assert "1 of 4 turns are left out" in text
    assert "| published | 20 | 415 | 508 | 544 | | 639 |" in text
    assert "| not answering ahead | 1 | 480 | 480 | 480 | 480 | 480 |" in text
    assert '| answering ahead at 100 ms, Smart Turn made to say "incomplete" | 1 | 480 |' in text
    assert "not answering ahead: no answer to: More tea! (heard: more tea)" in text
