"""What the words are worth that the agent answers ahead: `python -m tests.benchmarks.early_finals`.

The embedded ear hears flite's voices through its server, as a call's audio comes, and is asked twice at the
last silence of every sentence, where Silero says so: as early as the agent asks, and at the pause. What the
VAD does not hear in between, such as the end of a soft consonant, only the second Final can know.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pipecat.audio.vad.vad_analyzer import VADParams

from agent.settings import AgentSettings
from agent.vad import WINDOW_MS, Vad
from asr_server.app import create_app
from asr_server.protocol import SAMPLE_RATE_HZ
from asr_server.settings import AsrSettings
from asr_server.sphinx import SphinxRecognizer
from asr_server.workshop.score import word_errors
from asr_server.workshop.speech import VOICES, say, sentences
from tests.asr_server.client import AsrClient, calling, packets
from tests.serving import serving

BEFORE_MS, AFTER_MS = 500, 700
"""Room for the VAD on both sides of a sentence."""


@dataclass(frozen=True)
class Heard:
    """One sentence."""

    said: str
    voice: str
    early: str
    """The Final of the early Commit in its last silence."""
    late: str
    """The Final of the pause."""

    @property
    def words(self) -> int:
        return len(self.said.split())


def early_ms(settings: AgentSettings) -> int:
    """The silence after which the agent asks early: in whole windows."""
    return round(settings.early_ms / WINDOW_MS) * WINDOW_MS


async def hear(client: AsrClient, text: str, voice: str, settings: AgentSettings) -> Heard:
    """Speak one sentence to the server, and commit where the agent does."""
    stop_s, start_s = settings.vad_stop_ms / 1000, settings.vad_start_ms / 1000
    vad = Vad(sample_rate=SAMPLE_RATE_HZ, params=VADParams(start_secs=start_s, stop_secs=stop_s))
    vad.set_sample_rate(SAMPLE_RATE_HZ)
    await client.next_utterance()
    early = late = ""
    asked_early = paused = True  # nobody has spoken yet
    for packet in packets(_spoken(text, voice)):
        await client.say(packet)
        await vad.analyze_audio(packet)
        silence_ms = vad.silence_ms
        if not silence_ms:
            asked_early = paused = False
        if silence_ms >= early_ms(settings) and not asked_early:
            asked_early, early = True, await _final(client, silence_ms, settings)
        if silence_ms >= settings.vad_stop_ms and not paused:
            paused, late = True, await _final(client, settings.vad_stop_ms, settings)
    await vad.cleanup()
    return Heard(text, voice, early, late)


def _spoken(text: str, voice: str) -> bytes:
    silences = (np.zeros(SAMPLE_RATE_HZ * ms // 1000, np.float32) for ms in (BEFORE_MS, AFTER_MS))
    before, after = silences
    return np.concatenate([before, say(text, voice), after]).astype("<i2").tobytes()


async def _final(client: AsrClient, silence_ms: float, settings: AgentSettings) -> str:
    silent = int(SAMPLE_RATE_HZ * (silence_ms + settings.vad_hangover_ms) / 1000)
    return await client.final(client.sent_samples - silent)


async def measure(texts: Sequence[str], settings: AgentSettings) -> list[Heard]:
    """Every text, in every voice's turn; each voice is one call."""
    asr = AsrSettings(port=0, _env_file=None)  # type: ignore[call-arg]
    heard: list[Heard] = []
    async with serving(create_app(asr, SphinxRecognizer(asr))) as served:
        for place, voice in enumerate(VOICES):
            async with calling(served) as client:
                for text in texts[place :: len(VOICES)]:
                    heard.append(await hear(client, text, voice, settings))
                    print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return heard


def table(heard: Sequence[Heard], settings: AgentSettings) -> str:
    """As markdown, with the sentences in which the two differ."""
    words = sum(one.words for one in heard)
    lines = [f"{len(heard)} sentences of flite, {words} words:", "", "| Final | word errors | WER |"]
    lines.append("|---|--:|--:|")
    for name, texts in (
        (f"early, at {early_ms(settings)} ms of silence", [one.early for one in heard]),
        (f"of the pause, at {settings.vad_stop_ms} ms", [one.late for one in heard]),
    ):
        errors = sum(word_errors(one.said, text) for one, text in zip(heard, texts, strict=True))
        lines.append(f"| {name} | {errors} | {100 * errors / words:.1f} % |")
    differ = [one for one in heard if one.early != one.late]
    lines += ["", f"They differ in {len(differ)} of {len(heard)}:"]
    lines += [f"- {one.voice}, {one.said}: {one.early} / {one.late}" for one in differ]
    return "\n".join(lines)


def main() -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks.early_finals")
    parser.add_argument("--sentences", type=int, default=60)
    options = parser.parse_args()
    settings = AgentSettings(_env_file=None)  # type: ignore[call-arg]
    heard = asyncio.run(measure(sentences().in_domain[: options.sentences], settings))
    print(table(heard, settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
