"""What the turn detector and the services tell each other, as frames of the pipeline.

What goes upstream is broadcast, as the VAD's frames are: pushed, it would be queued, and they overtake it.
And EagerTranscriptionFrame, Pipecat's: the words of a silence at which the caller may have finished.
"""

from dataclasses import dataclass

from pipecat.frames.frames import DataFrame, SystemFrame, TTSSpeakFrame


@dataclass
class CommitEarlyFrame(SystemFrame):
    """Upstream: the VAD has heard no speech for `silence_ms`, too short for a pause. Treated as one."""

    silence_ms: float


@dataclass
class SpeechGoesOnFrame(SystemFrame):
    """Upstream: it was no pause, the caller speaks on."""


@dataclass
class TurnConfirmedFrame(SystemFrame):
    """Upstream: the caller has finished. The ASR service answers with what they said."""


@dataclass
class NothingHeardFrame(DataFrame):
    """Downstream, in place of a TranscriptionFrame: there are no words in what the caller said.

    Parameters:
        lost: Whether there were some that are not known: the ASR server was away, or not sure of them.
    """

    lost: bool = False


@dataclass
class WaitFrame(TTSSpeakFrame):
    """To the TTS service: ask the caller to wait; not where something else is about to be heard."""
