"""What is counted of speeches, for /metrics."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Histogram

BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class SpeechMetrics:
    """One set for a server, filled by its sessions."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._first_audio = Histogram(
            "first_audio_seconds",
            "From a speech's first text to its first audio.",
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._characters = Counter("characters", "Characters of text taken.", registry=registry)
        self._audio = Counter("audio_seconds", "Seconds of audio sent.", registry=registry)
        self._speeches = Counter("speeches", "Speeches ended, by how.", ["end"], registry=registry)

    def text_taken(self, characters: int) -> None:
        """A text that will be spoken."""
        self._characters.inc(characters)

    def first_audio(self, after_s: float) -> None:
        """The first audio of a speech is sent, so long after its first text came."""
        self._first_audio.observe(after_s)

    def ended(self, end: Literal["finished", "cancelled"], audio_s: float) -> None:
        """A speech has ended, with so much audio sent."""
        self._audio.inc(audio_s)
        self._speeches.labels(end).inc()
