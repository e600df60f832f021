"""The second client against the real server: the description is enough to talk to it."""

import struct
from collections.abc import AsyncIterator, Callable

import pytest

from asr_server.app import create_app
from asr_server.settings import AsrSettings
from asr_server.sphinx import SphinxRecognizer
from tests.contract.asr_client import PlainClient, plain_client
from tests.serving import Served, serving

SILENCE = [0] * 16_000
Speech = Callable[[str], list[int]]


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    settings = AsrSettings(port=0, max_connections=1, _env_file=None)  # type: ignore[call-arg]
    async with serving(create_app(settings, SphinxRecognizer(settings))) as served:
        yield served


@pytest.fixture
async def client(served: Served) -> AsyncIterator[PlainClient]:
    async with plain_client(f"{served.ws}/v1/stream") as client:
        yield client


@pytest.fixture
def speech(flite: Callable[..., bytes]) -> Speech:
    def samples(text: str) -> list[int]:
        pcm = flite(text)
        return list(struct.unpack(f"<{len(pcm) // 2}h", pcm))

    return samples


async def test_ready_says_how_it_listens(client: PlainClient):
    assert client.ready["protocol"].split(".")[0] == "1"
    assert isinstance(client.ready["model"], str)
    assert client.ready["chunk_ms"] > 0
    assert client.ready["packet_ms"] > 0


async def test_partials_and_one_final(client: PlainClient, speech: Speech):
    await client.speak(SILENCE[:4_800] + speech("what time is it"))
    end = client.samples_sent
    await client.speak(SILENCE[:3_200])
    assert await client.commit(0, 1, end) == "what time is it"
    assert client.finals[1]["utterance_id"] == 0
    assert end <= client.finals[1]["end_sample"] <= client.samples_sent
    texts = [partial["text"] for partial in client.partials[0]]
    assert texts
    assert all(0 < partial["end_sample"] <= client.samples_sent for partial in client.partials[0])


async def test_a_sentence_with_a_pause_in_it_is_whole(client: PlainClient, speech: Speech):
    await client.speak(SILENCE[:4_800] + speech("I would like um") + SILENCE[:3_200])
    first = await client.commit(0, 1, client.samples_sent - 3_200)
    assert first.startswith("i would like")
    await client.speak(SILENCE[:9_600] + speech("a table for two") + SILENCE[:3_200])
    whole = await client.commit(0, 2, client.samples_sent - 3_200)
    assert whole.startswith("i would like")
    assert whole.endswith("table for two")


async def test_the_next_utterance_begins_where_the_client_says(client: PlainClient, speech: Speech):
    await client.speak(SILENCE[:4_800] + speech("tell me a joke"))
    assert await client.commit(0, 1, client.samples_sent) == "tell me a joke"
    over = client.samples_sent
    await client.speak(SILENCE[:4_800] + speech("what time is it"))
    await client.send("next_utterance", utterance_id=1, from_sample=over)
    assert await client.commit(1, 2, client.samples_sent) == "what time is it"
    assert client.finals[2]["utterance_id"] == 1


async def test_a_commit_before_any_audio(client: PlainClient):
    assert await client.commit(0, 0, 0) == ""


async def test_a_refusal_names_what_was_refused_and_the_conversation_goes_on(client: PlainClient):
    await client.send("commit", utterance_id=3, commit_id=1, speech_end_sample=0)
    assert await client.read_one() == "failed"
    failed = client.failures[0]
    assert (failed["code"], failed["utterance_id"], failed["commit_id"]) == ("unknown_utterance", 3, 1)
    assert failed["retry"] is False
    assert "3" in failed["message"]
    assert await client.commit(0, 1, 0) == ""
