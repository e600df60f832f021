"""What a caller says to a Pipecat agent beside its voice, and what of the agent's messages it reads.

The protocol is RTVI, over WebRTC's data channel: https://docs.pipecat.ai/client/rtvi-standard. Spelt here
rather than imported, since a caller needs nothing else of Pipecat.
"""

import json
from dataclasses import dataclass, field
from typing import cast

PROTOCOL = "2.2.0"
"""RTVI's version as Pipecat 1.14 has it."""


@dataclass(frozen=True)
class Transcript:
    """What the agent made of the caller's words; final, so the conversation has it."""

    text: str


@dataclass(frozen=True)
class Asked:
    """The user message with which the agent's LLM was asked."""

    text: str


@dataclass(frozen=True)
class Spoken:
    """A word or a sentence that the agent has said aloud."""

    text: str


@dataclass(frozen=True)
class Activity:
    """What the agent is doing changed: thinking or speaking began or ended."""

    thinking: bool | None = None
    speaking: bool | None = None


@dataclass(frozen=True)
class FirstBytes:
    """Times to first byte in ms, by the names of the agent's processors."""

    ttfb_ms: dict[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True)
class Goodbye:
    """The agent hung up."""


@dataclass(frozen=True)
class Trouble:
    """The agent reports an error."""

    text: str


Event = Transcript | Asked | Spoken | Activity | FirstBytes | Goodbye | Trouble


def client_ready() -> str:
    """The message that asks the agent to begin."""
    about = {"library": "agent.call"}
    ready = {"label": "rtvi-ai", "id": "1", "type": "client-ready"}
    return json.dumps({**ready, "data": {"version": PROTOCOL, "about": about}})


def read_message(text: str | bytes) -> Event | None:
    """The event in an agent's message, or None where a caller needs nothing of it."""
    try:
        message = json.loads(text)
    except ValueError:
        return None
    match message:
        case {"type": "user-transcription", "data": {"text": str(words), "final": True}}:
            return Transcript(words)
        case {"type": "user-llm-text", "data": {"text": str(words)}}:
            return Asked(words)
        case {"type": "bot-tts-text", "data": {"text": str(words)}}:
            return Spoken(words)
        case {"type": "metrics", "data": {"ttfb": measured}}:
            return FirstBytes(_by_processor(measured))
        case {"type": "error", "data": {"error": str(words)}}:
            return Trouble(words)
        case {"type": "signalling", "message": {"type": "peerLeft"}}:
            return Goodbye()
        case {"type": str(kind)}:
            return ACTIVITIES.get(kind)
        case _:
            return None


ACTIVITIES = {
    "bot-llm-started": Activity(thinking=True),
    "bot-llm-stopped": Activity(thinking=False),
    "bot-started-speaking": Activity(speaking=True),
    "bot-stopped-speaking": Activity(speaking=False),
    "bot-interrupted": Activity(thinking=False, speaking=False),
}


def _by_processor(measured: object) -> dict[str, float]:
    times: dict[str, float] = {}
    for entry in cast("list[object]", measured) if isinstance(measured, list) else []:
        match entry:
            case {"processor": str(name), "value": int() | float() as seconds}:
                times[name] = 1000.0 * seconds
            case _:
                continue
    return times
