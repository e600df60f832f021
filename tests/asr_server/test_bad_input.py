"""What is wrong is refused with a code and a sentence, and nobody else is harmed."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
import pytest_asyncio
from loguru import logger
from websockets.exceptions import ConnectionClosed

from asr_server.protocol import PROTOCOL, Commit, Failed, Final, NextUtterance, Start
from tests.asr_server.client import AsrClient, calling, connected
from tests.asr_server.conftest import Say, sphinx_app
from tests.serving import Served, serving
from wire.message import Message

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELLO = Start(protocol=PROTOCOL).json_text()
FATAL = {
    "malformed json": ("{", "malformed_json"),
    "no object": ("[]", "invalid_message"),
    "no text": ("", "malformed_json"),
    "no type": ('{"utterance_id": 0}', "unknown_message"),
    "an unknown message": ('{"type": "sing"}', "unknown_message"),
    "a message of the server's": ('{"type": "final", "utterance_id": 0}', "unknown_message"),
    "an id that is a word": (
        '{"type":"next_utterance","utterance_id":"1","from_sample":0}',
        "invalid_message",
    ),
    "an id below 0": ('{"type":"next_utterance","utterance_id":-1,"from_sample":0}', "invalid_message"),
    "a position below 0": ('{"type":"next_utterance","utterance_id":1,"from_sample":-1}', "invalid_message"),
    "a field left out": ('{"type":"commit","utterance_id":0,"commit_id":0}', "invalid_message"),
    "a second start": (HELLO, "already_started"),
    "odd-length audio": (b"\x00\x01\x02", "odd_audio"),
    "a text over the limit": ("x" * 300_000, "message_too_large"),
    "audio over the limit": (bytes(300_000), "message_too_large"),
    "2 MB of text": ("x" * 2_000_000, "message_too_large"),
    "2 MB of audio": (bytes(2_000_000), "message_too_large"),
    "400 KB that are fewer characters": ("é" * 200_000, "message_too_large"),
}


@asynccontextmanager
async def unharmed(served: Served, spoken: Say) -> AsyncIterator[None]:
    """A caller who was in the middle of a word before, and is understood after."""
    audio = spoken("what time is it")
    async with calling(served) as other:
        await other.say(audio[:20_000])
        yield
        await other.say(audio[20_000:])
        assert await other.final() == "what time is it"


async def refusal(client: AsrClient) -> tuple[str, int]:
    """The code of the last message, which says a sentence too, and the code of the close."""
    with suppress(ConnectionClosed):
        while True:
            await asyncio.wait_for(client.next(), 60)
    failed = client.heard[-1]
    assert isinstance(failed, Failed)
    assert len(failed.message) > 10
    assert client.socket.close_code is not None
    return failed.code, client.socket.close_code


@pytest.mark.parametrize(("message", "code"), FATAL.values(), ids=FATAL.keys())
async def test_what_makes_no_sense_closes_that_connection_only(
    served: Served, spoken: Say, message: str | bytes, code: str
):
    async with unharmed(served, spoken), calling(served) as client:
        await client.send(message)
        assert await refusal(client) == (code, 1008)


@pytest.mark.parametrize(
    ("fields", "code", "would_do"),
    [
        ({"protocol": "2.0"}, "protocol_version", "1.0"),
        ({"protocol": "one"}, "invalid_message", "protocol"),
        ({"language": "de"}, "language", "en"),
        ({"sample_rate_hz": 48_000}, "sample_rate", "16000"),
        ({"sample_rate_hz": 1}, "invalid_message", "sample_rate_hz"),
        ({"channels": 2}, "channels", "1"),
    ],
)
async def test_a_start_that_does_not_fit_is_told_what_would(
    served: Served, spoken: Say, fields: dict[str, Any], code: str, would_do: str
):
    async with unharmed(served, spoken), connected(served) as client:
        await client.send(json.dumps({"type": "start", "protocol": "1.0", **fields}))
        assert await refusal(client) == (code, 1008)
        assert would_do in client.heard[-1].message  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "message",
    [
        bytes(640),
        b"\x00",
        Commit(utterance_id=0, commit_id=0, speech_end_sample=0).json_text(),
        NextUtterance(utterance_id=1, from_sample=0).json_text(),
    ],
)
async def test_anything_before_start_is_refused(served: Served, spoken: Say, message: str | bytes):
    async with unharmed(served, spoken), connected(served) as client:
        await client.send(message)
        assert await refusal(client) == ("not_started", 1008)


async def test_a_caller_who_never_starts_loses_the_place():
    async with serving(sphinx_app(max_connections=1, stall_s=0.1)) as served, connected(served) as client:
        assert await refusal(client) == ("not_started", 1008)


async def test_a_refusal_that_closes_nothing_is_logged_with_its_call(client: AsrClient):
    records: list[Any] = []
    sink = logger.add(lambda message: records.append(message.record), level="INFO")
    await client.send(Commit(utterance_id=7, commit_id=5, speech_end_sample=0))
    await client.until(Failed)
    logger.remove(sink)
    (record,) = [record for record in records if record["message"].startswith("refused: unknown_utterance")]
    assert len(record["extra"]["call"]) == 32


async def test_an_utterance_has_a_line_only_where_it_had_a_final(client: AsrClient):
    records: list[Any] = []
    sink = logger.add(lambda message: records.append(message.record), level="INFO")
    await client.final()
    await client.next_utterance()
    await client.next_utterance()
    await client.final()
    await client.next_utterance()
    await client.final()
    logger.remove(sink)
    over = [record for record in records if record["message"].startswith("utterance over")]
    assert [record["extra"]["utterance"] for record in over] == [0, 2]


REFUSED: list[tuple[Message, Failed]] = [
    (
        Commit(utterance_id=7, commit_id=5, speech_end_sample=0),
        Failed(code="unknown_utterance", message="the utterance is 1, not 7", utterance_id=7, commit_id=5),
    ),
    (
        Commit(utterance_id=0, commit_id=5, speech_end_sample=0),
        Failed(code="unknown_utterance", message="the utterance is 1, not 0", utterance_id=0, commit_id=5),
    ),
    (
        Commit(utterance_id=1, commit_id=1, speech_end_sample=0),
        Failed(
            code="commit_id",
            message="commit ids rise within an utterance; the last was 2",
            utterance_id=1,
            commit_id=1,
        ),
    ),
    (
        Commit(utterance_id=1, commit_id=5, speech_end_sample=10**9),
        Failed(
            code="beyond_audio", message="1600 samples have come, not 1000000000", utterance_id=1, commit_id=5
        ),
    ),
    (
        NextUtterance(utterance_id=1, from_sample=0),
        Failed(code="utterance_id", message="utterance ids rise; the last was 1", utterance_id=1),
    ),
    (
        NextUtterance(utterance_id=2, from_sample=1_601),
        Failed(code="beyond_audio", message="1600 samples have come, not 1601", utterance_id=2),
    ),
]


@pytest.mark.parametrize(("message", "failed"), REFUSED, ids=map(str, range(len(REFUSED))))
async def test_what_cannot_be_obeyed_is_refused_and_the_conversation_goes_on(
    client: AsrClient, spoken: Say, message: Message, failed: Failed
):
    await client.say(bytes(3_200))
    await client.commit()
    await client.next_utterance()
    await client.commit()
    await client.send(message)
    assert await client.until(Failed) == failed
    await client.say(spoken("what time is it"))
    assert await client.final() == "what time is it"


async def test_a_commit_id_that_was_refused_may_be_used(client: AsrClient):
    await client.send(Commit(utterance_id=0, commit_id=1, speech_end_sample=5))
    await client.until(Failed)
    await client.send(Commit(utterance_id=0, commit_id=1, speech_end_sample=0))
    assert (await client.until(Final)).commit_id == 1


async def test_commit_ids_may_begin_anew_with_an_utterance(client: AsrClient):
    await client.send(Commit(utterance_id=0, commit_id=1, speech_end_sample=0))
    await client.next_utterance()
    await client.send(Commit(utterance_id=1, commit_id=1, speech_end_sample=0))
    finals = [await client.until(Final) for _ in range(2)]
    assert [(final.utterance_id, final.commit_id) for final in finals] == [(0, 1), (1, 1)]


async def test_an_empty_packet_is_no_audio(client: AsrClient):
    await client.send(b"")
    assert await client.final() == ""


async def test_a_client_that_vanishes_in_a_word_harms_nobody(served: Served, spoken: Say):
    async with unharmed(served, spoken), calling(served) as client:
        await client.say(spoken("set a timer for five minutes")[:30_000])
        await client.commit()
        client.socket.transport.abort()


async def test_a_client_that_never_reads_is_cut_off(spoken: Say):
    """What it sends is refused, until the buffers between are full of refusals."""
    app = sphinx_app(max_connections=2, stall_s=0.3)
    async with serving(app) as served, unharmed(served, spoken):
        # What the kernel takes on behalf of a client would be megabytes.
        served.server.servers[0].sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        async with calling(served, max_queue=1) as client:
            client.socket.transport.pause_reading()
            for _ in range(2_000):
                await client.send(Commit(utterance_id=9, commit_id=9, speech_end_sample=0))
            await asyncio.wait_for(place_is_free(served), 60)
            client.socket.transport.abort()


async def place_is_free(served: Served) -> None:
    async with httpx.AsyncClient() as http:
        while (await http.get(f"{served.http}/ready")).status_code != 200:
            pass


async def test_too_many_messages_a_second_are_refused(spoken: Say):
    app = sphinx_app(max_connections=2, max_messages_per_s=50)
    async with serving(app) as served, unharmed_slowly(served, spoken), calling(served) as client:
        with suppress(ConnectionClosed):
            for _ in range(300):
                await client.send(bytes(2))
        assert await refusal(client) == ("too_fast", 1013)


@asynccontextmanager
async def unharmed_slowly(served: Served, spoken: Say) -> AsyncIterator[None]:
    """As `unharmed`, in two packets."""
    audio = spoken("what time is it")
    async with calling(served) as other:
        await other.send(audio[:20_000])
        yield
        await other.send(audio[20_000:])
        other.sent_samples = len(audio) // 2
        assert await other.final() == "what time is it"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "secret"}])
async def test_a_wrong_token_is_refused(token_served: Served, headers: dict[str, str]):
    async with connected(token_served, additional_headers=headers) as client:
        assert await refusal(client) == ("unauthorized", 1008)


async def test_the_right_token_is_let_in(token_served: Served):
    async with calling(token_served, additional_headers={"Authorization": "Bearer secret"}) as client:
        assert await client.final() == ""


async def test_one_caller_too_many_is_told_to_come_back():
    async with (
        serving(sphinx_app(max_connections=1)) as served,  # nobody before may still be on the line
        calling(served),
        connected(served) as client,
    ):
        assert await refusal(client) == ("busy", 1013)
        assert client.heard[-1].retry  # type: ignore[union-attr]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def token_served() -> AsyncIterator[Served]:
    async with serving(sphinx_app(max_connections=1, token="secret")) as served:
        yield served
