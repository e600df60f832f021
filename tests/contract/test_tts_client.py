"""The second client against the real server: the description is enough to talk to it."""

import array
from collections.abc import AsyncIterator

import pytest

from tests.contract.tts_client import PlainClient, plain_client
from tests.serving import Served, serving
from tts_server.app import create_app
from tts_server.espeak import EspeakSynthesizer
from tts_server.settings import TtsSettings


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    settings = TtsSettings(port=0, _env_file=None)  # type: ignore[call-arg]
    async with serving(create_app(settings, EspeakSynthesizer("en-us", 175))) as served:
        yield served


@pytest.fixture
async def client(served: Served) -> AsyncIterator[PlainClient]:
    async with plain_client(f"{served.ws}/v1/stream") as client:
        yield client


async def test_ready_says_what_there_is(client: PlainClient):
    assert client.ready["protocol"].split(".")[0] == "1"
    assert "en-us" in client.ready["voices"]
    assert isinstance(client.ready["model"], str)
    assert client.ready["sample_rate_hz"] > 0


async def test_a_speech_in_two_texts(client: PlainClient):
    await client.send("open", speech_id=5, voice="en-us", sample_rate_hz=24_000)
    await client.send("speak", speech_id=5, text="Your table is booked.")
    await client.send("speak", speech_id=5, text="See you on Friday!")
    await client.send("finish", speech_id=5)
    await client.read_until_ended(5)
    samples = array.array("h", client.audio[5])
    assert client.ends[5]["samples"] == len(samples)
    assert client.ends[5]["cancelled"] is False
    assert 2 < len(samples) / 24_000 < 5
    assert max(samples) > 5_000
    assert " ".join(word for word, _ in client.words[5]) == "Your table is booked. See you on Friday!"
    starts = [start for _, start in client.words[5]]
    assert starts == sorted(starts)
    assert starts[-1] < len(samples)


async def test_a_cancelled_speech_and_the_next(client: PlainClient):
    await client.send("open", speech_id=1)
    await client.send("speak", speech_id=1, text="A very long story. " * 100)
    while await client.read_one() != "audio":
        pass
    await client.send("cancel", speech_id=1)
    await client.read_until_ended(1)
    assert client.ends[1]["cancelled"] is True
    assert client.ends[1]["samples"] == len(client.audio[1]) // 2
    await client.send("open", speech_id=2)
    await client.send("speak", speech_id=2, text="Yes?")
    await client.send("finish", speech_id=2)
    await client.read_until_ended(2)
    assert len(client.audio[2]) > 5_000


async def test_two_speeches_at_once(client: PlainClient):
    for speech_id, text in ((1, "One."), (2, "Two.")):
        await client.send("open", speech_id=speech_id)
        await client.send("speak", speech_id=speech_id, text=text)
    for speech_id in (2, 1):
        await client.send("finish", speech_id=speech_id)
        await client.read_until_ended(speech_id)
    assert [client.words[speech_id][0][0] for speech_id in (1, 2)] == ["One.", "Two."]


async def test_a_speech_without_text(client: PlainClient):
    await client.send("open", speech_id=0)
    await client.send("finish", speech_id=0)
    await client.read_until_ended(0)
    assert client.ends[0] == {"type": "audio_end", "speech_id": 0, "samples": 0, "cancelled": False}


async def test_a_refusal_names_its_speech_and_the_conversation_goes_on(client: PlainClient):
    await client.send("open", speech_id=1, voice="nobody")
    assert await client.read_one() == "failed"
    failed = client.failures[0]
    assert (failed["code"], failed["speech_id"], failed["retry"]) == ("unknown_voice", 1, False)
    assert "en-us" in failed["message"]
    await client.send("open", speech_id=1, a_field_of_tomorrow=True)
    await client.send("finish", speech_id=1)
    await client.read_until_ended(1)
