"""One conversation with an agent whose servers have bad luck: what is said, what is heard, and when.

    with scripted_ears(), simulated_time() as loop:
        observed = loop.run_until_complete(hold(agent, servers, seed))

The agent is the real one, with its pipeline, its services and their sockets; the line has no network. Whether
somebody speaks is seen in the samples instead of by Silero, and Smart Turn's verdict comes from the script.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer
from pipecat.frames.frames import (
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
    StartFrame,
)
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams

from agent.bot import Agent
from agent.echo import EchoWatch
from tests.agent.coded_speech import LEAST, SPREAD, is_silent
from tests.agent.stand_ins import PATIENCE_S, Line, agent_settings, eventually
from tests.end_to_end.unlucky_servers import Fate, Servers, Stroke, plain

HZ = 16_000
WORD_S = 0.25
"""Of the caller's voice."""
QUIET_S = 0.7
"""An agent that is silent for so long has finished."""
KEPT_CONNECTION = "RequestHandler.start"
"""The LLM server's end of a connection that the agent keeps for the next call."""
ANSWER_S = 8.0
"""A caller gives up after so much silence."""
SETTINGS = agent_settings()
PUT_OFF = frozenset(
    plain(word) for line in (SETTINGS.one_moment, *SETTINGS.still_waiting) for word in line.split()
)
"""What the agent says until it has an answer."""


class Sound(NamedTuple):
    """A piece of the agent's voice, as it leaves."""

    at_s: float
    end_s: float
    words: tuple[str, ...]


def puts_off(sound: Sound) -> bool:
    """Whether it only asks the caller to wait."""
    return bool(sound.words) and PUT_OFF.issuperset(sound.words)


class Verdict(NamedTuple):
    """One of Smart Turn's."""

    at_s: float
    complete: bool


@dataclass
class Utterance:
    """What the caller said in one go, pauses included."""

    start_s: float
    words: tuple[str, ...]
    """Empty for a cough."""
    end_s: float = 0.0
    pauses: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """When each began and ended."""


@dataclass
class Observed:
    """All there is to judge a conversation by."""

    seed: int
    utterances: list[Utterance] = field(default_factory=list[Utterance])
    sounds: list[Sound] = field(default_factory=list[Sound])
    verdicts: list[Verdict] = field(default_factory=list[Verdict])
    turns_s: list[float] = field(default_factory=list[float])
    """When the agent said that it listens, and its voice was to be silent."""
    strokes: list[Stroke] = field(default_factory=list[Stroke])
    messages: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """The agent's context after the call."""
    hung_up_s: float = 0.0
    ended_by_itself: bool = False
    """Whether the agent ended the call, rather than the caller."""
    tasks_left: list[str] = field(default_factory=list[str])


class _Stage:
    """Where the scripted ears find the conversation that goes on now; there is one at a time."""

    caller: "Caller | None" = None


class _Out(BaseOutputTransport):
    """Takes the agent's voice at the pace of speech."""

    def __init__(self, params: TransportParams, fate: Fate, observed: Observed) -> None:
        super().__init__(params)
        self._fate, self._sounds, self._turns_s = fate, observed.sounds, observed.turns_s

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def send_message(
        self, frame: OutputTransportMessageFrame | OutputTransportMessageUrgentFrame
    ) -> None:
        if frame.message.get("type") == "user-started-speaking":
            self._turns_s.append(_now())

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        at_s, length_s = asyncio.get_running_loop().time(), len(frame.audio) / 2 / frame.sample_rate
        if not is_silent(frame.audio):
            self._sounds.append(Sound(at_s, at_s + length_s, tuple(self._fate.words.hear(frame.audio))))
        await asyncio.sleep(length_s)
        return True


