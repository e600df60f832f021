"""Twenty interruptions of a real agent over WebRTC: what it remembers, against the caller's recording.

The voice is a stand-in whose words are tones of known lengths, so that the recording itself says which were
heard; what is remembered is what the agent tells its LLM the next time.
"""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection

import tts_server.protocol as tts
from agent.call_line import Call, dial
from agent.call_media import CALL_HZ
from agent.call_messages import Activity
from tests.agent.stand_ins import AsrStandIn, LlmStandIn, TtsStandIn, running
from tests.end_to_end.conftest import Speak
from tests.processes import Process, free_port
from wire.message import Message

pytestmark = [pytest.mark.realtime, pytest.mark.slow, pytest.mark.timeout(500)]

TIMES = 20
ANSWER_S = 20.0
GAP_MS = 40
"""Between two words."""
SILENCE_MS = 200
"""After an interruption, what comes after so long a pause is the next answer."""
SMEAR_MS = 3
"""Opus makes 20 ms of sound between two holes 22 to 24 ms long; whole tones are 1 ms too long."""
AUDIBLE = 100
"""int16; -50 dB. A tone that was made quieter is at -26."""
STORY = " ".join(f"w{number}" for number in range(60))


def word_ms(word: str) -> int:
    """How long a word sounds: 120 to 440 ms, the same every time."""
    return 120 + 40 * (sum(word.encode()) * 7 % 9)


