"""Servers that take the time they are told and know what is being said: an ear, a mind and a voice.

They speak the real protocols on real sockets; what they say comes from the `Script`. The ear hears when
speech begins in the audio that it gets, and so knows which words are over at a Commit; the mind answers with
`The answer is number N. Anything else?`, so that whoever hears N knows which request was used; the voice
hums at the pace of speech, and sends it faster than that.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import numpy as np
from aiohttp import web
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

import asr_server.protocol as asr
import tts_server.protocol as tts
from tests.agent.hearing_servers import Ear, HearingServer
from tests.agent.speaking_servers import ServedSpeech, SpeakingServer
from tests.agent.stand_ins import chunk, running
from tests.agent.thinking_servers import ThinkingServer
from tests.benchmarks.script import Script, Work, end, now

LOUD = 328
"""int16; -40 dB: a caller's sound, which Opus leaves of no silence."""
GREETING = "Hello, how can I help?"
ANSWER = "The answer is number {}. Anything else?"
NUMBER = re.compile(r"number (\d+)")
TOKEN = re.compile(r"\s*\w+|\W")
WORD_MS = 250
FASTER = 4
"""Than real time: the published voice's real-time factor on small GPUs."""


class ScriptedAsr(HearingServer):
    """Hears the words of the script that are over."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self._script = script

    def _ear(self) -> Ear:
        return _Ear(self._script)

    async def _answer(self, connection: ServerConnection, ear: Ear, commit: asr.Commit) -> None:
        work = self._script.begin("asr")
        final = ear.final(commit)
        await asyncio.sleep(self._script.times.asr_ms / 1000)
        end(work)
        with suppress(ConnectionClosed):
            await connection.send(final.json_text())


class _Ear(Ear):
    """Where the speech of this turn lies in one connection's audio."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self._script = script
        self._turn = -1
        self._onset: int | None = None

    def listen(self, pcm: bytes) -> None:
        if self._turn != self._script.turn:
            self._turn, self._onset = self._script.turn, None
        loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)) > LOUD)
        if len(loud):
            self._script.speech_heard_s = now()
            if self._onset is None:
                self._onset = self.samples + int(loud[0])

    def text(self) -> str:
        if self._onset is None:
            return ""
        spoken_ms = (
            (at - self._onset) * 1000 / asr.SAMPLE_RATE_HZ for at in (self.begin_sample, self.samples)
        )
        return self._script.sentence.between(*spoken_ms)


class ScriptedLlm(ThinkingServer):
    """Greets the first time, then gives numbered answers."""

    def __init__(self, script: Script, tokens_per_s: float) -> None:
        super().__init__()
        self._script = script
        self._tokens_per_s = tokens_per_s

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(await request.json())
        number = len(self.requests) - 1
        text = ANSWER.format(number) if number else GREETING
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        works = [self._script.begin("llm", number)]
        try:
            await response.prepare(request)
            await self._generate(response, text, works)
        except (asyncio.CancelledError, ConnectionError):
            end(works[-1], cancelled=True)
            raise
        end(works[-1])
        return response

    async def _generate(self, response: web.StreamResponse, text: str, works: list[Work]) -> None:
        tokens = TOKEN.findall(text)
        first = first_segment(tokens)
        for index, token in enumerate(tokens, 1):
            due_s = works[0].begin_s + self._script.times.llm_ms / 1000 + (index - first) / self._tokens_per_s
            await asyncio.sleep(max(0.0, due_s - now()))
            await response.write(chunk({"content": token}, None))
            works[-1].tokens += 1
            if index == first:
                end(works[0])
                works.append(self._script.begin("tokens", works[0].answer))
        await response.write(chunk({}, "stop"))
        await response.write(b"data: [DONE]\n\n")


def first_segment(tokens: Sequence[str]) -> int:
    """How many tokens it takes until the first sentence is known to be over: with the word behind it."""
    end_of_sentence = next((at for at, token in enumerate(tokens, 1) if token in ".?!"), len(tokens))
    return min(end_of_sentence + 1, len(tokens))


class ScriptedTts(SpeakingServer):
    """Hums a quarter of a second per word."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self._script = script

    def _begin(self, connection: ServerConnection, opened: tts.Open) -> ServedSpeech:
        return _Speech(connection, opened, self._script)


class _Speech(ServedSpeech):
    def __init__(self, connection: ServerConnection, opened: tts.Open, script: Script) -> None:
        super().__init__(connection, opened)
        self._script = script
        self._works: list[Work] = []

    def stop(self) -> None:
        if self.task and not self.task.done():
            super().stop()
            for work in self._works:
                end(work, cancelled=True)

    async def run(self) -> None:
        with suppress(ConnectionClosed):
            while (text := await self.texts.get()) is not None:
                if not self._works:
                    await self._wait_for_first_audio(text)
                await self._hum(text)
            await self.end(cancelled=False)

    async def _wait_for_first_audio(self, text: str) -> None:
        found = NUMBER.search(text)
        work = self._script.begin("tts", int(found[1]) if found else None)
        self._works.append(work)
        await asyncio.sleep(self._script.times.tts_ms / 1000)
        end(work)

    async def _hum(self, text: str) -> None:
        work = self._script.begin("audio", self._works[0].answer)
        self._works.append(work)
        for word in text.split():
            await self.say(word, hum(self.samples, self.hz * WORD_MS // 1000, self.hz))
            work.audio_ms += WORD_MS
            await asyncio.sleep(WORD_MS / 1000 / FASTER)
        end(work)


def hum(first: int, samples: int, hz: int) -> bytes:
    """A voiced sound from sample `first` of a speech on, PCM16: five harmonics of 140 Hz."""
    phase = 2 * np.pi * 140 * np.arange(first, first + samples) / hz
    harmonics = np.sin(np.outer(np.arange(1, 6), phase))
    return (2_500 * harmonics.sum(axis=0)).astype("<i2").tobytes()


class Servers(NamedTuple):
    """The three, listening."""

    asr: ScriptedAsr
    llm: ScriptedLlm
    tts: ScriptedTts

    @property
    def settings(self) -> dict[str, str]:
        """An agent's environment that leads to them."""
        return {"AGENT_ASR_URL": self.asr.url, "AGENT_LLM_URL": self.llm.url, "AGENT_TTS_URL": self.tts.url}


@asynccontextmanager
async def scripted(script: Script, tokens_per_s: float) -> AsyncIterator[Servers]:
    """Start them, and stop them in the end."""
    servers = Servers(ScriptedAsr(script), ScriptedLlm(script, tokens_per_s), ScriptedTts(script))
    async with running(*servers):
        yield servers
