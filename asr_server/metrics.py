"""What the ASR server counts, beside what every service counts."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

FINAL_BUCKETS_S = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12)


class Metrics:
    """Of one server. Lives on the event loop."""

    def __init__(self, registry: CollectorRegistry, busy_s: Callable[[], float]) -> None:
        """`busy_s` says how long the model has worked."""
        self.time_to_final = Histogram(
            "time_to_final_seconds",
            "From reading a Commit to its Final.",
            buckets=FINAL_BUCKETS_S,
            registry=registry,
        )
        self.streams = Gauge("streams", "Streams being transcribed.", registry=registry)
        self.waiting_audio = Gauge(
            "waiting_audio_seconds", "Audio that waits for the model.", registry=registry
        )
        self._audio = Counter("audio_seconds", "Audio heard.", registry=registry)
        self._audio_s = 0.0
        device = Gauge("device_seconds", "How long the model has worked.", registry=registry)
        device.set_function(busy_s)
        factor = Gauge(
            "real_time_factor", "Work of the model for a second of audio, since the start.", registry=registry
        )
        factor.set_function(lambda: busy_s() / self._audio_s if self._audio_s else 0.0)

    def count_audio(self, seconds: float) -> None:
        """Audio that a client sent."""
        self._audio.inc(seconds)
        self._audio_s += seconds
