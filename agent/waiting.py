"""A caller who waits for an answer: silence that lasts sounds like a call that is gone."""

import asyncio


class Waiting:
    """One call's. Whoever waits in silence is to be told that an answer comes, again and again."""

    def __init__(self, patience_ms: int, again_ms: int) -> None:
        """How long callers wait in silence: before they are told, and after each time they were."""
        self._patience_s, self._again_s = patience_ms / 1000, again_ms / 1000
        self._owed = self._comes = self._sounds = False
        self._told = 0
        self._changed, self._quiet = asyncio.Event(), asyncio.Event()
        self._note()

    def begin(self) -> None:
        """An answer is wanted; nothing new where one was wanted already."""
        if not self._owed:
            self._owed, self._told = True, 0
            self._note()

    def comes(self) -> None:
        """The answer is about to be heard."""
        self._owed, self._comes = False, True
        self._note()

    def end(self) -> None:
        """The caller speaks again."""
        self._owed = self._comes = False
        self._note()

    def sounds(self, somebody: bool) -> None:
        """Whether anybody speaks now; while they do, it is no silence."""
        self._sounds, self._comes = somebody, False
        self._note()

    async def quiet(self) -> None:
        """Returns when nobody speaks, and there is no answer to wait for. Can be cancelled."""
        while self._is_busy():  # again, where somebody was quicker
            await self._quiet.wait()

    async def too_long(self) -> int:
        """Returns when it has been silent for too long: how often they were told. Can be cancelled."""
        while True:
            self._changed.clear()
            try:
                async with asyncio.timeout(self._limit_s()):
                    await self._changed.wait()
            except TimeoutError:
                self._told += 1
                return self._told - 1

    def _note(self) -> None:
        self._changed.set()
        if self._is_busy():
            self._quiet.clear()
        else:
            self._quiet.set()

    def _is_busy(self) -> bool:
        return self._owed or self._comes or self._sounds

    def _limit_s(self) -> float | None:
        if not self._owed or self._sounds:
            return None
        return self._again_s if self._told else self._patience_s