class Caller(Line):
    """Says what fate has it say, and writes down what is heard."""

    packet_ms = 40  # half the work of 20

    def __init__(self, fate: Fate, observed: Observed) -> None:
        super().__init__()
        self._fate, self._seen = fate, observed
        self._output: Any = _Out(self._input._params, fate, observed)
        self._more_to_say = False

    async def converse(self) -> None:
        """Some turns, each in its own way."""
        await self._listen(_now())
        for _ in range(3):
            match self._fate.pick("plain", "plain", "pauses", "interrupts", "coughs", "is quick"):
                case "pauses":
                    await self._speak(pause_s=self._fate.between(0.25, 0.8))
                case "interrupts":
                    await self._speak()
                    if await self._answered():
                        await self.pause(round(1000 * self._fate.between(0.1, 1.0)))
                        await self._speak()
                case "is quick":  # goes on before an answer can have come
                    await self._speak()
                    await self.pause(round(1000 * self._fate.between(0.2, 0.8)))
                    await self._speak()
                case "coughs":
                    await self._speak()
                    await self._answered()
                    await self._cough()
                case _:
                    await self._speak()
            await self._listen(self._seen.utterances[-1].end_s)

    async def _speak(self, pause_s: float = 0.0) -> None:
        first, rest = self._fate.sentence(2, 5), self._fate.sentence(1, 4) if pause_s else []
        said = Utterance(_now(), tuple(first + rest))
        self._seen.utterances.append(said)
        self._more_to_say = bool(rest)
        await self.say(self._pcm(first))
        if rest:
            paused_s = _now()
            await self.pause(round(1000 * pause_s))
            said.pauses.append((paused_s, _now()))
            self._more_to_say = False
            await self.say(self._pcm(rest))
        said.end_s = _now()

    async def _cough(self) -> None:
        cough = np.resize(np.repeat(np.array([8_000, -8_000], "<i2"), LEAST + SPREAD), HZ // 2)  # is no word
        said = Utterance(_now(), ())
        self._seen.utterances.append(said)
        await self.say(cough[: round(HZ * self._fate.between(0.3, 0.5))].tobytes())
        said.end_s = _now()

    def _pcm(self, words: list[str]) -> bytes:
        return b"".join(self._fate.words.say(word, round(HZ * WORD_S)) for word in words)

    async def _answered(self) -> bool:
        """Whether the agent begins to speak before the caller loses patience."""
        since_s = _now()
        try:
            async with asyncio.timeout(ANSWER_S):
                while not self._seen.sounds or self._seen.sounds[-1].at_s < since_s:
                    await self.pause(20)
        except TimeoutError:
            return False
        return True

    async def _listen(self, since_s: float) -> None:
        """Until the agent has answered, and is silent; or for too long."""
        while (quiet_s := _now() - max(since_s, self._heard_s())) < ANSWER_S:
            if quiet_s > QUIET_S and self._has_answered(since_s):
                return
            await self.pause(20)

    def _heard_s(self) -> float:
        return self._seen.sounds[-1].end_s if self._seen.sounds else 0.0

    def _has_answered(self, since_s: float) -> bool:
        """Not where it has only asked to wait."""
        return any(sound.at_s >= since_s and not puts_off(sound) for sound in reversed(self._seen.sounds))

    def judge(self) -> bool:
        """Smart Turn's verdict."""
        complete = not self._more_to_say
        if complete and self._fate.strikes("verdict: incomplete", 0.1):
            complete = False
        elif not complete and self._fate.strikes("verdict: complete", 0.1):
            complete = True
        self._seen.verdicts.append(Verdict(_now(), complete))
        return complete


async def hold(agent: Agent, servers: Servers, seed: int) -> Observed:
    """One conversation, from hello to hanging up, or until the agent ends it by itself."""
    observed, fate = Observed(seed), Fate(seed)
    observed.strokes = fate.strokes
    servers.suffer(fate)
    before = asyncio.all_tasks()
    caller = _Stage.caller = Caller(fate, observed)
    call = asyncio.create_task(agent.converse(caller, caller.playback))
    await caller.pick_up()
    (context,) = (call.context for call in agent._calls)
    talk = asyncio.create_task(caller.converse())
    try:
        await asyncio.wait((talk, call), return_when=asyncio.FIRST_COMPLETED)
        observed.ended_by_itself = call.done()
        observed.hung_up_s = _now()
    finally:
        talk.cancel()
        await asyncio.wait((talk,))
        await caller.hang_up()
        async with asyncio.timeout(PATIENCE_S):
            await call
        await fate.is_over()
        observed.tasks_left = await left_behind(before)
    if not talk.cancelled():
        talk.result()
    observed.messages = [*context.get_messages()]  # type: ignore[list-item]
    return observed


async def left_behind(before: set[asyncio.Task[Any]]) -> list[str]:
    """The tasks that do not end by themselves within a second."""

    def left() -> list[str]:
        names = (str(getattr(task.get_coro(), "__qualname__", task)) for task in asyncio.all_tasks() - before)
        return [name for name in names if name != KEPT_CONNECTION]

    try:
        async with asyncio.timeout(1.0):
            await eventually(lambda: not left())
    except TimeoutError:
        pass
    return left()


@contextmanager
def scripted_ears() -> Generator[None, None, None]:
    """Who speaks is seen in the samples, and the verdict is the script's; it comes as late as fate has it."""

    def predict(self: LocalSmartTurnAnalyzerV3, audio_array: object) -> dict[str, Any]:
        complete = _Stage.caller is None or _Stage.caller.judge()
        return {"prediction": int(complete), "probability": float(complete)}

    def confidence(self: SileroVADAnalyzer, buffer: bytes) -> float:
        return float(not is_silent(buffer))

    def heard(self: EchoWatch, at_ms: float, samples: NDArray[np.int16]) -> int:
        return 1_000 * len(samples) // HZ if np.any(samples) else 0

    def callers_ms(self: EchoWatch, recent_ms: int) -> int:
        return recent_ms

    with ExitStack() as patches:
        for owner, name, scripted in (
            (LocalSmartTurnAnalyzerV3, "_predict_endpoint", predict),
            (SileroVADAnalyzer, "voice_confidence", confidence),
            (VADAnalyzer, "_get_smoothed_volume", lambda *_: 1.0),
            # There is no echo on this line, and what the two say is too alike to be told apart by it.
            (EchoWatch, "heard", heard),
            (EchoWatch, "callers_ms", callers_ms),
            *((owner, name, _late(getattr(owner, name))) for owner, name in _askers()),
        ):
            patches.enter_context(patch.object(owner, name, scripted))
        yield


def _askers() -> Iterator[tuple[type, str]]:
    """Who asks Smart Turn: Pipecat, or an agent that asks the model by itself."""
    yield BaseSmartTurn, "analyze_end_of_turn"
    if find_spec("agent.smart_turn"):
        yield import_module("agent.smart_turn").SmartTurn, "judge"


def _late(ask: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    async def take_time(*args: object) -> object:
        if _Stage.caller:
            await asyncio.sleep(_Stage.caller._fate.between(0.0, 0.3))
        return await ask(*args)

    return take_time


def _now() -> float:
    """The loop's clock, in its threads too."""
    return time.monotonic()
