"""A caller who waits for an answer: silence that lasts sounds like a call that is gone."""

import asyncio


class Waiting:
    """One call's. Whoever has waited for too long is to be told that an answer comes."""

    def __init__(self, patience_ms: int) -> None:
        """How long callers wait in silence, counted from the end of their turn."""
        self._patience_s = patience_ms / 1000
        self._asked, self._answered = asyncio.Event(), asyncio.Event()

    def begin(self) -> None:
        """The caller has said something that wants an answer."""
        self._answered.clear()
        self._asked.set()

    def end(self) -> None:
        """Somebody speaks: the agent, or the caller again."""
        self._asked.clear()
        self._answered.set()

    async def too_long(self) -> None:
        """Returns when somebody has waited for too long, once for each wait. Can be cancelled at any time."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                async with asyncio.timeout(self._patience_s):
                    await self._answered.wait()
            except TimeoutError:
                return
