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
    waiting.comes()
    assert not await is_told(waiting)


def is_quiet(waiting: Waiting) -> bool:
    """By whether somebody would have to wait for it."""
    try:
        waiting.quiet().send(None)
    except StopIteration:
        return True
    return False


async def test_it_is_not_quiet_from_the_question_to_the_end_of_the_answer():
    waiting = Waiting(patience_ms=60_000, again_ms=60_000)
    quiet = [is_quiet(waiting)]
    for happens in (
        waiting.begin,
        waiting.comes,
        lambda: waiting.sounds(True),
        lambda: waiting.sounds(False),
    ):
        happens()
        quiet.append(is_quiet(waiting))
    assert quiet == [True, False, False, False, True]


async def test_who_waits_for_quiet_is_not_woken_by_a_moment_of_it():
    waiting = impatient()
    waits = asyncio.create_task(waiting.quiet())
    await asyncio.sleep(0)
    waiting.end()
    waiting.begin()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waits.done()
    waits.cancel()


async def test_it_is_quiet_where_the_answer_will_not_come():
    waiting = impatient()
    waiting.end()
    assert is_quiet(waiting)


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
