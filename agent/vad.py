"""Silero, which also tells how long it has heard no speech before it calls that a pause."""

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADState

WINDOW_MS = 32
"""The audio that Silero judges at a time."""
IGNORED_MS = 3_000
"""Longer than a turn takes to end after a pause, so that no noise keeps it open."""


class Vad(SileroVADAnalyzer):
    """One call's; it remembers what it has heard."""

    _ignored_windows = 0

    def voice_confidence(self, buffer: bytes) -> float:
        """That there is a voice in a window; in noise that is ignored there is none."""
        confidence = super().voice_confidence(buffer)
        if not self._ignored_windows:
            return confidence
        goes_on = confidence >= self._params.confidence
        self._ignored_windows = max(self._ignored_windows - 1, int(goes_on))
        return 0.0

    def ignore_noise(self) -> None:
        """What sounds like speech now is none: a pause, until it has ended, and for IGNORED_MS at least."""
        self._ignored_windows = IGNORED_MS // WINDOW_MS

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
