"""Who stops the agent, and who does not: `python -m tests.benchmarks.interruptions [--ear none]`.

The agent (espeak-ng, as tts_server has it) speaks; 1 to 2.5 s later somebody or something makes a sound. The
real strategy, playback and Silero hear it, 20 ms at a time, on a clock that only the samples move: what the
strategy makes quieter comes back quieter. Callers are flite's voices; noise is white or speech-shaped, 20 to
5 dB below them; the agent comes back through a small room after 20 to 300 ms, 10 to 30 dB weaker. With
`--ear sphinx` the embedded ear reads along, as asr_server would have it; with `none` nobody does.

Prints a table, and what went wrong; exit status 1 where more than 2 % of either kind did.
"""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import numpy as np
import soxr
from loguru import logger
from numpy.typing import NDArray
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams, VADState
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.utils.time import time_now_iso8601

from agent.barge_in import BargeIn
from agent.playback import Playback
from agent.settings import AgentSettings
from asr_server.recognizer import Begin, Chunk, Finish, GoOn, Heard, Work
from asr_server.settings import AsrSettings
from asr_server.sphinx import CHUNK_SAMPLES, SphinxRecognizer
from asr_server.workshop.speech import VOICES, say, speech_level
from tts_server.espeak import EspeakSynthesizer
from tts_server.spoken_text import segments
from tts_server.synthesizer import Piece, Wish

HZ = 16_000
CHUNK = HZ * 20 // 1000
LEVEL = 2_500.0
"""Root mean square of both voices, int16: -22 dB of full scale."""
LEAD_SAMPLES = HZ * 500 // 1000
VERDICT_MS = 250
"""From the pause to the text: the Final, and Smart Turn."""
MOST = 0.02

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


@dataclass
class Outcome:
    """What the strategy made of a scene. ms from the sound's beginning."""

    scene: Scene
    stopped_ms: float | None = None
    ducked: bool = False
    words: list[str] = field(default_factory=list[str])

    @property
    def wrong(self) -> bool:
        return (self.stopped_ms is not None) is not self.scene.interrupts


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


class Ear:
    """The embedded ear, as asr_server runs it: partials while somebody speaks, a final at the pause."""

    def __init__(self, recognizer: SphinxRecognizer | None) -> None:
        self._stream = recognizer and recognizer.open()
        self._recognizer = recognizer
        self._kept = b""
        self._speaking = False

    def hear(self, audio: bytes) -> str:
        """What is understood so far."""
        self._kept += audio
        if not self._speaking:
            self._kept = self._kept[-2 * LEAD_SAMPLES :]
        text = ""
        while self._speaking and len(self._kept) >= 2 * CHUNK_SAMPLES:
            chunk, self._kept = self._kept[: 2 * CHUNK_SAMPLES], self._kept[2 * CHUNK_SAMPLES :]
            text = self._do(Chunk(chunk)).text
        return text

    def begin(self) -> None:
        self._speaking = self._stream is not None

    def end(self, least: float) -> str:
        """The final; nothing where it is not sure."""
        if not self._speaking:
            return ""
        self._speaking = False
        heard = self._do(Finish(self._kept))
        self._do(Begin())
        return heard.text if heard.confidence is None or heard.confidence >= least else ""

    def close(self) -> None:
        if self._recognizer and self._stream:
            self._recognizer.close(self._stream)

    def _do(self, work: Work) -> Heard:
        assert self._recognizer
        assert self._stream
        (heard,) = self._recognizer.step([(self._stream, work)])
        while not heard.done:
            (heard,) = self._recognizer.step([(self._stream, GoOn())])
        return heard


