"""Servers that delay, reorder, drop and die as a seed has it, on real sockets and within their protocols."""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from aiohttp import web
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

import asr_server.protocol as asr
import tts_server.protocol as tts
from tests.agent.coded_speech import Vocabulary
from tests.agent.hearing_servers import Ear, HearingServer
from tests.agent.speaking_servers import ServedSpeech, SpeakingServer
from tests.agent.stand_ins import LlmStandIn, WebSocketStandIn, chunk, running
from tests.agent.thinking_servers import ThinkingServer

WORD_MS = 160
"""Of the agent's voice."""
FOREVER_S = 60.0
"""Longer than anybody waits."""
SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]


def new_words() -> Iterator[str]:
    """Words that nobody has said yet: baba, babe, ..."""
    return ("".join(pair) for pair in itertools.product(SYLLABLES, SYLLABLES))


class Stroke(NamedTuple):
    """Something that went wrong."""

    at_s: float
    what: str
    """Begins with whom it befell: asr, llm, tts or verdict."""


class Fate:
    """What goes wrong in one conversation. `most` strokes, so that there is a conversation left."""

    def __init__(self, seed: int, most: int = 3) -> None:
        self._chance = random.Random(seed)
        self._most = most
        self.strokes: list[Stroke] = []
        self.words = Vocabulary()
        self._new = new_words()
        self._deaths: list[asyncio.Task[None]] = []  # at most one for each stroke

    def strikes(self, what: str, chance: float) -> bool:
        """Whether it happens now."""
        if len(self.strokes) >= self._most or self._chance.random() >= chance:
            return False
        self.strokes.append(Stroke(time.monotonic(), what))  # the loop's clock, in its threads too
        return True

    def between(self, least: float, most: float) -> float:
        return self._chance.uniform(least, most)

    def happens(self, chance: float) -> bool:
        """Something that is nobody's fault."""
        return self._chance.random() < chance

    def pick(self, *choices: str) -> str:
        return self._chance.choice(choices)

    def kill(self, server: WebSocketStandIn | LlmStandIn, for_s: float) -> None:
        """A crash, and a start some time later."""
        self._deaths.append(asyncio.create_task(_die(server, for_s)))

    async def is_over(self) -> None:
        """Everybody is back."""
        await asyncio.gather(*self._deaths)

    def sentence(self, least: int, most: int) -> list[str]:
        """Some new words."""
        return list(itertools.islice(self._new, self._chance.randint(least, most)))


async def _die(server: WebSocketStandIn | LlmStandIn, for_s: float) -> None:
    await server.stop()
    await asyncio.sleep(for_s)
    await server.start()


class UnluckyAsr(HearingServer):
    """Hears the words of the conversation, and answers Commits as fate has it."""

    def __init__(self) -> None:
        super().__init__()
        self.fate = Fate(0, most=0)

    def _ear(self) -> Ear:
        return _Ear(self.fate.words)

    async def _hear(self, connection: ServerConnection, ear: Ear, pcm: bytes) -> None:
        await super()._hear(connection, ear, pcm)
        assert isinstance(ear, _Ear)
        if ear.in_speech and self.fate.strikes("asr: cut off in the middle", 0.0005):
            connection.transport.abort()

    async def _answer(self, connection: ServerConnection, ear: Ear, commit: asr.Commit) -> None:
        final = ear.final(commit)
        await asyncio.sleep(self.fate.between(0.0, 0.4))  # the Finals of two Commits may change places
        with suppress(ConnectionClosed):
            if self.fate.strikes("asr: no final", 0.03):
                return
            if self.fate.strikes("asr: late", 0.03):
                await asyncio.sleep(self.fate.between(0.5, 3.0))
            if self.fate.strikes("asr: refuses", 0.03):
                await connection.send(_refusal(commit).json_text())
            elif self.fate.strikes("asr: cut off at a commit", 0.03):
                connection.transport.abort()
            elif self.fate.strikes("asr: dies", 0.03):
                self.fate.kill(self, self.fate.between(0.2, 1.5))
            else:
                await connection.send(final.json_text())


def _refusal(commit: asr.Commit) -> asr.Failed:
    return asr.Failed(
        code="broken", message="not now", utterance_id=commit.utterance_id, commit_id=commit.commit_id
    )


