"""A caller who says nothing: asked whether they are there, then hung up on. Pure."""

from enum import Enum, auto


class Step(Enum):
    """What to do about it."""

    WAIT = auto()
    ASK = auto()
    HANG_UP = auto()


class Silence:
    """One call's; Pipecat tells each time that the caller has said nothing for the time that is set."""

    def __init__(self) -> None:
        self._asked = False

    def broken(self) -> None:
        """The caller speaks."""
        self._asked = False

    def lasts(self, expected: bool) -> Step:
        """It was long enough; `expected` where the caller has a reason to be silent, such as a timer."""
        if expected:
            return Step.WAIT
        step = Step.HANG_UP if self._asked else Step.ASK
        self._asked = True
        return step
