"""The bytes of every message of the ASR conversation, both ways, as they are pinned beside this file.

Who changes one of these files changes the protocol, and its version with it.
"""

import sys
from pathlib import Path

import pytest

from asr_server.protocol import (
    PROTOCOL,
    Commit,
    Failed,
    Final,
    NextUtterance,
    Partial,
    Ready,
    Start,
    parse_client_message,
    parse_server_message,
)
from wire.message import Message

PINNED = Path(__file__).parent / "asr"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

FROM_CLIENT: dict[str, Message] = {
    "start": Start(
        protocol=PROTOCOL,
        language="en-US",
        right_context=6,
        phrases=("miso soup", "Café Zoë"),
        traceparent=TRACEPARENT,
    ),
    "start_plain": Start(protocol=PROTOCOL),
    "commit": Commit(utterance_id=3, commit_id=7, speech_end_sample=20_480),
    "commit_largest": Commit(utterance_id=2**32 - 1, commit_id=2**32 - 1, speech_end_sample=2**62),
    "next_utterance": NextUtterance(utterance_id=4, from_sample=23_040),
}
FROM_SERVER: dict[str, Message] = {
    "ready": Ready(model="pocketsphinx-en-us", chunk_ms=100, packet_ms=20),
    "partial": Partial(utterance_id=3, text="i would like", end_sample=12_800),
    "partial_empty": Partial(utterance_id=0, text="", end_sample=1_600),
    "final": Final(
        utterance_id=3, commit_id=7, text="i would like a table", end_sample=23_040, confidence=0.75
    ),
    "final_plain": Final(utterance_id=3, commit_id=7, text="", end_sample=23_040),
    "failed": Failed(
        code="unknown_utterance", message="the utterance is 3, not 9", utterance_id=9, commit_id=7
    ),
    "failed_plain": Failed(code="busy", message="all 8 places are taken", retry=True),
}


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


def test_every_message_is_pinned():
    messages = {Start, Commit, NextUtterance, Ready, Partial, Final, Failed}
    known = vars(sys.modules[Start.__module__]).values()
    assert messages == {kind for kind in known if isinstance(kind, type) and issubclass(kind, Message)} - {
        Message
    }
    assert {type(message) for message in (FROM_CLIENT | FROM_SERVER).values()} == messages
    assert {path.stem for path in PINNED.glob("*.json")} == set(FROM_CLIENT | FROM_SERVER)
