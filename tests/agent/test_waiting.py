import asyncio

import pytest

from agent.waiting import Waiting


async def test_who_waits_too_long_is_told_once():
    waiting = Waiting(patience_ms=1)
    waiting.begin()
    await waiting.too_long()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await waiting.too_long()


@pytest.mark.parametrize("at_once", [True, False])
async def test_who_is_answered_does_not_wait(at_once: bool):
    waiting = Waiting(patience_ms=60_000)
    told = asyncio.create_task(waiting.too_long())
    waiting.begin()
    if not at_once:
        await asyncio.sleep(0)
    waiting.end()
    await asyncio.sleep(0)
    assert not told.done()
    told.cancel()


async def test_the_next_question_is_waited_for_anew():
    waiting = Waiting(patience_ms=1)
    waiting.begin()
    await waiting.too_long()
    waiting.end()
    waiting.begin()
    await waiting.too_long()
