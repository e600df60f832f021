"""Random and mutated messages on four connections, while a caller's transcript stays what it is alone.

Seeded: a failure names the seed that repeats it.
"""

import asyncio
import json
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from asr_server.protocol import PATH, Commit, Failed, NextUtterance, Partial
from tests.asr_server.client import Heard, calling, silence
from tests.asr_server.conftest import Say, sphinx_app
from tests.serving import Served, serving

CONNECTIONS = 4
LAST_ID = 2**32 - 1
HELLO = '{"type": "start", "protocol": "1.0"}'


@dataclass
class Tally:
    """What was sent and what came of it."""

    sent: int = 0
    answers: Counter[str] = field(default_factory=Counter[str])


class Nonsense:
    """Messages of one connection: mostly right, with ids and positions near what would do."""

    def __init__(self, chance: random.Random, speech: bytes) -> None:
        self._chance = chance
        self._speech = speech
        self._ids = {"utterance_id": 0, "commit_id": 0}
        self._samples = 0

    def next(self) -> str | bytes:
        match self._chance.choices(["audio", "commit", "next_utterance", "other"], [78, 12, 9, 1])[0]:
            case "audio":
                return self._audio()
            case "commit":
                position = {"speech_end_sample": self._position()}
                fields = {"utterance_id": self._id("utterance_id", 0), "commit_id": self._id("commit_id", 1)}
            case "next_utterance":
                position = {"from_sample": self._position()}
                fields = {"utterance_id": self._id("utterance_id", 1)}
            case kind:
                kind = self._chance.choice(["start", "sing", "final", ""])
                return json.dumps({"type": kind, "protocol": self._chance.choice(["1.0", "7", "x"])})
        kind = "commit" if "commit_id" in fields else "next_utterance"
        return self._mutated({"type": kind, **fields, **position})

    def _audio(self) -> bytes:
        """Little pieces of silence, noise, or larger ones of speech; now and then half a sample."""
        kind = self._chance.randrange(100)
        if kind < 4:
            at = 3_200 * self._chance.randrange(len(self._speech) // 3_200)
            pcm = self._speech[at : at + 6_400]
        elif kind < 6:
            pcm = self._chance.randbytes(self._chance.randrange(500))
        else:
            pcm = bytes(2 * self._chance.choice([0, 1, 80, 160, 160, 160, 320, 320]))
        self._samples += len(pcm) // 2
        return pcm

    def _id(self, name: str, step: int) -> int:
        """Mostly the id that is expected."""
        if self._chance.randrange(20) == 0:
            return self._chance.choice([0, 1, self._ids[name] - 1, self._ids[name] + 9])
        self._ids[name] += step
        return self._ids[name]

    def _position(self) -> int:
        if self._chance.randrange(20) == 0:
            return self._chance.choice([0, 2**40, self._samples + 1])
        return max(0, self._samples - self._chance.randrange(3_200))

    def _mutated(self, message: dict[str, object]) -> str | bytes:
        text = json.dumps(message)
        match self._chance.randrange(150):
            case 0:
                odd = self._chance.choice([None, -1, 2**70, 1.5, "", [], {}, True, "\x00"])
                return json.dumps(message | {self._chance.choice(list(message)): odd})
            case 1:
                at = self._chance.randrange(len(text))
                return text[:at] + chr(self._chance.randrange(1, 0xD7FF)) + text[at + 1 :]
            case 2:
                return text[: self._chance.randrange(len(text))]
            case 3:
                return json.dumps(message | {"more": "x " * self._chance.choice([10, 200_000])})
            case _:
                return text


class Pest:
    """One connection that talks nonsense, for as long as the server keeps it."""

    def __init__(self, socket: ClientConnection, chance: random.Random, tally: Tally) -> None:
        self._socket = socket
        self._chance = chance
        self._tally = tally
        self._answered = asyncio.Event()

    async def talk(self, nonsense: Nonsense, most: int) -> int:
        """Send up to so many messages, and leave; how many were sent."""
        reading = asyncio.create_task(self._read())
        sent = 0
        with suppress(ConnectionClosed):
            if self._chance.randrange(20):
                await self._socket.send(HELLO)
            while sent < most and not reading.done():
                await self._send(nonsense.next())
                sent += 1
            if self._chance.randrange(2):
                await self._send_last()
                await reading
        await self._leave()
        await reading
        self._tally.sent += sent
        return sent

    async def _send(self, message: str | bytes) -> None:
        """Send; after a Commit, mostly wait for something to be answered."""
        self._answered.clear()
        await self._socket.send(message)
        if '"commit_id"' in str(message) and self._chance.randrange(4):
            await self._answered.wait()

    async def _send_last(self) -> None:
        """Ask for something that is answered after everything else."""
        await self._socket.send(NextUtterance(utterance_id=LAST_ID, from_sample=0).json_text())
        last = Commit(utterance_id=LAST_ID, commit_id=LAST_ID, speech_end_sample=0)
        await self._socket.send(last.json_text())

    async def _leave(self) -> None:
        """Close, or vanish."""
        if self._chance.randrange(2):
            await self._socket.close()
        else:
            self._socket.transport.abort()

    async def _read(self) -> None:
        """Read until the last Commit is answered or the connection closed; what is refused must say why."""
        message = {}
        with suppress(ConnectionClosed):
            while message.get("commit_id") != LAST_ID:
                message = json.loads(await self._socket.recv())
                self._tally.answers[message["type"]] += 1
                if message["type"] == "failed":
                    assert len(Failed.model_validate(message).message) > 5
                    self._tally.answers[message["code"]] += 1
                if "commit_id" in message:
                    self._answered.set()
        self._answered.set()


async def pester(served: Served, seed: int, messages: int, speech: bytes, tally: Tally) -> None:
    """Send so many messages over as many connections as it takes."""
    chance = random.Random(seed)
    while messages:
        async with connect(served.ws + PATH, compression=None, close_timeout=1) as socket:
            most = min(messages, chance.randrange(1, 300))
            messages -= await Pest(socket, chance, tally).talk(Nonsense(chance, speech), most)


async def transcript(served: Served, speech: bytes) -> list[Heard]:
    """Everything that is answered in a call of two utterances, the first with a Commit in it."""
    async with calling(served) as caller:
        await caller.say(speech)
        await caller.final()
        await caller.say(silence(600) + speech)
        await caller.final()
        await caller.next_utterance()
        await caller.say(speech)
        await caller.final()
        return caller.heard


async def fuzz(messages: int, seed: int, speech: bytes) -> None:
    """All of it against one server, with a print of how it went."""
    tally, calls = Tally(), 0
    began_s = monotonic()
    app = sphinx_app(max_connections=2 * CONNECTIONS, max_messages_per_s=1e6)
    async with serving(app) as served:
        expected = await transcript(served, speech)
        assert sum(isinstance(message, Partial) for message in expected) > 2
        async with asyncio.TaskGroup() as group:
            pestering = [
                group.create_task(pester(served, seed + each, messages // CONNECTIONS, speech, tally))
                for each in range(CONNECTIONS)
            ]
            while not calls or not all(task.done() for task in pestering):
                assert await transcript(served, speech) == expected, f"seed {seed}, call {calls}"
                calls += 1
    took_s = monotonic() - began_s
    print(f"\n{tally.sent} messages in {took_s:.1f} s ({tally.sent / took_s:.0f}/s), seed {seed},", end=" ")
    print(f"{calls} calls undisturbed; {dict(tally.answers.most_common())}")
    assert "internal" not in tally.answers
    assert tally.sent == messages
    assert {"final", "commit_id", "beyond_audio"} <= set(tally.answers)


@pytest.mark.timeout(300)
async def test_nonsense_changes_nothing_in_another_callers_transcript(spoken: Say):
    await fuzz(2_000, seed=1_953, speech=spoken("what time is it"))


@pytest.mark.slow
@pytest.mark.timeout(3_600)
async def test_a_hundred_thousand_messages_change_nothing_in_another_callers_transcript(spoken: Say):
    await fuzz(100_000, seed=11, speech=spoken("what time is it"))
