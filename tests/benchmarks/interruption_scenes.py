"""What is heard while the agent speaks: voices, noises and echoes, made from seeds."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from asr_server.workshop.speech import VOICES, say, speech_level
from tts_server.espeak import EspeakSynthesizer
from tts_server.spoken_text import segments
from tts_server.synthesizer import Piece, Wish

HZ = 16_000
LEVEL = 2_500.0
"""Root mean square of both voices, int16: -22 dB of full scale."""

Samples = NDArray[np.float32]
Kind = Literal["interruption", "backchannel", "cough", "slam", "echo alone", "noise alone"]

INTERRUPTIONS = (
    "Stop.",
    "Wait a moment.",
    "No, that is not what I mean.",
    "What time is it?",
    "Can you cancel my reservation please?",
    "Hold on, I have a question.",
    "Set a timer for five minutes.",
    "Excuse me, what did you say?",
    "I would like a table for four people.",
    "Okay, but what about Friday?",
    "Never mind, what is two plus two?",
    "Yes, and book a table for two.",
)
# flite spells "mhm", letter by letter
BACKCHANNELS = (
    "Um hum.",
    "Uh huh.",
    "Okay.",
    "Okay, yes.",
    "Right.",
    "I see.",
    "Yeah.",
    "Yes.",
    "Sure.",
    "Got it.",
)
ANSWERS = (
    "Your table for two people is booked for Friday at seven in the evening, under the name of Robert. "
    "Is there anything else that I can do for you today?",
    "I can tell you the time and the date, work out sums, book a table at the restaurant, and set a timer "
    "that rings when you want it to, so just tell me what you would like.",
    "The reservation that you have made is for Saturday, for four people, and the restaurant will be "
    "expecting you at half past eight, so please try to be there in time.",
)
WITHOUT_WORDS: tuple[tuple[Kind, int], ...] = (
    ("cough", 20),
    ("slam", 20),
    ("echo alone", 40),
    ("noise alone", 10),
)


@dataclass(frozen=True)
class Scene:
    """What is heard, and what should come of it."""

    kind: Kind
    text: str
    voice: str
    noise_db: float | None
    """Signal to noise; None where it is quiet."""
    echo_db: float | None
    """Gain of the way back; None where a client takes the echo out."""
    echo_ms: float
    seed: int

    @property
    def interrupts(self) -> bool:
        return self.kind == "interruption"

    def __str__(self) -> str:
        noise = "quiet" if self.noise_db is None else f"noise {self.noise_db:.0f} dB"
        echo = (
            "no echo" if self.echo_db is None else f"echo {self.echo_db:.0f} dB after {self.echo_ms:.0f} ms"
        )
        return f"{self.kind} {self.text!r} ({self.voice}), {noise}, {echo}"


@cache
def agents_voice(text: str) -> Samples:
    """(T,) at 16 kHz, as the embedded TTS server speaks it."""
    synthesizer = EspeakSynthesizer("en-us", 175)
    pieces: list[NDArray[np.int16]] = []

    def take(piece: Piece) -> bool:
        pieces.append(piece.pcm)
        return True

    stream = synthesizer.open(Wish("en-us", "lowest_latency"), take)
    for segment in segments(text):
        stream.begin(segment)
        synthesizer.step([stream])
    pcm = soxr.resample(np.concatenate(pieces).astype(np.float32), synthesizer.sample_rate_hz, HZ)
    return (pcm * LEVEL / speech_level(pcm)).astype(np.float32)


def callers_voice(text: str, voice: str) -> Samples:
    """(T,) at 16 kHz, without the silence around it."""
    pcm = say(text, voice)
    loud = np.flatnonzero(np.abs(pcm) > 0.02 * np.abs(pcm).max())
    pcm = pcm[loud[0] : loud[-1]]
    return pcm * np.float32(LEVEL / speech_level(pcm))


def shaped(rng: np.random.Generator, length: int, low_hz: float, high_hz: float) -> Samples:
    """Noise (length,) of unit level between two frequencies, falling off on both sides."""
    spectrum = np.fft.rfft(rng.normal(0, 1, length))
    hz = np.fft.rfftfreq(length, 1 / HZ)
    spectrum *= 1 / (1 + (low_hz / np.maximum(hz, 1)) ** 4) / (1 + (hz / high_hz) ** 4)
    noise = np.fft.irfft(spectrum, length)
    return (noise / np.sqrt(np.mean(noise**2))).astype(np.float32)


def cough(rng: np.random.Generator) -> Samples:
    """One to three bursts of breath, each with a hard beginning."""
    bursts = []
    for _ in range(rng.integers(1, 4)):
        length = int(HZ * rng.uniform(0.12, 0.3))
        envelope = np.minimum(np.arange(length) / (0.008 * HZ), 1) * np.exp(
            -np.arange(length) / (0.3 * length)
        )
        burst = shaped(rng, length, rng.uniform(200, 500), rng.uniform(1_500, 4_000)) * envelope
        bursts += [burst, np.zeros(int(HZ * rng.uniform(0.06, 0.2)))]
    pcm = np.concatenate(bursts)
    return (pcm * 3 * LEVEL / np.sqrt(np.mean(pcm**2))).astype(np.float32)


def slam(rng: np.random.Generator) -> Samples:
    """A low thump that rings."""
    length = int(HZ * rng.uniform(0.2, 0.5))
    fall = np.exp(-np.arange(length) / (HZ * rng.uniform(0.03, 0.09)))
    pcm = shaped(rng, length, 60, rng.uniform(300, 1_200)) * fall
    return (pcm * 20_000 / np.abs(pcm).max()).astype(np.float32)


def sound_of(scene: Scene, rng: np.random.Generator) -> Samples:
    match scene.kind:
        case "interruption" | "backchannel":
            return callers_voice(scene.text, scene.voice)
        case "cough":
            return cough(rng)
        case "slam":
            return slam(rng)
        case _:
            return np.zeros(HZ * 2, np.float32)


class Room:
    """Gives back what is played, later, weaker and smeared."""

    def __init__(self, scene: Scene, rng: np.random.Generator) -> None:
        delay = int(HZ * scene.echo_ms / 1000)
        tail = rng.normal(0, 1, HZ // 10) * np.exp(-np.arange(HZ // 10) / (HZ * 0.02))
        tail *= 0.5 / np.sqrt(np.sum(tail**2))
        tail[0] = 1.0
        gain = 0.0 if scene.echo_db is None else 10 ** (scene.echo_db / 20)
        self._response = (gain * tail / np.sqrt(np.sum(tail**2))).astype(np.float32)
        self._line = np.zeros(delay + len(self._response) - 1, np.float32)

    def hear(self, played: Samples) -> Samples:
        """The echo (T,) while `played` (T,) is playing."""
        self._line = np.concatenate([self._line, played])
        echo = np.convolve(self._line[: len(self._response) - 1 + len(played)], self._response, "valid")
        self._line = self._line[len(played) :]
        return echo


def scenes(repeats: int) -> Iterator[Scene]:
    """All of them, each sentence in each voice `repeats` times; half of them with an echo."""
    rng = np.random.default_rng(7)
    sounds: list[tuple[Kind, str, str]] = [("interruption", t, v) for t in INTERRUPTIONS for v in VOICES]
    sounds.extend(("backchannel", text, voice) for text in BACKCHANNELS for voice in VOICES)
    for wordless, times in WITHOUT_WORDS:
        sounds.extend((wordless, "", "") for _ in range(times))
    for turn in range(repeats):
        for place, (kind, text, voice) in enumerate(sounds):
            echoes = kind == "echo alone" or (kind != "noise alone" and (place + turn) % 2 == 0)
            yield Scene(
                kind,
                text,
                voice,
                noise_db=(None, 20.0, 10.0, 5.0)[int(rng.integers(4))],
                echo_db=float(rng.uniform(-30, -10)) if echoes else None,
                echo_ms=float(rng.uniform(20, 300)),
                seed=int(rng.integers(1 << 30)),
            )
