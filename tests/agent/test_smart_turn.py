import asyncio
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from agent.smart_turn import HEARD_SAMPLES, SmartTurn, TurnAudio


@pytest.fixture
async def smart_turn() -> AsyncIterator[SmartTurn]:
    smart_turn = SmartTurn()
    yield smart_turn
    smart_turn.close()


def said(flite: Callable[..., bytes], text: str) -> np.ndarray:
    """Speech, and the pause at which Smart Turn is asked."""
    pcm = np.frombuffer(flite(text, "slt"), np.int16)
    loud = np.nonzero(np.abs(pcm) > 200)[0]
    return np.pad(pcm[loud[0] : loud[-1]], (8_000, 3_200))


async def test_a_question_is_complete(smart_turn: SmartTurn, flite: Callable[..., bytes]):
    assert (await smart_turn.judge(said(flite, "Can you help me?"))).complete


async def test_who_hesitates_is_not(smart_turn: SmartTurn, flite: Callable[..., bytes]):
    assert not (await smart_turn.judge(said(flite, "I would like, um"))).complete


async def test_the_event_loop_goes_on_meanwhile(smart_turn: SmartTurn):
    judging = asyncio.create_task(smart_turn.judge(np.zeros(16_000, np.int16)))
    ticks = 0
    while not judging.done():
        await asyncio.sleep(0.001)
        ticks += 1
    assert ticks > 3


def audio(value: int, ms: int) -> bytes:
    return np.full(16 * ms, value, np.int16).tobytes()


def test_a_turn_has_a_little_of_what_came_before():
    turn = TurnAudio(lead_ms=100)
    turn.push(audio(1, ms=1_000))
    turn.begin()
    turn.push(audio(2, ms=300))
    assert np.bincount(turn.samples()).tolist() == [0, 1_600, 4_800]


def test_a_turn_that_goes_on_is_heard_whole():
    turn = TurnAudio(lead_ms=0)
    turn.begin()
    turn.push(audio(1, ms=300))
    turn.begin()
    turn.push(audio(2, ms=300))
    assert np.bincount(turn.samples()).tolist() == [0, 4_800, 4_800]


def test_the_next_turn_has_nothing_of_the_last_but_its_lead():
    turn = TurnAudio(lead_ms=100)
    turn.begin()
    turn.push(audio(1, ms=3_000))
    turn.end()
    turn.begin()
    assert len(turn.samples()) == 1_600


def test_the_model_hears_the_end_of_a_long_turn():
    turn = TurnAudio(lead_ms=0)
    turn.begin()
    for _ in range(10):
        turn.push(audio(1, ms=1_000))
    assert len(turn.samples()) == HEARD_SAMPLES


def test_what_is_judged_does_not_change_meanwhile():
    turn = TurnAudio(lead_ms=0)
    turn.begin()
    turn.push(audio(1, ms=100))
    judged = turn.samples()
    turn.push(audio(2, ms=100))
    assert np.bincount(judged).tolist() == [0, 1_600]
