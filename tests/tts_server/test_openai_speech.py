"""OpenAI's own client against the real server."""

import asyncio
import io
import json
import wave
from collections.abc import AsyncIterator

import httpx
import numpy as np
import openai
import pytest
import pytest_asyncio
from openai import AsyncOpenAI

from tests.serving import Served, serving
from tests.tts_server.conftest import espeak_app

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "Hello there, how can I help you today?"


@pytest_asyncio.fixture(loop_scope="module")
async def api(served: Served) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{served.http}/v1", api_key="any", max_retries=0) as api:
        yield api


async def wav(api: AsyncOpenAI, speed: float = 1.0, text: str = TEXT) -> wave.Wave_read:
    answer = await api.audio.speech.create(
        model="espeak-ng", voice="en-us", input=text, response_format="wav", speed=speed
    )
    assert answer.response.headers["content-type"] == "audio/wav"
    return wave.open(io.BytesIO(answer.content))


async def test_a_wav_has_a_true_header_and_is_audible(api: AsyncOpenAI):
    file = await wav(api)
    assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 22_050)
    samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    assert len(samples) == file.getnframes()
    assert 1.5 < len(samples) / 22_050 < 4
    assert np.sqrt(np.mean(np.square(samples.astype(float)))) > 1_000


async def test_pcm_is_streamed_at_24_khz(api: AsyncOpenAI):
    chunks: list[bytes] = []
    async with api.audio.speech.with_streaming_response.create(
        model="tts-1", voice="en-us", input=TEXT, response_format="pcm"
    ) as answer:
        assert "content-length" not in answer.headers
        chunks = [chunk async for chunk in answer.iter_bytes()]
    whole = await wav(api)
    assert len(b"".join(chunks)) / 2 / 24_000 == pytest.approx(whole.getnframes() / 22_050, rel=0.03)


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.75, 1.5, 2.0, 4.0])
async def test_speed_is_honoured(api: AsyncOpenAI, speed: float):
    own, asked = await wav(api), await wav(api, speed)
    assert own.getnframes() / asked.getnframes() == pytest.approx(speed, rel=0.15)


@pytest.mark.parametrize(
    ("changed", "code", "says"),
    [
        ({"response_format": "mp3"}, "unsupported_format", "wav and pcm"),
        ({"response_format": "opus"}, "unsupported_format", "wav and pcm"),
        ({"voice": "alloy"}, "unknown_voice", "en-us"),
        ({"input": ""}, "empty_text", "no text"),
        ({"input": "x" * 100_000}, "text_too_long", "4096"),
        ({"speed": 5}, "invalid_value", "speed"),
        ({"speed": 0.1}, "invalid_value", "speed"),
        ({"voice": 3}, "invalid_value", "voice"),
    ],
)
async def test_what_cannot_be_spoken_is_refused_in_openais_shape(
    api: AsyncOpenAI, changed: dict[str, object], code: str, says: str
):
    wanted = {"model": "m", "voice": "en-us", "input": TEXT, "response_format": "wav"} | changed
    with pytest.raises(openai.BadRequestError) as refused:
        await api.audio.speech.create(**wanted)  # type: ignore[arg-type]
    assert refused.value.code == code
    assert says in str(refused.value)


async def test_emoji_alone_give_a_wav_without_sound(api: AsyncOpenAI):
    assert (await wav(api, text="🎉")).getnframes() == 0


@pytest.mark.parametrize("body", [b"{", b"[]", b"", b'"text"', b'{"input": 1}'])
async def test_a_body_that_is_no_request_is_refused(served: Served, body: bytes):
    async with httpx.AsyncClient() as http:
        headers = {"Content-Type": "application/json"}
        answer = await http.post(f"{served.http}/v1/audio/speech", content=body, headers=headers)
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


async def test_a_body_over_the_limit_is_refused(served: Served):
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{served.http}/v1/audio/speech", content=b"x" * 300_000)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "message_too_large")


async def test_requests_beyond_the_rate_are_refused():
    async with serving(espeak_app(max_messages_per_s=1)) as served:
        api = AsyncOpenAI(base_url=f"{served.http}/v1", api_key="any", max_retries=0)
        await wav(api)
        await wav(api)
        with pytest.raises(openai.RateLimitError):
            await wav(api)


async def test_a_wrong_key_is_refused():
    async with serving(espeak_app(token="right")) as served:
        api = AsyncOpenAI(base_url=f"{served.http}/v1", api_key="wrong", max_retries=0)
        with pytest.raises(openai.AuthenticationError):
            await wav(api)
        assert (await wav(api.with_options(api_key="right"))).getnframes() > 10_000


async def test_a_full_server_says_so():
    from tests.tts_server.client import calling

    async with serving(espeak_app(max_connections=1)) as served, calling(served):
        api = AsyncOpenAI(base_url=f"{served.http}/v1", api_key="any", max_retries=0)
        with pytest.raises(openai.InternalServerError, match="taken") as refused:
            await wav(api)
        assert refused.value.status_code == 503


async def test_a_client_that_leaves_ends_its_speech(served: Served, api: AsyncOpenAI):
    async with api.audio.speech.with_streaming_response.create(
        model="m", voice="en-us", input="A long story. " * 250, response_format="pcm"
    ) as answer:
        async for _ in answer.iter_bytes(1_024):
            break
    assert (await wav(api)).getnframes() > 10_000


async def test_a_client_that_never_reads_is_cut_off():
    """The server has one place, and it is free again."""
    async with serving(espeak_app(stall_s=0.5, max_connections=1)) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1_024)
        body = {"model": "m", "voice": "en-us", "input": "A long story. " * 290, "speed": 0.5}
        text = json.dumps(body | {"response_format": "pcm"})
        head = "POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(text)}\r\n\r\n{text}".encode())
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        writer.transport.pause_reading()  # pyright: ignore[reportAttributeAccessIssue]
        api = AsyncOpenAI(base_url=f"{served.http}/v1", api_key="any", max_retries=8)
        assert (await wav(api)).getnframes() > 10_000
        writer.transport.abort()


async def test_voices_are_listed_with_their_language(served: Served):
    async with httpx.AsyncClient() as http:
        listed = (await http.get(f"{served.http}/v1/voices")).json()["data"]
    assert {"id": "en-gb+f3", "language": "en-GB"} in listed