def tone(word: str) -> np.ndarray:
    """(T,) int16: the word, and the gap after it."""
    length = TtsStandIn.hz * word_ms(word) // 1000
    seconds = np.arange(length) / TtsStandIn.hz
    edge = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / 60)
    sound = 9_000 * np.sin(2 * np.pi * 500 * seconds) * edge
    return np.concatenate([sound, np.zeros(TtsStandIn.hz * GAP_MS // 1000)]).astype(np.int16)


class Tones(TtsStandIn):
    """Says every word at once, as a tone; tells of each before its audio."""

    def __init__(self) -> None:
        super().__init__()
        self._sent: dict[int, int] = {}

    async def _obey(self, connection: ServerConnection, speeches: Any, message: Message) -> None:
        match message:
            case tts.Open(speech_id=speech_id):
                self._sent[speech_id] = 0
            case tts.Speak(speech_id=speech_id, text=text) if speech_id in self._sent:
                for word in text.split():
                    await self._say_word(connection, speech_id, word)
            case tts.Finish(speech_id=speech_id) | tts.Cancel(speech_id=speech_id) if speech_id in self._sent:
                samples, cancelled = self._sent.pop(speech_id), isinstance(message, tts.Cancel)
                end = tts.AudioEnd(speech_id=speech_id, samples=samples, cancelled=cancelled)
                await connection.send(end.json_text())
            case _:
                await super()._obey(connection, speeches, message)

    async def _say_word(self, connection: ServerConnection, speech_id: int, word: str) -> None:
        sent, pcm = self._sent[speech_id], tone(word)
        await connection.send(tts.Words(speech_id=speech_id, words=((word, sent),)).json_text())
        await connection.send(tts.encode_audio(tts.Audio(speech_id, sent, pcm.tobytes())))
        self._sent[speech_id] += len(pcm)


class Interrupted(NamedTuple):
    """One of them."""

    remembered: int
    heard: float
    """Words, and parts of words."""
    silent_ms: float
    """From the agent's word that it was interrupted to the last sound in the recording."""


def words_in(sounds: list[tuple[int, int]]) -> float:
    """How many of the story's words sound for as long as these tones (from, to; ms) do, with parts.

    By their lengths, not their number: a machine that is busy leaves holes in a tone.
    """
    words = STORY.split()
    ends_ms = np.cumsum([word_ms(word) for word in words])
    holes = sum(after[0] - before[1] < GAP_MS - 8 for before, after in pairwise(sounds))
    sounding_ms = sum(end - start for start, end in sounds) - SMEAR_MS * holes
    return float(np.interp(sounding_ms, [0, *ends_ms], np.arange(len(words) + 1)))


def tones_in(sound: np.ndarray, silenced: int) -> list[tuple[int, int]]:
    """The tones (from, to; ms) until it is quiet for SILENCE_MS, not before `silenced`."""
    edges = np.flatnonzero(np.diff(sound.astype(int), prepend=0, append=0))
    tones: list[tuple[int, int]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if tones and start > max(silenced, tones[-1][1]) + SILENCE_MS:
            break
        tones.append((start, end))
    return tones


def sounding(samples: np.ndarray) -> np.ndarray:
    """Whether there is a tone, for each ms of (T,) at CALL_HZ; 14 dB below what is around it is an edge."""
    hop = CALL_HZ // 1000
    energy = np.cumsum(samples[: len(samples) // hop * hop].astype(np.float64) ** 2)[hop - 1 :: hop]
    level = np.sqrt(np.maximum(energy[4:] - energy[:-4], 0) / (4 * hop))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(level, 75), 151).max(1)
    return (level > 0.2 * around) & (level > AUDIBLE)


async def interrupt(url: str, speak: Speak, llm: LlmStandIn) -> tuple[Call, list[int]]:
    """The whole call, and when each interruption began."""
    rng = np.random.default_rng(5)
    begun: list[int] = []
    async with dial(url) as call:
        await call.listen(ANSWER_S)
        await call.say(speak("Tell me a long story please."), ANSWER_S, wait_for_end=False)
        for number in range(TIMES):
            await call.wait(float(rng.uniform(0.5, 3.0)))
            begun.append(call.clock.now())
            voice = ("slt", "rms", "awb", "kal16")[number % 4]
            turn = speak("No, I would like to hear another story.", voice=voice, barge_in_after_s=0.0)
            assert await call.say(turn, ANSWER_S, wait_for_end=False), number
    return call, begun


def outcomes(call: Call, begun: list[int], llm: LlmStandIn) -> list[Interrupted]:
    """By the recording, and by what the LLM was told."""
    ms = CALL_HZ // 1000
    sound = sounding(call.agent.samples(call.length))
    begins, ends = (
        [at for at, event in call.events if isinstance(event, Activity) and event.speaking is speaks]
        for speaks in (True, False)
    )
    found: list[Interrupted] = []
    for number, start in enumerate(begun):
        since = max(at for at in begins if at < start) // ms
        until = min((at for at in begins if at > start), default=call.length) // ms
        interrupted = min(at for at in ends if at > start) // ms
        tones = tones_in(sound[since:until], interrupted - since)
        told = [m["content"] for m in llm.requests[number + 2]["messages"] if m["role"] == "assistant"]
        silent_ms = float(since + tones[-1][1] - interrupted)
        found.append(Interrupted(len(told[-1].split()), words_in(tones), silent_ms))
    return found


@pytest.fixture
def speaker(tmp_path: Path) -> Callable[[AsrStandIn, LlmStandIn, TtsStandIn], Process]:
    def process(asr: AsrStandIn, llm: LlmStandIn, voice: TtsStandIn) -> Process:
        port = free_port()
        urls = {"AGENT_ASR_URL": asr.url, "AGENT_LLM_URL": llm.url, "AGENT_TTS_URL": voice.url}
        return Process("agent", port, {"AGENT_PORT": str(port), **urls}, tmp_path)

    return process


async def test_what_is_remembered_is_what_the_recording_holds(
    speak: Speak, speaker: Callable[[AsrStandIn, LlmStandIn, TtsStandIn], Process]
):
    asr = AsrStandIn(*["another story please"] * 200)
    llm, voice = LlmStandIn("Hello.", *[STORY] * (TIMES + 1)), Tones()
    async with running(asr, llm, voice):
        agent = speaker(asr, llm, voice)
        agent.start()
        try:
            await asyncio.to_thread(agent.until_ready)
            call, begun = await interrupt(agent.url, speak, llm)
        finally:
            await asyncio.to_thread(agent.stop)
    found = outcomes(call, begun, llm)
    errors = [one.remembered - one.heard for one in found]
    silent = [one.silent_ms for one in found]
    print(*found, sep="\n")
    print(
        f"mean signed error {np.mean(errors):+.2f} words; silent after {np.percentile(silent, [50, 90, 100])}"
    )
    # A word that was heard in part may be taken for heard or not.
    assert all(int(one.heard) - 1 <= one.remembered <= np.ceil(one.heard) + 1 for one in found)
    assert np.median(silent) <= 150  # of which the way back takes 86 (tests.agent.peers)
    assert max(silent) < 250
