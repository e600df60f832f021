"""Silero, which also tells how long it has heard no speech before it calls that a pause."""

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADState

WINDOW_MS = 32
"""The audio that Silero judges at a time."""


class Vad(SileroVADAnalyzer):
    """One call's; it remembers what it has heard."""

    @property
    def silence_ms(self) -> float:
        """Since the last window with speech, in whole windows; where there is a pause, what makes one.

        0 as soon as there is speech again, which the VAD reports only where it lasts.
        """
        match self._vad_state:
            case VADState.SPEAKING | VADState.STARTING:
                return 0
            case VADState.STOPPING:
                return self._vad_stopping_count * WINDOW_MS
            case _:
                return self._params.stop_secs * 1000
