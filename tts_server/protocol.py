"""What a client and the TTS server say to each other over one WebSocket, /v1/stream.

Text frames carry one JSON message each; binary frames carry audio: u32 speech_id, u64 first sample
(both little-endian), then PCM16 little-endian mono. One connection carries any number of speeches.

    client                                             server
    Start(protocol)                                ->
                                                   <-  Ready(protocol, model, voices, sample_rate_hz)
    Open(speech_id, voice, language, preset,       ->
         sample_rate_hz)
    Speak(speech_id, text)                         ->  0..n
    Finish(speech_id)                              ->
                                                   <-  audio(speech_id, first sample, PCM16)         0..n
                                                   <-  Words(speech_id, (word, start_sample) ...)    0..n
    Cancel(speech_id)                              ->
                                                   <-  AudioEnd(speech_id, samples, cancelled)
                                                   <-  Failed(code, message, retry)

An Open that is refused opened nothing, and has no AudioEnd.
"""

import struct
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, TypeAdapter

from wire import message
from wire.message import Id, Message, Rate, Refused, Samples, Traceparent, Version, parser

PROTOCOL = "1.0"
SAMPLE_BYTES = 2
PATH = "/v1/stream"
AUDIO_HEADER = struct.Struct("<IQ")

Preset = Literal["lowest_latency", "balanced", "smoothest"]


class Start(Message):
    """Open the conversation; the first message. Answered by one Ready."""

    type: Literal["start"] = "start"
    protocol: Version
    traceparent: Traceparent | None = None


class Open(Message):
    """Begin a speech. `speech_id` must not be in use; what is left out is the server's default."""

    type: Literal["open"] = "open"
    speech_id: Id
    voice: Annotated[str, Field(max_length=100)] | None = None
    language: Annotated[str, Field(max_length=35)] | None = None
    preset: Preset = "lowest_latency"
    sample_rate_hz: Rate | None = None
    """The rate of the audio that comes back; by default the model's own."""
    traceparent: Traceparent | None = None


class Speak(Message):
    """More text of a speech; it is spoken as it comes, with no waiting for more."""

    type: Literal["speak"] = "speak"
    speech_id: Id
    text: str


class Finish(Message):
    """No more text: AudioEnd follows the last audio."""

    type: Literal["finish"] = "finish"
    speech_id: Id


class Cancel(Message):
    """Stop a speech: no audio of it is sent after this is read; AudioEnd follows at once."""

    type: Literal["cancel"] = "cancel"
    speech_id: Id


class Ready(Message):
    """The conversation is open."""

    type: Literal["ready"] = "ready"
    protocol: str = PROTOCOL
    model: str
    voices: tuple[str, ...]
    sample_rate_hz: int
    """The model's own rate."""


class Words(Message):
    """Words and the sample of their speech's audio at which each begins."""

    type: Literal["words"] = "words"
    speech_id: Id
    words: tuple[tuple[str, Samples], ...]


class AudioEnd(Message):
    """The end of a speech: exactly one for every Open that was not refused."""

    type: Literal["audio_end"] = "audio_end"
    speech_id: Id
    samples: Samples
    """How many samples were sent."""
    cancelled: bool


class Failed(message.Failed):
    """A refusal; the id says of which speech, where it is one's. What is about one speech closes nothing.

    A Cancel may meet its speech's AudioEnd on the way: it is then refused with `not_open`, and that is all.
    """

    speech_id: Id | None = None


class Audio(NamedTuple):
    """One binary frame."""

    speech_id: int
    first_sample: int
    pcm: bytes


def encode_audio(audio: Audio) -> bytes:
    """The binary frame that carries a piece of audio."""
    return AUDIO_HEADER.pack(audio.speech_id, audio.first_sample) + audio.pcm


def decode_audio(frame: bytes) -> Audio:
    """The piece of audio in a binary frame; raises Refused where it is none."""
    if len(frame) < AUDIO_HEADER.size or (len(frame) - AUDIO_HEADER.size) % SAMPLE_BYTES:
        raise Refused("malformed_audio", f"an audio frame of {len(frame)} bytes")
    speech_id, first_sample = AUDIO_HEADER.unpack_from(frame)
    return Audio(speech_id, first_sample, frame[AUDIO_HEADER.size :])


ClientMessage = Annotated[Start | Open | Speak | Finish | Cancel, Field(discriminator="type")]
ServerMessage = Annotated[Ready | Words | AudioEnd | Failed, Field(discriminator="type")]

parse_client_message = parser(TypeAdapter[Start | Open | Speak | Finish | Cancel](ClientMessage))
parse_server_message = parser(TypeAdapter[Ready | Words | AudioEnd | Failed](ServerMessage))
