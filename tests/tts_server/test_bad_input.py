"""What is wrong is refused with a code and a sentence, and nobody else is harmed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.serving import Served, serving
from tests.tts_server.client import TtsClient, calling
from tests.tts_server.conftest import espeak_app
from tts_server.protocol import PATH, PROTOCOL, Audio, AudioEnd, Cancel, Failed, Finish, Open, Speak, Start

pytestmark = pytest.mark.asyncio(loop_scope="module")

STORY = "Once upon a time there was a miller, who had three sons and a cat. " * 50
HELLO = Start(protocol=PROTOCOL).json_text()

FATAL = {
    "malformed json": ("{", "malformed_json"),
    "no object": ("[]", "invalid_message"),
    "no type": ('{"speech_id": 1}', "unknown_message"),
    "an unknown message": ('{"type": "sing", "speech_id": 1}', "unknown_message"),
    "a message of the server's": ('{"type": "audio_end", "speech_id": 1}', "unknown_message"),
    "an id that is a word": ('{"type": "open", "speech_id": "one"}', "invalid_message"),
    "an id below 0": ('{"type": "open", "speech_id": -1}', "invalid_message"),
    "a rate of 1 Hz": ('{"type": "open", "speech_id": 1, "sample_rate_hz": 1}', "invalid_message"),
    "an unknown preset": ('{"type": "open", "speech_id": 1, "preset": "best"}', "invalid_message"),
    "text that is none": ('{"type": "speak", "speech_id": 1, "text": null}', "invalid_message"),
    "a second start": (HELLO, "already_started"),
    "a binary frame": (b"\x00\x00", "unexpected_audio"),
    "an empty binary frame": (b"", "unexpected_audio"),
    "a message over the limit": ("x" * 300_000, "message_too_large"),
    "2 MB of text": ("x" * 2_000_000, "message_too_large"),
    "2 MB of audio": (bytes(2_000_000), "message_too_large"),
    "400 KB that are fewer characters": ("é" * 200_000, "message_too_large"),
}


@asynccontextmanager
async def unstarted(served: Served) -> AsyncIterator[ClientConnection]:
    async with connect(served.ws + PATH) as socket:
        yield socket


async def refusal(socket: ClientConnection) -> tuple[str, int]:
    """The code of the last message, which says a sentence too, and the code of the close."""
    last: str | bytes = ""
    with suppress(ConnectionClosed):
        while True:
            last = await asyncio.wait_for(socket.recv(), 5)
    failed = Failed.model_validate_json(last)
    assert len(failed.message) > 10
    assert socket.close_code is not None
    return failed.code, socket.close_code


@pytest.mark.parametrize(("message", "code"), FATAL.values(), ids=FATAL.keys())
async def test_what_makes_no_sense_closes_the_connection(client: TtsClient, message: str | bytes, code: str):
    await client.send(message)
    assert await refusal(client.socket) == (code, 1008)


async def test_a_caller_who_never_starts_loses_the_place():
    async with serving(espeak_app(max_connections=1, stall_s=0.1)) as served, unstarted(served) as socket:
        assert await refusal(socket) == ("not_started", 1008)


@pytest.mark.parametrize("version", ["2.0", "0.9", "99"])
async def test_another_protocol_is_refused(served: Served, version: str):
    async with unstarted(served) as socket:
        await socket.send(json.dumps({"type": "start", "protocol": version}))
        assert await refusal(socket) == ("protocol_version", 1008)


async def test_a_minor_version_and_unknown_fields_are_welcome(served: Served):
    async with unstarted(served) as socket:
        await socket.send(json.dumps({"type": "start", "protocol": "1.7", "mood": "cheerful"}))
        assert json.loads(await socket.recv())["type"] == "ready"


@pytest.mark.parametrize("message", [Open(speech_id=1).json_text(), b"\x00", Finish(speech_id=1).json_text()])
async def test_anything_before_start_is_refused(served: Served, message: str | bytes):
    async with unstarted(served) as socket:
        await socket.send(message)
        assert await refusal(socket) == ("not_started", 1008)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (Speak(speech_id=1, text=""), "empty_text"),
        (Speak(speech_id=1, text="x" * 100_000), "text_too_long"),
        (Speak(speech_id=9, text="Hello."), "not_open"),
        (Finish(speech_id=9), "not_open"),
        (Cancel(speech_id=9), "not_open"),
        (Open(speech_id=1), "already_open"),
        (Open(speech_id=2, voice="nobody"), "unknown_voice"),
        (Open(speech_id=2, voice="en-us+../../f3"), "unknown_voice"),
        (Open(speech_id=2, language="tlh"), "unsupported_language"),
        (Open(speech_id=2, voice="en-us", language="de"), "unsupported_language"),
    ],
)
async def test_what_cannot_be_done_is_refused_and_the_conversation_goes_on(
    client: TtsClient, message: Open | Speak | Finish | Cancel, code: str
):
    await client.send(Open(speech_id=1), message)
    failed = await client.next()
    assert isinstance(failed, Failed)
    assert (failed.code, failed.speech_id) == (code, message.speech_id)
    await client.send(Speak(speech_id=1, text="Still here."), Finish(speech_id=1))
    assert (await client.until(AudioEnd)).samples > 5_000


async def test_a_refusal_says_what_there_is(client: TtsClient):
    await client.send(Open(speech_id=1, voice="nobody"), Open(speech_id=2, language="xx"))
    assert "en-us, en-us+f3" in (await client.next()).message  # type: ignore[union-attr]
    assert "en-US, en-GB" in (await client.next()).message  # type: ignore[union-attr]


async def test_nothing_may_follow_a_finish(client: TtsClient):
    await client.send(Open(speech_id=1), Speak(speech_id=1, text=STORY), Finish(speech_id=1))
    await client.send(Speak(speech_id=1, text="More."), Finish(speech_id=1))
    codes = [(await client.until(Failed)).code for _ in range(2)]
    assert codes == ["already_finished", "already_finished"]


async def test_too_many_speeches_at_once_are_refused(client: TtsClient):
    await client.send(*(Open(speech_id=speech_id) for speech_id in range(9)))
    assert (await client.next()).code == "too_many_speeches"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text",
    [
        "<break time='30s'/> after <audio src='file:///etc/passwd'/>",
        "[[h@l'oU]] phonemes",
        "control \x01 5p characters \x1b[0m \x00 here",
        "<speak><prosody rate='x-slow'>slow</prosody></speak>",
        "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘",
        "漢字かな交じり文",
        "a" * 4_000,
        "!?" * 1_000,
    ],
    ids=["pause", "phonemes", "control", "ssml", "zalgo", "kanji", "one word", "punctuation"],
)
async def test_markup_is_not_obeyed_and_odd_text_harms_nobody(client: TtsClient, text: str):
    speech = await client.say(text)
    assert (
        len(speech.samples) / 22_050 < 2 + len(text) * 0.6
    )  # no 30 s of silence; kanji are named one by one


async def test_a_lone_surrogate_is_no_text(client: TtsClient):
    await client.send(Open(speech_id=1), '{"type": "speak", "speech_id": 1, "text": "\\ud83d"}')
    assert (await refusal(client.socket))[0] in {"invalid_message", "malformed_json"}


async def test_a_client_that_vanishes_mid_speech_leaves_the_others_alone(served: Served):
    async with calling(served) as vanishing, calling(served) as other:
        await vanishing.send(Open(speech_id=1), Speak(speech_id=1, text=STORY))
        await vanishing.until(Audio)
        vanishing.socket.transport.abort()
        assert len((await other.say("Still here.")).samples) > 5_000


async def test_a_model_that_breaks_ends_the_connection_and_no_other(tones_served: Served):
    async with calling(tones_served) as unlucky, calling(tones_served) as other:
        await unlucky.send(Open(speech_id=1), Speak(speech_id=1, text="this will break here"))
        assert await refusal(unlucky.socket) == ("internal", 1011)
        assert len((await other.say("Still here.")).samples) > 3_000


async def test_a_client_that_never_reads_is_cut_off_and_its_speech_dropped():
    """Its place is free again: the server has only one."""
    async with serving(espeak_app(stall_s=0.5, max_connections=1)) as served:
        async with calling(served, max_queue=1, close_timeout=10) as client:
            for speech_id in range(3):
                await client.send(Open(speech_id=speech_id, sample_rate_hz=48_000))
                await client.send(Speak(speech_id=speech_id, text=STORY))
            client.socket.transport.pause_reading()
            await asyncio.wait_for(place_is_free(served), 10)
            client.socket.transport.abort()
        async with calling(served) as next_client:
            assert (await next_client.say("Hello.")).end is not None


async def place_is_free(served: Served) -> None:
    import httpx

    async with httpx.AsyncClient() as http:
        while (await http.get(f"{served.http}/ready")).status_code != 200:
            pass


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
async def test_a_wrong_token_is_refused(headers: dict[str, str]):
    async with (
        serving(espeak_app(token="right")) as served,
        connect(served.ws + PATH, additional_headers=headers) as socket,
    ):
        assert await refusal(socket) == ("unauthorized", 1008)


async def test_the_right_token_is_let_in():
    headers = {"Authorization": "Bearer right"}
    async with (
        serving(espeak_app(token="right")) as served,
        calling(served, additional_headers=headers) as client,
    ):
        assert (await client.say("Hello.")).end is not None
