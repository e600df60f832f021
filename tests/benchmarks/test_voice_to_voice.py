from dataclasses import replace

import pytest

from agent.call_report import CallReport, TurnReport
from tests.benchmarks.voice_to_voice import Memory, Result, markdown, rows_of

GREETING = TurnReport("greeting", True, "", (), "Hello!", None, None, 100.0, None, None, None)
TIME = TurnReport(
    "What time is it?", True, "what time is it", (), "It is 4 PM.", 1.0, 2.0, 3.0, 800.0, 500.0, None
)
LATE = replace(TIME, name="Can you help me?", gap_ms=2_600.0)

LOG = [
    "call begins",
    "ServerVoiceToVoice TTFB: 465ms = pause 200, ASR 19, LLM 100, tool 5, LLM 30, TTS 111; ASR TTFB: 19ms",
    "ServerVoiceToVoice TTFB: 700ms = pause 700; ASR TTFB: 19ms",
]


def report(*turns: TurnReport) -> CallReport:
    return CallReport("http://localhost", (GREETING, *turns), "", 9_000.0, 3.0, 0.0, ())


def result(*turns: TurnReport) -> Result:
    return Result(
        "a machine", 195.0, 3.0, rows_of(report(*turns), LOG), [Memory("llm", 50.0, 40.0, 60.0, 50.0)]
    )


def test_a_turn_gets_the_parts_of_its_own_line_in_the_log():
    later = replace(TIME, ttfb_ms={"ServerVoiceToVoice": 700.2})
    rows = rows_of(report(replace(TIME, ttfb_ms={"ServerVoiceToVoice": 465.4}), TIME, later), LOG)
    assert rows[0].parts_ms == {"pause": 200, "ASR": 19, "LLM": 130, "tool": 5, "TTS": 111}
    assert rows[1].parts_ms == {}
    assert rows[2].parts_ms == {"pause": 700}


def test_what_was_heard_is_compared_word_for_word():
    rows = rows_of(report(TIME, replace(TIME, transcript="what dime is it")), [])
    assert [row.as_said for row in rows] == [True, False]


@pytest.mark.parametrize("turn", [LATE, replace(TIME, name="Can you help me?", answered=False, gap_ms=None)])
def test_a_turn_that_is_late_or_unanswered_fails_the_run(turn: TurnReport):
    assert result(TIME, turn).too_long == ["Can you help me?"]


def test_the_parts_and_the_path_add_up_to_the_gap():
    text = markdown(result(replace(TIME, ttfb_ms={"ServerVoiceToVoice": 465.4})))
    assert "| ASR | 19 | 19 | 19 | 2 % |" in text
    assert "| transport both ways, and the VAD's hangover | 335 | 335 | 335 | 42 % |" in text
    assert "| llm | 50 | 40 | 60 | 50 |" in text
