"""A caller who says nothing: asked whether they are there, told goodbye, then hung up on. Pure."""

from enum import Enum, auto


class Step(Enum):
    """What to do about it."""

    WAIT = auto()
    ASK = auto()
    SAY_GOODBYE = auto()
    HANG_UP = auto()
    """Nobody has heard the goodbye: there is no voice."""


class Silence:
    """One call's; Pipecat tells each time that the caller has said nothing for the time that is set."""

    def __init__(self) -> None:
        self._lasted = 0

    @property
    def said_goodbye(self) -> bool:
        """Whether nobody has answered the goodbye."""
        return self._lasted >= 2

    def broken(self) -> None:
        """The caller speaks, or types."""
        self._lasted = 0

    def lasts(self, expected: bool) -> Step:
        """It was long enough; `expected` where the caller has a reason to be silent, such as a timer."""
        if expected:
            return Step.WAIT
        self._lasted += 1
        return {1: Step.ASK, 2: Step.SAY_GOODBYE}.get(self._lasted, Step.HANG_UP)