class Trial:
    """One scene, played through."""

    def __init__(self, scene: Scene, settings: AgentSettings, ear: Ear) -> None:
        self.outcome = Outcome(scene)
        self._settings, self._ear = settings, ear
        self._now_s = 100.0
        self._playback = Playback(clock=lambda: self._now_s)
        self._strategy = BargeIn(self._playback, settings.interrupt_after_ms, clock=lambda: self._now_s)
        self._strategy.add_event_handler("on_user_turn_started", self._stop)
        self._strategy.add_event_handler("on_broadcast_frame", self._stop_late)
        self._begins_s = 0.0
        self._state = VADState.QUIET
        self._due: list[tuple[float, Frame]] = []

    async def run(self) -> Outcome:
        scene = self.outcome.scene
        rng = np.random.default_rng(scene.seed)
        agent, sound = agents_voice(ANSWERS[scene.seed % len(ANSWERS)]), sound_of(scene, rng)
        at = int(HZ * rng.uniform(1.0, 2.5))
        room = Room(scene, rng)
        self._begins_s = self._now_s + at / HZ
        length = min(len(agent), at + len(sound) + HZ * 3 // 2) // CHUNK * CHUNK
        outside = np.zeros(length + CHUNK, np.float32)
        outside[at : at + len(sound)] += sound[: len(outside) - at]
        if scene.noise_db is not None:
            shape = (100, 7_500) if scene.seed % 2 else (150, 900)
            outside += shaped(rng, len(outside), *shape) * np.float32(LEVEL * 10 ** (-scene.noise_db / 20))
        vad = SileroVADAnalyzer(
            params=VADParams(
                start_secs=self._settings.vad_start_ms / 1000, stop_secs=self._settings.vad_stop_ms / 1000
            )
        )
        vad.set_sample_rate(HZ)
        await self._playback.start(HZ)
        await self._strategy.process_frame(BotStartedSpeakingFrame())
        for start in range(0, length, CHUNK):
            played = await self._playback.filter(agent[start : start + CHUNK].astype(np.int16).tobytes())
            self._now_s += 0.02
            heard = outside[start : start + CHUNK] + room.hear(
                np.frombuffer(played, np.int16).astype(np.float32)
            )
            await self._hear(vad, heard.clip(-32_768, 32_767).astype(np.int16).tobytes())
            if self.outcome.stopped_ms is not None:
                break
        await vad.cleanup()
        self._ear.end(0)
        return self.outcome

    async def _hear(self, vad: SileroVADAnalyzer, audio: bytes) -> None:
        await self._strategy.process_frame(InputAudioRawFrame(audio, HZ, 1))
        if text := self._ear.hear(audio):
            self.outcome.words.append(text)
            await self._strategy.process_frame(InterimTranscriptionFrame(text, "", time_now_iso8601()))
        state = await vad.analyze_audio(audio)
        if state is VADState.SPEAKING and self._state is VADState.QUIET:
            self._state = state
            self._ear.begin()
            await self._strategy.process_frame(VADUserStartedSpeakingFrame(start_secs=0.2))
        elif state is VADState.QUIET and self._state is VADState.SPEAKING:
            self._state = state
            await self._strategy.process_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))
            if text := self._ear.end(self._settings.asr_min_confidence):
                final = TranscriptionFrame(text, "", time_now_iso8601())
                self._due.append((self._now_s + VERDICT_MS / 1000, final))
        self.outcome.ducked |= self._strategy._interruption.ducked  # pyright: ignore[reportPrivateUsage]
        while self._due and self._due[0][0] <= self._now_s:
            final = self._due.pop(0)[1]
            self.outcome.words.append("= " + getattr(final, "text", ""))
            await self._strategy.process_frame(final)

    async def _stop(self, *_: object) -> None:
        if self.outcome.stopped_ms is None:
            self.outcome.stopped_ms = 1000 * (self._now_s - self._begins_s)

    async def _stop_late(self, _: object, kind: type[Frame]) -> None:
        if kind is InterruptionFrame:
            await self._stop()


def scenes(repeats: int) -> Iterator[Scene]:
    """All of them, each sentence in each voice `repeats` times; half of them with an echo."""
    rng = np.random.default_rng(7)
    sounds: list[tuple[Kind, str, str]] = [("interruption", t, v) for t in INTERRUPTIONS for v in VOICES]
    sounds += [("backchannel", text, voice) for text in BACKCHANNELS for voice in VOICES]
    sounds += [("cough", "", "")] * 20 + [("slam", "", "")] * 20
    sounds += [("echo alone", "", "")] * 40 + [("noise alone", "", "")] * 10
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


async def measure(wanted: list[Scene], with_ear: bool, settings: AgentSettings) -> list[Outcome]:
    """Play them through, one after the other."""
    recognizer = None
    if with_ear:
        recognizer = SphinxRecognizer(AsrSettings(max_connections=1))
        recognizer.load()
    outcomes: list[Outcome] = []
    for scene in wanted:
        ear = Ear(recognizer)
        outcomes.append(await Trial(scene, settings, ear).run())
        ear.close()
    return outcomes


def markdown(outcomes: list[Outcome]) -> str:
    """The table, and what went wrong."""
    lines = ["| sound | scenes | wrong | ducked | decided after P50 / P90 ms |", "|---|---|---|---|---|"]
    for kind in Counter(outcome.scene.kind for outcome in outcomes):
        of_kind = [outcome for outcome in outcomes if outcome.scene.kind == kind]
        wrong, ducked = (sum(getattr(o, name) for o in of_kind) for name in ("wrong", "ducked"))
        taken = [o.stopped_ms for o in of_kind if o.stopped_ms is not None and not o.wrong]
        delays = " / ".join(f"{np.percentile(taken, p):.0f}" for p in (50, 90)) if taken else "-"
        lines.append(f"| {kind} | {len(of_kind)} | {wrong} | {ducked} | {delays} |")
    missed, false = shares(outcomes)
    lines.append(f"\nmissed interruptions {missed:.1%}, false ones {false:.1%}")
    lines += [f"    {o.scene}: {o.stopped_ms} {o.words}" for o in outcomes if o.wrong]
    return "\n".join(lines)


def shares(outcomes: list[Outcome]) -> tuple[float, float]:
    """(missed of the interruptions, false of all others)."""
    return tuple(
        float(np.mean([o.wrong for o in outcomes if o.scene.interrupts is wanted] or [0]))
        for wanted in (True, False)
    )  # type: ignore[return-value]


def main() -> int:
    parser = argparse.ArgumentParser(description="who stops the agent, and who does not")
    parser.add_argument("--ear", choices=("sphinx", "none"), default="sphinx")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--kind", default="")
    parser.add_argument("--most", type=int, default=10_000)
    given = parser.parse_args()
    logger.remove()
    wanted = [scene for scene in scenes(given.repeats) if scene.kind.startswith(given.kind)]
    stride = max(1, len(wanted) // given.most)
    settings = AgentSettings(_env_file=None)  # pyright: ignore[reportCallIssue]
    outcomes = asyncio.run(measure(wanted[::stride], given.ear == "sphinx", settings))
    print(markdown(outcomes))
    return int(max(shares(outcomes)) > MOST)


if __name__ == "__main__":
    sys.exit(main())
