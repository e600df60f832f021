"""What the client is told: Pipecat's RTVI messages, without a word about what may be dropped.

The LLM is asked ahead of the turn's end; RTVI tells the client whenever it is asked (`user-llm-text`).
"""

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    InterruptionFrame,
    LLMContextFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.observers.base_observer import FramePushed
from pipecat.processors.frameworks.rtvi import RTVIObserver, RTVIObserverParams, RTVIProcessor


class DiscreetObserver(RTVIObserver):
    """Pipecat's, which tells what was asked ahead when the turn has ended, or never."""

    _asked: FramePushed | None = None

    async def on_push_frame(self, data: FramePushed) -> None:
        """Once for each hop of each frame."""
        match data.frame:
            case LLMContextFrame(speculation=True):
                self._asked = data
                return
            case EagerEndOfTurnCancelFrame() | InterruptionFrame():
                self._asked = None
            case _:
                pass
        await super().on_push_frame(data)
        if isinstance(data.frame, UserStoppedSpeakingFrame) and self._asked:
            asked, self._asked = self._asked, None
            await super().on_push_frame(asked)


class DiscreetRtvi(RTVIProcessor):
    """Pipecat's, with that observer."""

    def create_rtvi_observer(
        self, *, params: RTVIObserverParams | None = None, **kwargs: object
    ) -> DiscreetObserver:
        """As Pipecat does it."""
        return DiscreetObserver(self, params=params, **kwargs)
