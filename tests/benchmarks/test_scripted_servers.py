"""The scripted servers, spoken to as an agent does."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import ClientConnection, connect

import asr_server.protocol as asr
import tts_server.protocol as tts
from tests.agent.stand_ins import eventually
from tests.benchmarks.script import Script, Sentence, Word
from tests.benchmarks.scripted_servers import (
    ANSWER,
    GREETING,
    TOKEN,
    WORD_MS,
    Servers,
    first_segment,
    hum,
    scripted,
)
from tests.benchmarks.stage_times import TurnTimes
from wire.message import Message

TEA = Sentence((Word("more", 300), Word("tea", 1_500)))
TIMES = TurnTimes(asr_ms=20, llm_ms=40, tts_ms=30)


@pytest.fixture
async def script() -> Script:
    script = Script(TIMES)
    script.say(TEA, TIMES)
    return script


@pytest.fixture
async def servers(script: Script) -> AsyncIterator[Servers]:
    async with scripted(script, tokens_per_s=1_000) as servers:
        yield servers


def speech(ms: int, *, loud: bool = True) -> bytes:
    return hum(0, 16 * ms, 16_000) if loud else bytes(32 * ms)


async def final(connection: ClientConnection) -> asr.Final:
    async with asyncio.timeout(5):
        async for frame in connection:
            message = asr.parse_server_message(str(frame))
            if isinstance(message, asr.Final):
                return message
    raise AssertionError("the connection ended")


async def hear(servers: Servers, *said: bytes | Message) -> list[str]:
    """The Finals' texts."""
    async with connect(servers.asr.url) as connection:
        await connection.send(asr.Start(protocol=asr.PROTOCOL).json_text())
        texts: list[str] = []
        for message in said:
            await connection.send(message if isinstance(message, bytes) else message.json_text())
            if isinstance(message, asr.Commit):
                texts.append((await final(connection)).text)
        return texts


def commit(number: int, utterance: int = 0) -> asr.Commit:
    return asr.Commit(utterance_id=utterance, commit_id=number, speech_end_sample=0)


async def test_a_commit_in_the_middle_has_the_words_so_far(servers: Servers):
    pause = speech(400, loud=False)
    said = await hear(servers, pause, speech(400), pause, commit(1), speech(800), pause, commit(2))
    assert said == ["more", "more tea"]


async def test_the_next_utterance_has_none_of_the_words_of_the_last(servers: Servers):
    begin = asr.NextUtterance(utterance_id=1, from_sample=16 * 800)
    assert await hear(servers, speech(800), commit(1), begin, speech(900), commit(1, 1)) == ["more", "tea"]


async def test_a_final_takes_the_time_that_it_is_told(servers: Servers, script: Script):
    await hear(servers, speech(400), commit(1))
    assert 0.02 <= script.of(1, "asr")[0].took_s < 0.5


async def test_partials_come_with_the_words(servers: Servers):
    async with connect(servers.asr.url) as connection:
        await connection.send(asr.Start(protocol=asr.PROTOCOL).json_text())
        await connection.recv()
        await connection.send(speech(320))
        assert asr.parse_server_message(str(await connection.recv())) == asr.Partial(
            utterance_id=0, text="more", end_sample=5_120
        )


async def ask(servers: Servers) -> str:
    async with AsyncOpenAI(base_url=servers.llm.url, api_key="none") as client:
        chunks = await client.chat.completions.create(
            model="any", messages=[{"role": "user", "content": "hello"}], stream=True
        )
        return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])


async def test_the_first_answer_greets_and_the_others_are_numbered(servers: Servers):
    assert [await ask(servers) for _ in range(3)] == [GREETING, ANSWER.format(1), ANSWER.format(2)]


async def test_the_first_phrase_and_the_rest_take_their_time(servers: Servers, script: Script):
    await ask(servers)
    await ask(servers)
    (_, first), (_, rest) = script.of(1, "llm"), script.of(1, "tokens")
    assert (first.took_s >= 0.04, first.tokens, rest.tokens) == (True, 7, 2)


def test_a_segment_is_known_to_be_over_with_the_word_behind_it():
    assert first_segment(TOKEN.findall(ANSWER.format(12))) == 7  # The answer is number 12. Anything
    assert first_segment(TOKEN.findall("Yes")) == 1


async def test_a_request_that_is_closed_is_cancelled(servers: Servers, script: Script):
    script.times = TurnTimes(0, 30_000, 0)
    asking = asyncio.create_task(ask(servers))
    await eventually(lambda: bool(servers.llm.requests))
    asking.cancel()
    await eventually(lambda: script.of(1, "llm")[0].cancelled)


async def test_a_prefill_is_taken_and_changes_nothing(servers: Servers):
    async with httpx.AsyncClient() as client:
        reply = await client.post(f"{servers.llm.url}/prefill", json={"messages": []})
    assert (reply.status_code, servers.llm.prefills, servers.llm.requests) == (200, 1, [])


async def speak(
    servers: Servers, *said: Message, last: type[Message] = tts.AudioEnd
) -> list[Message | tts.Audio]:
    async with connect(servers.tts.url) as connection, asyncio.timeout(5):
        await connection.send(tts.Start(protocol=tts.PROTOCOL).json_text())
        for message in said:
            await connection.send(message.json_text())
        heard: list[Message | tts.Audio] = []
        while not heard or not isinstance(heard[-1], last):
            frame = await connection.recv()
            parse = tts.parse_server_message
            heard.append(tts.decode_audio(frame) if isinstance(frame, bytes) else parse(frame))
        return heard


OPEN, SPEAK, FINISH = (
    tts.Open(speech_id=7),
    tts.Speak(speech_id=7, text="one number 3"),
    tts.Finish(speech_id=7),
)


async def test_a_speech_is_audio_and_words_with_their_samples(servers: Servers):
    heard = await speak(servers, OPEN, SPEAK, FINISH)
    word_samples = 24 * WORD_MS
    assert [message.words[0] for message in heard if isinstance(message, tts.Words)] == [
        ("one", 0),
        ("number", word_samples),
        ("3", 2 * word_samples),
    ]
    assert heard[-1] == tts.AudioEnd(speech_id=7, samples=3 * word_samples, cancelled=False)
    audio = [message for message in heard if isinstance(message, tts.Audio)]
    assert np.abs(np.frombuffer(audio[0].pcm, "<i2")).max() > 5_000


async def test_the_first_audio_takes_its_time_and_belongs_to_its_answer(servers: Servers, script: Script):
    await speak(servers, OPEN, SPEAK, FINISH)
    (work,) = script.of(1, "tts")
    assert (work.took_s >= 0.03, work.answer) == (True, 3)


async def test_a_speech_that_is_cancelled_ends_at_once(servers: Servers, script: Script):
    script.times = TurnTimes(0, 0, 30_000)
    heard = await speak(servers, OPEN, SPEAK, tts.Cancel(speech_id=7))
    assert heard[-1] == tts.AudioEnd(speech_id=7, samples=0, cancelled=True)
