import asyncio

import pytest

from agent.waiting import Waiting


async def is_told(waiting: Waiting) -> bool:
    """Within a while."""
    try:
        async with asyncio.timeout(0.02):
            await waiting.too_long()
    except TimeoutError:
        return False
    return True


def impatient() -> Waiting:
    """Somebody who waits already."""
    waiting = Waiting(patience_ms=1, again_ms=1)
    waiting.begin()
    return waiting


async def test_who_waits_is_told_again_and_again():
    waiting = impatient()
    assert [await waiting.too_long() for _ in range(3)] == [0, 1, 2]


async def test_who_was_told_is_told_again_after_another_time():
    waiting = Waiting(patience_ms=1, again_ms=60_000)
    waiting.begin()
    await waiting.too_long()
    assert not await is_told(waiting)


async def test_an_answer_that_is_wanted_already_is_not_waited_for_anew():
    waiting = impatient()
    await waiting.too_long()
    waiting.begin()
    assert await waiting.too_long() == 1


async def test_who_is_answered_does_not_wait():
    waiting = impatient()
    waiting.end()
    assert (waiting.owed, await is_told(waiting)) == (False, False)


@pytest.mark.parametrize("speaks", [True, False])
async def test_while_somebody_speaks_nobody_is_told(speaks: bool):
    waiting = impatient()
    waiting.sounds(True)
    waiting.sounds(speaks)
    assert await is_told(waiting) is not speaks


async def test_the_next_question_is_waited_for_anew():
    waiting = impatient()
    await waiting.too_long()
    waiting.end()
    waiting.begin()
    assert await waiting.too_long() == 0
