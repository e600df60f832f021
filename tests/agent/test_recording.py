import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st
from numpy.typing import NDArray

from agent.recording import Playout, Span, Tape, find_speech, next_speech, speech_at, speech_end, write_stereo

HZ = 16_000
FRAME = 320
WITHIN = HZ // 100  # 10 ms

Floats = NDArray[np.float32]


def silence(ms: int) -> Floats:
    return np.zeros(HZ * ms // 1000, np.float32)


def voice(ms: int, loudness: float) -> Floats:
    """Something like a vowel: a low pitch with harmonics, hard edges."""
    t, harmonics = np.arange(HZ * ms // 1000) / HZ, np.arange(1, 9)[:, None]
    return (loudness / 2 * (np.sin(2 * np.pi * 120 * harmonics * t) / harmonics).sum(0)).astype(np.float32)


def noisy(samples: Floats, seed: int, below_peak_db: float) -> Floats:
    """White noise, its level so many dB below the loudest sample."""
    level = np.abs(samples).max() * 10 ** (-below_peak_db / 20)
    noise = np.random.default_rng(seed).normal(0, level, len(samples))
    return (samples + noise).astype(np.float32)


def gap_in(caller: Floats, agent: Floats) -> int:
    end = speech_end(caller, HZ)
    assert end is not None
    answer = next_speech(find_speech(agent, HZ), end)
    assert answer is not None
    return answer.start - end


@given(
    gap_ms=st.integers(50, 3_000),
    loudness=st.floats(0.02, 0.9),
    below_db=st.floats(20, 60),
    seed=st.integers(0, 2**32 - 1),
)
@example(gap_ms=50, loudness=0.02, below_db=20, seed=0)
def test_a_known_gap_between_synthetic_voices_is_found(
    gap_ms: int, loudness: float, below_db: float, seed: int
):
    caller = np.concatenate([silence(400), voice(600, loudness), silence(gap_ms + 1_000)])
    agent = np.concatenate([silence(1_000 + gap_ms), voice(600, 0.9 - loudness / 2), silence(400)])
    found = gap_in(noisy(caller, seed, below_db), noisy(agent, seed + 1, below_db))
    assert abs(found - HZ * gap_ms // 1000) <= WITHIN


@pytest.mark.parametrize("voice_name", ["slt", "rms", "awb", "kal16"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gap_ms=st.integers(50, 2_000), below_db=st.floats(60, 80), seed=st.integers(0, 2**32 - 1))
def test_a_known_gap_between_recorded_voices_is_found(
    flite: Callable[..., bytes], voice_name: str, gap_ms: int, below_db: float, seed: int
):
    question, answer = (spoken(flite, text, voice_name) for text in ("Can you help me?", "Of course I can."))
    gap = HZ * gap_ms // 1000
    caller = np.concatenate([silence(300), question, np.zeros(gap + len(answer), np.float32)])
    agent = np.concatenate([silence(300), np.zeros(len(question) + gap, np.float32), answer])
    assert abs(gap_in(noisy(caller, seed, below_db), noisy(agent, seed + 1, below_db)) - gap) <= WITHIN


def spoken(flite: Callable[..., bytes], text: str, voice_name: str) -> Floats:
    """Speech from its first to its last sample, as they are found without noise."""
    samples = (np.frombuffer(flite(text, voice_name), np.int16) / 32_768).astype(np.float32)
    span = find_speech(samples, HZ)
    return samples[span[0].start : span[-1].end]


@pytest.mark.parametrize("voice_name", ["slt", "rms", "awb", "kal16"])
def test_edges_of_recorded_speech_are_where_its_level_says(flite: Callable[..., bytes], voice_name: str):
    samples = np.frombuffer(flite("I would like a table for two.", voice_name), np.int16)
    over = np.flatnonzero(np.abs(samples.astype(int)) > 0.02 * np.abs(samples.astype(int)).max())
    spans = find_speech(samples, HZ)
    assert abs(spans[0].start - over[0]) <= 2 * WITHIN
    assert abs(spans[-1].end - over[-1]) <= 2 * WITHIN


def test_a_long_pause_divides_and_a_short_one_does_not():
    samples = np.concatenate([voice(300, 0.5), silence(150), voice(300, 0.5), silence(400), voice(300, 0.5)])
    edges_ms = [edge / 16 for span in find_speech(samples, HZ) for edge in (span.start, span.end)]
    assert edges_ms == pytest.approx([0, 750, 1150, 1450], abs=3)


@pytest.mark.parametrize(
    "samples",
    [np.zeros(0, np.float32), silence(1_000), voice(1_000, 0.0005), np.pad(voice(5, 0.9), (4_000, 4_000))],
    ids=["nothing", "silence", "inaudible", "a click"],
)
def test_no_speech_is_found_where_there_is_none(samples: Floats):
    assert find_speech(samples, HZ) == []
    assert speech_end(samples, HZ) is None


def test_int16_and_float_are_the_same():
    samples = np.concatenate([silence(200), voice(300, 0.5), silence(200)])
    assert find_speech((samples * 32_768).astype(np.int16), HZ) == find_speech(samples, HZ)


def test_spans_are_found_by_position():
    spans = [Span(10, 20), Span(30, 40)]
    assert next_speech(spans, 11) == Span(30, 40)
    assert next_speech(spans, 31) is None
    assert speech_at(spans, 19) == Span(10, 20)
    assert speech_at(spans, 20) is None


LOUD, QUIET = np.full(FRAME, 9_000, np.int16), np.zeros(FRAME, np.int16)
PATTERN = [QUIET] * 5 + [LOUD] * 8 + [QUIET] * 5 + [LOUD] * 8


@given(late=st.lists(st.integers(0, 2_000), min_size=len(PATTERN), max_size=len(PATTERN)))
def test_speech_is_never_placed_before_it_arrived_nor_over_itself(late: list[int]):
    playout, ends = Playout(), 0
    arrival = 0
    for number, frame in enumerate(PATTERN):
        arrival = max(arrival, number * FRAME + late[number])
        position = playout.place(arrival, number * FRAME, frame)
        if position is not None:
            assert position >= max(arrival, ends)
            ends = position + FRAME


@given(late=st.integers(0, 2_000), jitter=st.lists(st.integers(0, FRAME), min_size=8, max_size=8))
def test_jitter_within_speech_moves_nothing(late: int, jitter: list[int]):
    playout = Playout()
    # A frame that comes early waits for its place; the first has come with the most delay.
    arrivals = [number * FRAME + late - (jitter[number] if number else 0) for number in range(8)]
    positions = [playout.place(arrival, number * FRAME, LOUD) for number, arrival in enumerate(arrivals)]
    assert positions == [late + number * FRAME for number in range(8)]


def test_who_holds_back_hears_each_stretch_that_much_later_and_no_jitter():
    playout = Playout(delay=2 * FRAME)
    arrivals = [(0, LOUD), (2 * FRAME, LOUD), (2 * FRAME, QUIET), (3 * FRAME, LOUD)]
    places = [playout.place(arrival, at * FRAME, frame) for at, (arrival, frame) in enumerate(arrivals)]
    assert places == [2 * FRAME, 3 * FRAME, None, 5 * FRAME]


def test_a_delay_is_gone_after_the_next_silence():
    playout = Playout()
    playout.place(3 * FRAME, 0, LOUD)
    playout.place(4 * FRAME, FRAME, QUIET)
    assert playout.place(5 * FRAME, 5 * FRAME, LOUD) == 5 * FRAME


def test_a_lost_frame_leaves_silence():
    playout = Playout()
    playout.place(1_000, 0, LOUD)
    assert playout.place(1_000 + FRAME, 2 * FRAME, LOUD) == 1_000 + 2 * FRAME


def test_an_underrun_is_remembered():
    playout = Playout()
    playout.place(0, 0, LOUD)
    assert playout.place(FRAME + 700, FRAME, LOUD) == FRAME + 700
    assert playout.worst_underrun_samples == 700


@given(position=st.integers(-400, 400), length=st.integers(0, 600))
def test_a_tape_holds_what_was_put_on_it(position: int, length: int):
    tape = Tape()
    tape.put(position, LOUD)
    expected = np.zeros(2_000, np.int16)
    expected[max(0, position) : max(0, position + FRAME)] = 9_000
    assert np.array_equal(tape.samples(length), expected[:length])


def test_a_stereo_file_has_both_channels(tmp_path: Path):
    write_stereo(tmp_path / "a.wav", LOUD, QUIET, HZ)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, HZ, FRAME)
        assert np.array_equal(np.frombuffer(file.readframes(2), "<i2"), [9_000, 0, 9_000, 0])
