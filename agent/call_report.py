"""What a call was like: words from the agent's messages, times from the recording's samples."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from agent.call_line import Call, Exchange
from agent.call_media import CALL_HZ
from agent.call_messages import Activity, Asked, Event, FirstBytes, Spoken, Transcript, Trouble
from agent.recording import Span, find_speech, next_speech, speech_at, write_stereo

RECORDING_HZ = 24_000
"""Wide enough for every voice here, half the size of the call's own rate."""


@dataclass(frozen=True)
class TurnReport:
    """One turn. Positions and durations are those of the recording."""

    name: str
    answered: bool
    transcript: str
    """The caller's words as the agent heard them."""
    asked: tuple[str, ...]
    """The user messages with which the agent's LLM was asked: one, where the turn was understood as one."""
    answer: str
    """The words that the agent said aloud."""
    speech_start_ms: float | None
    speech_end_ms: float | None
    """Where the caller's speech begins and ends; None where there is none (the greeting)."""
    answer_start_ms: float | None
    gap_ms: float | None
    """From the end of the caller's speech to the start of the agent's."""
    llm_request_ms: float | None
    """From the end of the caller's speech until the agent says that its LLM is at work. Contains the way of
    that message, some ms on one machine."""
    silenced_ms: float | None
    """Of a turn that interrupts: from the caller's first sound until the agent is silent."""
    ttfb_ms: dict[str, float] = field(default_factory=dict[str, float])
    """Times to first byte as the agent reports them, by processor."""


@dataclass(frozen=True)
class CallReport:
    """A whole call."""

    url: str
    turns: tuple[TurnReport, ...]
    """The greeting is the first, where one was waited for."""
    problem: str
    """Why the call ended early, or nothing."""
    duration_ms: float
    caller_lateness_ms: float
    """How late this process was at worst with a frame of its own: a bound on the error of the gaps."""
    worst_underrun_ms: float
    """The longest stutter within the agent's speech."""
    troubles: tuple[str, ...]
    """Errors that the agent reported."""

    def turn(self, name: str) -> TurnReport:
        """The first turn of that name. Raises KeyError where there is none."""
        for turn in self.turns:
            if turn.name == name:
                return turn
        raise KeyError(name)

    @property
    def unanswered(self) -> tuple[str, ...]:
        """The names of the turns that got no answer."""
        return tuple(turn.name for turn in self.turns if not turn.answered)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Recording:
    """Both channels (T,) at RECORDING_HZ."""

    caller: NDArray[np.int16]
    agent: NDArray[np.int16]

    def write(self, path: Path) -> None:
        """A stereo WAV file: the caller is left, the agent right. Raises OSError."""
        write_stereo(path, self.caller, self.agent, RECORDING_HZ)


def recording_of(call: Call) -> Recording:
    """What was recorded so far. Takes a few ms for a second of it: not while a call is running."""
    tapes = (call.caller, call.agent)
    channels = (soxr.resample(tape.samples(call.length), CALL_HZ, RECORDING_HZ) for tape in tapes)
    return Recording(*(channel.astype(np.int16) for channel in channels))


def report_of(call: Call, recording: Recording, url: str, problem: str = "") -> CallReport:
    """Measure a call."""
    spans = find_speech(recording.agent, RECORDING_HZ)
    turns = [_report_turn(call, recording, spans, number) for number in range(len(call.exchanges))]
    return CallReport(
        url=url,
        turns=tuple(turns),
        problem=problem,
        duration_ms=_ms(len(recording.agent)),
        caller_lateness_ms=1000 * call.clock.worst_lateness_samples / CALL_HZ,
        worst_underrun_ms=1000 * call.playout.worst_underrun_samples / CALL_HZ,
        troubles=tuple(event.text for _, event in call.events if isinstance(event, Trouble)),
    )


def _report_turn(call: Call, recording: Recording, agent: list[Span], number: int) -> TurnReport:
    exchange, end = call.exchanges[number], _start(call, number + 1)
    events = _events(call, exchange.start, end)
    said = _events(call, _answer_start(call, number), _answer_start(call, number + 1))
    speech = _speech(recording, exchange)
    after = speech.end if speech else _recorded(exchange.start)
    answer = next_speech(agent, after) if exchange.answered else None
    interrupted = speech_at(agent, speech.start) if speech and exchange.barged_in else None
    ttfb_ms: dict[str, float] = {}
    for event in events:
        if isinstance(event, FirstBytes):
            ttfb_ms |= event.ttfb_ms
    return TurnReport(
        name=exchange.name,
        answered=exchange.answered,
        transcript=" ".join(event.text.strip() for event in events if isinstance(event, Transcript)),
        asked=tuple(event.text for event in events if isinstance(event, Asked)),
        answer=" ".join(event.text.strip() for event in said if isinstance(event, Spoken)),
        speech_start_ms=_ms(speech.start) if speech else None,
        speech_end_ms=_ms(speech.end) if speech else None,
        answer_start_ms=_ms(answer.start) if answer else None,
        gap_ms=_ms(answer.start - speech.end) if answer and speech else None,
        llm_request_ms=_llm_request_ms(call, speech, end) if speech else None,
        silenced_ms=_ms(interrupted.end - speech.start) if interrupted and speech else None,
        ttfb_ms=ttfb_ms,
    )


def _events(call: Call, start: int, end: int) -> list[Event]:
    return [event for position, event in call.events if start <= position < end]


def _start(call: Call, number: int) -> int:
    return call.exchanges[number].start if number < len(call.exchanges) else 2**62


def _answer_start(call: Call, number: int) -> int:
    """From where on words belong to the answer: while the agent is interrupted it says some of the last."""
    start = _start(call, number)
    if number < len(call.exchanges) and call.exchanges[number].barged_in:
        end = _start(call, number + 1)
        heard = (at for at, event in call.events if start <= at < end and isinstance(event, Transcript))
        return next(heard, start)
    return start


def _llm_request_ms(call: Call, speech: Span, end: int) -> float | None:
    spoken = speech.end * CALL_HZ // RECORDING_HZ
    for position, event in call.events:
        if spoken <= position < end and isinstance(event, Activity) and event.thinking:
            return round(1000 * (position - spoken) / CALL_HZ, 1)
    return None


def _speech(recording: Recording, exchange: Exchange) -> Span | None:
    """The caller's speech within an exchange, on the recording's clock: from its first sound to its last."""
    if exchange.speech is None:
        return None
    start, end = _recorded(exchange.speech.start), _recorded(exchange.speech.end)
    spans = find_speech(recording.caller[start:end], RECORDING_HZ)
    return Span(start + spans[0].start, start + spans[-1].end) if spans else None


def _recorded(position: int) -> int:
    return position * RECORDING_HZ // CALL_HZ


def _ms(samples: int) -> float:
    return round(1000 * samples / RECORDING_HZ, 1)
