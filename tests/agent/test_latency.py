import re

import pytest
from hypothesis import given, strategies as st
from loguru import logger
from pipecat.frames.frames import MetricsFrame
from pipecat.metrics.metrics import TTFBMetricsData
from pipecat.observers.user_bot_latency_observer import (
    LatencyBreakdown,
    LatencyContribution,
    LatencyOwnerKind,
    MeasuredFrom,
    TTFBBreakdownMetrics,
)

from agent.latency import is_answer, line, parts, watch_latency
from agent.speculation import Account, Speculation
from tests.agent.stand_ins import eventually

TURN = (
    ("endpointing_wait", 200),
    ("transcription", 150),
    ("llm_inference", 60),
    ("sentence_aggregation", 15),
    ("speech_synthesis", 30),
    ("output_transport", 10),
)
TTFBS = (("ASR", 35), ("LLM", 55), ("TTS", 28))


def breakdown(
    spans: tuple[tuple[str, float], ...] = TURN,
    ttfbs: tuple[tuple[str, float], ...] = TTFBS,
    measured_from: MeasuredFrom = MeasuredFrom.USER_SILENCE,
) -> LatencyBreakdown:
    """What Pipecat measured; durations in ms."""
    return LatencyBreakdown(
        ttfb=[TTFBBreakdownMetrics(processor=n, start_time=0, duration_secs=ms / 1000) for n, ms in ttfbs],
        contributions=[
            LatencyContribution(
                key=key,
                label=key,
                owner="",
                owner_kind=LatencyOwnerKind.SERVICE,
                start_time=0,
                duration_secs=ms / 1000,
            )
            for key, ms in spans
        ],
        measured_from=measured_from,
        total_secs=sum(ms for _, ms in spans) / 1000,
    )


def test_the_line_has_the_form_that_logs_are_searched_for():
    assert line(breakdown()) == (
        "ServerVoiceToVoice TTFB: 465ms = pause 200, ASR 35, turn 115, LLM 60, sentence 15, TTS 30, out 10; "
        "ASR TTFB: 35ms, LLM TTFB: 55ms, TTS TTFB: 28ms"
    )


def test_what_smart_turn_takes_longer_than_the_ear_is_a_part_of_its_own():
    assert parts(breakdown((("transcription", 150),))) == [("ASR", 35), ("turn", 115)]


def test_an_ear_that_is_slower_than_smart_turn_leaves_no_such_part():
    assert parts(breakdown((("transcription", 30),))) == [("ASR", 30)]


def test_words_that_were_there_before_the_pause_take_no_time_after_it():
    turn = breakdown((("transcription", 150),))
    assert parts(turn, heard_s=-0.05) == [("turn", 150)]


def test_words_that_come_after_the_pause_take_their_time():
    turn = breakdown((("transcription", 150),))
    assert parts(turn, heard_s=0.04) == [("ASR", 40), ("turn", 110)]


def test_the_line_says_what_answering_ahead_has_gained_and_wasted():
    account = Account(gained_ms=194, wasted_tokens=12, heard_s=None)
    assert line(breakdown(), account).endswith("TTS TTFB: 28ms; ahead: gained 194ms, wasted 12 tokens")


def test_a_tool_stands_between_two_thoughts():
    spans = (("llm_inference", 50), ("llm_tool_call", 20), ("function_handler", 7), ("llm_inference", 40))
    assert parts(breakdown(spans)) == [("LLM", 70), ("tool", 7), ("LLM", 40)]


def test_the_first_answer_of_a_service_counts():
    assert "LLM TTFB: 55ms" in line(breakdown(ttfbs=(*TTFBS, ("LLM", 99))))


@given(st.lists(st.floats(min_value=0, max_value=5_000), max_size=8))
def test_the_parts_add_up(durations_ms: list[float]):
    turn = breakdown(tuple((f"span {number}", ms) for number, ms in enumerate(durations_ms)))
    total = re.search(r"TTFB: (\d+)ms", line(turn))
    assert total
    assert sum(ms for _, ms in parts(turn)) == pytest.approx(int(total[1]), abs=1)


@pytest.mark.parametrize(
    "other",
    [
        breakdown(measured_from=MeasuredFrom.CLIENT_CONNECTED),
        breakdown(ttfbs=(("TTS", 28),)),
        breakdown(ttfbs=()),
    ],
    ids=["a greeting", "a timer or an apology", "nothing measured"],
)
def test_what_answers_nobody_is_not_an_answer(other: LatencyBreakdown):
    assert not is_answer(other)


async def test_an_answer_is_logged_with_its_number_and_sent_to_the_client():
    sent: list[MetricsFrame] = []
    lines: list[str] = []
    sink = logger.add(lines.append, level="INFO", format="{extra[turn]} {message}")

    async def send(frame: MetricsFrame) -> None:
        sent.append(frame)

    observer = watch_latency(send, Speculation())
    for turn in (breakdown(), breakdown(ttfbs=()), breakdown()):
        await observer._call_event_handler("on_latency_breakdown", turn)
    await eventually(lambda: len(sent) == 2)
    logger.remove(sink)
    metric = sent[0].data[0]
    assert isinstance(metric, TTFBMetricsData)
    assert (metric.processor, metric.value) == ("ServerVoiceToVoice", 0.465)
    assert [line[:21] for line in lines] == ["1 ServerVoiceToVoice ", "2 ServerVoiceToVoice "]
