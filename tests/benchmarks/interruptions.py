"""Who stops the agent, and who does not: `python -m tests.benchmarks.interruptions [--ear none]`.

The agent (espeak-ng, as tts_server has it) speaks; 1 to 2.5 s later somebody or something makes a sound. The
real strategy, playback and Silero hear it, 20 ms at a time, on a clock that only the samples move: what the
strategy makes quieter comes back quieter. Callers are flite's voices; noise is white or speech-shaped, 20 to
5 dB below them; the agent comes back through a small room after 20 to 300 ms, 10 to 30 dB weaker. With
`--ear sphinx` the embedded ear reads along, as asr_server would have it; with `perfect` one that knows each
word 300 ms after it was said; with `none` nobody does.

Prints a table, and what went wrong; exit status 1 where more than 2 % of either kind did.
"""

import argparse
import asyncio
import sys
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from loguru import logger
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
from tests.benchmarks.interruption_scenes import (
    ANSWERS,
    HZ,
    LEVEL,
    Room,
    Scene,
    agents_voice,
    scenes,
    shaped,
    sound_of,
)

CHUNK = HZ * 20 // 1000
LEAD_SAMPLES = HZ * 500 // 1000
VERDICT_MS = 250
"""From the pause to the text: the Final, and Smart Turn."""
LATE_MS = 300
MOST = 0.02


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


class PerfectEar(Ear):
    """Knows each of the caller's words LATE_MS after it was said, and nothing else."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(None)
        self._words = scene.text.split()
        self._ms = self._begins_ms = 0.0
        self._sound_ms = 1.0

    def expect(self, begins_ms: float, sound_ms: float) -> None:
        """When the words will be said."""
        self._begins_ms, self._sound_ms = begins_ms, sound_ms

    def hear(self, audio: bytes) -> str:
        """The words that are known by now."""
        self._ms += 500 * len(audio) / HZ
        share = (self._ms - LATE_MS - self._begins_ms) / self._sound_ms
        return " ".join(self._words[: int(max(0, share) * len(self._words) + 1e-6)]) if self._speaking else ""

    def begin(self) -> None:
        self._speaking = True

    def end(self, least: float) -> str:
        """All that was said by now."""
        self._speaking = False
        return " ".join(self._words) if self._ms > self._begins_ms + self._sound_ms else ""


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
        if isinstance(self._ear, PerfectEar):
            self._ear.expect(1000 * at / HZ, 1000 * len(sound) / HZ)
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


async def measure(wanted: list[Scene], ear: str, settings: AgentSettings) -> list[Outcome]:
    """Play them through, one after the other."""
    recognizer = None
    if ear == "sphinx":
        recognizer = SphinxRecognizer(AsrSettings(max_connections=1))
        recognizer.load()
    outcomes: list[Outcome] = []
    for scene in wanted:
        listener = PerfectEar(scene) if ear == "perfect" else Ear(recognizer)
        outcomes.append(await Trial(scene, settings, listener).run())
        listener.close()
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
    parser.add_argument("--ear", choices=("sphinx", "perfect", "none"), default="sphinx")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--kind", default="")
    parser.add_argument("--most", type=int, default=10_000)
    given = parser.parse_args()
    logger.remove()
    wanted = [scene for scene in scenes(given.repeats) if scene.kind.startswith(given.kind)]
    stride = max(1, len(wanted) // given.most)
    settings = AgentSettings(_env_file=None)  # pyright: ignore[reportCallIssue]
    outcomes = asyncio.run(measure(wanted[::stride], given.ear, settings))
    print(markdown(outcomes))
    return int(max(shares(outcomes)) > MOST)


if __name__ == "__main__":
    sys.exit(main())
