"""What a client and the ASR server say to each other over one WebSocket, /v1/stream.

Text frames carry one JSON message each; binary frames carry the caller's audio (PCM16 little-endian,
mono, 16 kHz, any even number of bytes). One connection is one stream of audio, cut into utterances.
Positions are samples counted from Start.

    client                                             server
    Start(protocol, language, right_context, ...)  ->
                                                   <-  Ready(protocol, model, chunk_ms, packet_ms)
    audio                                          ->
                                                   <-  Partial(utterance_id, text, end_sample)       0..n
    Commit(utterance_id, commit_id,                ->  "the speaker may have finished"
           speech_end_sample)
                                                   <-  Final(utterance_id, commit_id, text, end_sample,
                                                             confidence?)
    audio ... Commit(same utterance, next commit)  ->  "they had not: the same utterance goes on"
    NextUtterance(utterance_id, from_sample)       ->  "they had: the next one begins here"
                                                   <-  Failed(code, message, retry)
"""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from wire import message
from wire.message import Id, Message, Rate, Samples, Traceparent, Version, parser

PROTOCOL = "1.0"
SAMPLE_RATE_HZ = 16_000
SAMPLE_BYTES = 2
PATH = "/v1/stream"
KEPT_SAMPLES = 2 * SAMPLE_RATE_HZ
"""How much past audio a NextUtterance may reach back for."""


class Start(Message):
    """Open the stream; the first message. Answered by one Ready. The first utterance has the id 0."""

    type: Literal["start"] = "start"
    protocol: Version
    language: Annotated[str, Field(max_length=35)] = "en"
    right_context: Annotated[int, Field(ge=0, le=64)] = 1
    """Encoder frames of look-ahead; what is allowed, and what it means, is the model's."""
    sample_rate_hz: Rate = SAMPLE_RATE_HZ
    channels: Annotated[int, Field(ge=1, le=8)] = 1
    phrases: Annotated[tuple[Annotated[str, Field(max_length=100)], ...], Field(max_length=100)] = ()
    """Words to listen for, where the model can be told."""
    traceparent: Traceparent | None = None


class Commit(Message):
    """The speaker may have finished: answered by exactly one Final with the same ids.

    The utterance goes on as if there had been no Commit. A newer Commit supersedes an older one that
    is not answered yet; both are answered, with the newer text. `commit_id` rises within an utterance.
    """

    type: Literal["commit"] = "commit"
    utterance_id: Id
    commit_id: Id
    speech_end_sample: Samples
    """Where the speech ended, so that the server knows how much silence it has heard since."""


class NextUtterance(Message):
    """The speaker had finished: `utterance_id` is the next utterance, and begins at `from_sample`.

    The id is higher than the last. Audio since `from_sample` belongs to it, but at most two seconds of it,
    and none from before the last utterance began.
    """

    type: Literal["next_utterance"] = "next_utterance"
    utterance_id: Id
    from_sample: Samples


class Ready(Message):
    """The stream is open."""

    type: Literal["ready"] = "ready"
    protocol: str = PROTOCOL
    model: str
    chunk_ms: int
    """How much audio one step of the model takes."""
    packet_ms: int
    """The packets that suit the server best; any other length is taken too."""


class Partial(Message):
    """The text of the utterance so far. Replaces the previous Partial of the same utterance."""

    type: Literal["partial"] = "partial"
    utterance_id: Id
    text: str
    end_sample: Samples


class Final(Message):
    """The text of the utterance up to its Commit. Replaces an earlier Final of the same utterance."""

    type: Literal["final"] = "final"
    utterance_id: Id
    commit_id: Id
    text: str
    end_sample: Samples
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    """How sure the engine is that the text is what was said, from 0 to 1. None where it cannot tell, or
    where there is no text."""


class Failed(message.Failed):
    """A refusal: the ids say of what, where it has one.

    The connection stays open after `unknown_utterance`, `commit_id`, `utterance_id` (ids that do not rise)
    and `beyond_audio` (a sample that has not come); it is closed after everything else: `not_started`,
    `already_started`, `protocol_version`, `language`, `sample_rate`, `channels`, `odd_audio` (half a sample),
    and what `wire.connection` refuses. Who sends faster than the server decodes is not refused
    but read more slowly, once 10 s of audio or 64 Commits wait.
    """

    utterance_id: Id | None = None
    commit_id: Id | None = None


ClientMessage = Annotated[Start | Commit | NextUtterance, Field(discriminator="type")]
ServerMessage = Annotated[Ready | Partial | Final | Failed, Field(discriminator="type")]

parse_client_message = parser(TypeAdapter[Start | Commit | NextUtterance](ClientMessage))
parse_server_message = parser(TypeAdapter[Ready | Partial | Final | Failed](ServerMessage))