class _Ear(Ear):
    """Words, and the sample at which each was last heard."""

    def __init__(self, words: Vocabulary) -> None:
        super().__init__()
        self._words = words
        self._heard: dict[str, int] = {}
        self.in_speech = False

    def listen(self, pcm: bytes) -> None:
        words = self._words.hear(pcm)
        self.in_speech = bool(words)
        self._heard |= dict.fromkeys(words, self.samples + len(pcm) // asr.SAMPLE_BYTES)

    def text(self) -> str:
        return " ".join(word for word, last in self._heard.items() if last > self.begin_sample)


class UnluckyLlm(ThinkingServer):
    """Answers with one or two sentences of new words."""

    shutdown_s = 0.01

    def __init__(self) -> None:
        super().__init__()
        self.fate = Fate(0, most=0)

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        await asyncio.sleep(self.fate.between(0.05, 0.6))
        if self.fate.strikes("llm: status 500", 0.03):
            return web.json_response({"error": {"message": "not now"}}, status=500)
        if self.fate.strikes("llm: no headers", 0.02):
            await asyncio.sleep(FOREVER_S)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if self.fate.strikes("llm: no first token", 0.02):
            await asyncio.sleep(FOREVER_S)
        text = "" if self.fate.strikes("llm: no words", 0.03) else self._answer()
        for word in text.split(" "):
            if self.fate.strikes("llm: cut off in the middle", 0.005):
                assert request.transport
                request.transport.abort()
                await asyncio.sleep(FOREVER_S)
            if self.fate.strikes("llm: dies", 0.003):
                self.fate.kill(self, self.fate.between(0.2, 1.0))
                await asyncio.sleep(FOREVER_S)
            await response.write(chunk({"content": f"{word} "}, None))
            await asyncio.sleep(self.fate.between(0.0, 0.05))
        await response.write(chunk({}, "stop"))
        await response.write(b"data: [DONE]\n\n")
        return response

    def _answer(self) -> str:
        sentences = [self.fate.sentence(3, 7) for _ in range(2 if self.fate.happens(0.5) else 1)]
        return " ".join(" ".join(words).capitalize() + "." for words in sentences)


class UnluckyTts(SpeakingServer):
    """Says what it is told, in sound that can be read."""

    def __init__(self) -> None:
        super().__init__()
        self.fate = Fate(0, most=0)

    def _begin(self, connection: ServerConnection, opened: tts.Open) -> ServedSpeech:
        return _Speech(self, connection, opened)


class _Speech(ServedSpeech):
    def __init__(self, server: UnluckyTts, connection: ServerConnection, opened: tts.Open) -> None:
        super().__init__(connection, opened)
        self._server, self._fate = server, server.fate

    async def obey(self, message: tts.Speak | tts.Finish | tts.Cancel) -> None:
        if isinstance(message, tts.Speak) and self._fate.strikes("tts: refuses", 0.03):
            failed = tts.Failed(code="broken", message="not now", speech_id=self.id)
            await self.connection.send(failed.json_text())
            self.stop()
            await self.end(cancelled=False)
        else:
            await super().obey(message)

    async def run(self) -> None:
        with suppress(ConnectionClosed):
            await asyncio.sleep(self._fate.between(0.05, 0.3))
            if self._fate.strikes("tts: hangs", 0.02):
                await asyncio.sleep(FOREVER_S)
            while (text := await self.texts.get()) is not None:
                for word in text.split():
                    await self._code(word)
            if not self._fate.strikes("tts: no end", 0.01):
                await self.end(cancelled=False)

    async def _code(self, word: str) -> None:
        if self._fate.strikes("tts: cut off in the middle", 0.005):
            self.connection.transport.abort()
        if self._fate.strikes("tts: dies", 0.003):
            self._fate.kill(self._server, self._fate.between(0.2, 1.5))
        pcm = self._fate.words.say(plain(word), self.hz * WORD_MS // 1000)
        await self.say(word, pcm, audio_first=self._fate.happens(0.3))
        stalls = self._fate.happens(0.03)
        await asyncio.sleep(self._fate.between(0.3, 0.5) if stalls else WORD_MS / 4_000)


def plain(word: str) -> str:
    """As it sounds."""
    return word.strip(".,!?").lower()


class Servers(NamedTuple):
    """The three, for one conversation after the other."""

    asr: UnluckyAsr
    llm: UnluckyLlm
    tts: UnluckyTts

    def suffer(self, fate: Fate) -> None:
        """From now on."""
        for server in self:
            server.fate = fate


@asynccontextmanager
async def unlucky() -> AsyncIterator[Servers]:
    """Start them, and stop them in the end."""
    servers = Servers(UnluckyAsr(), UnluckyLlm(), UnluckyTts())
    async with running(*servers):
        yield servers
