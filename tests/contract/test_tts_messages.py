"""The bytes of every message of the TTS conversation, both ways, as they are pinned beside this file.

Who changes one of these files changes the protocol, and its version with it.
"""

import sys
from pathlib import Path

import pytest

from tts_server.protocol import (
    PROTOCOL,
    Audio,
    AudioEnd,
    Cancel,
    Failed,
    Finish,
    Open,
    Ready,
    Speak,
    Start,
    Words,
    decode_audio,
    encode_audio,
    parse_client_message,
    parse_server_message,
)
from wire.message import Message, Refused

PINNED = Path(__file__).parent / "tts"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

FROM_CLIENT: dict[str, Message] = {
    "start": Start(protocol=PROTOCOL, traceparent=TRACEPARENT),
    "start_plain": Start(protocol=PROTOCOL),
    "open": Open(
        speech_id=7,
        voice="en-us+f3",
        language="en-US",
        preset="balanced",
        sample_rate_hz=24_000,
        traceparent=TRACEPARENT,
    ),
    "open_plain": Open(speech_id=0),
    "speak": Speak(speech_id=7, text='Café, "now" 😀\n'),
    "finish": Finish(speech_id=7),
    "cancel": Cancel(speech_id=2**32 - 1),
}
FROM_SERVER: dict[str, Message] = {
    "ready": Ready(model="espeak-ng", voices=("en-us", "en-us+f3"), sample_rate_hz=22_050),
    "words": Words(speech_id=7, words=(("Café,", 0), ("now", 8_820))),
    "audio_end": AudioEnd(speech_id=7, samples=22_050, cancelled=False),
    "audio_end_cancelled": AudioEnd(speech_id=7, samples=0, cancelled=True),
    "failed": Failed(code="unknown_voice", message="no voice 'alto'; there are en-us", speech_id=7),
    "failed_plain": Failed(code="busy", message="all 8 places are taken", retry=True),
}
AUDIO = Audio(7, 22_050, b"\x00\x00\x01\x00\x00\x80\xff\x7f")


def pinned(name: str) -> str:
    return (PINNED / f"{name}.json").read_text(encoding="utf-8").removesuffix("\n")


@pytest.mark.parametrize(("name", "message"), (FROM_CLIENT | FROM_SERVER).items())
def test_a_message_has_these_bytes(name: str, message: Message):
    assert message.json_text() == pinned(name)


@pytest.mark.parametrize(("name", "message"), FROM_CLIENT.items())
def test_the_server_reads_what_a_client_sends(name: str, message: Message):
    assert parse_client_message(pinned(name)) == message


@pytest.mark.parametrize(("name", "message"), FROM_SERVER.items())
def test_a_client_reads_what_the_server_sends(name: str, message: Message):
    assert parse_server_message(pinned(name)) == message


def test_an_audio_frame_has_these_bytes():
    frame = bytes.fromhex((PINNED / "audio.hex").read_text())
    assert encode_audio(AUDIO) == frame
    assert decode_audio(frame) == AUDIO


@pytest.mark.parametrize("frame", [b"", b"\x00" * 11, b"\x00" * 13])
def test_a_frame_that_is_too_short_or_odd_is_refused(frame: bytes):
    with pytest.raises(Refused):
        decode_audio(frame)


def test_every_message_is_pinned():
    messages = {Start, Open, Speak, Finish, Cancel, Ready, Words, AudioEnd, Failed}
    known = vars(sys.modules[Start.__module__]).values()
    assert messages == {kind for kind in known if isinstance(kind, type) and issubclass(kind, Message)} - {
        Message
    }
    assert {type(message) for message in (FROM_CLIENT | FROM_SERVER).values()} == messages
    assert {path.stem for path in PINNED.glob("*.json")} == set(FROM_CLIENT | FROM_SERVER)
