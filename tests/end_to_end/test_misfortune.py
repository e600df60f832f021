"""Conversations with servers that delay, reorder, drop and die.

They run in simulated time (`tests.simulated_time`), one after the other in one process, as the calls of an
agent do, so that what they leave behind adds up. A seed tells what happens:

    python -m tests.end_to_end.test_misfortune 37         # what everybody did in one, in order
    python -m tests.end_to_end.test_misfortune 0 1000     # a thousand: half an hour of one core
"""

import asyncio
import ctypes
import gc
import sys
import traceback
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest
from loguru import logger

from agent.bot import Agent
from tests.agent.stand_ins import agent_settings
from tests.end_to_end.judgement import breaches
from tests.end_to_end.unlucky_call import Observed, hold, scripted_ears
from tests.end_to_end.unlucky_servers import Servers, unlucky
from tests.simulated_time import simulated_time

FEW, MANY = range(20), range(200)
WARM_UP = 10
"""Conversations after which what is loaded once is loaded, and pools and caches have their size."""
MOST_MIB = 10.0
MOST_SOCKETS = 2
"""More than before: connections to the LLM that are kept for the next call."""


class Holdings(NamedTuple):
    """What the process has."""

    mib: float
    files: int
    tasks: int

    @classmethod
    def now(cls) -> "Holdings":
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # what is free, but kept for later, is not left behind
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        files = len(list(Path("/proc/self/fd").iterdir()))
        return cls(pages * 4_096 / 2**20, files, len(asyncio.all_tasks()))


def agent_of(servers: Servers) -> Agent:
    """Audio in large pieces: half the work, and only the ends of things are heard less exactly."""
    urls = {"asr_url": servers.asr.url, "tts_url": servers.tts.url, "llm_url": servers.llm.url}
    return Agent(agent_settings(**urls, audio_out_chunk_ms=40))


@dataclass
class Tally:
    """Conversations, and what came of them."""

    seeds: deque[int]
    """Those that have not been held."""
    seed: int | None = None
    """The one that is being held."""
    held: int = 0
    breaches: list[str] = field(default_factory=list[str])
    holdings: list[Holdings] = field(default_factory=list[Holdings])
    """What the process has after each conversation."""

    def begin(self) -> int:
        """The next one's seed."""
        self.seed = self.seeds.popleft()
        return self.seed

    def end(self, found: Iterable[str]) -> None:
        """It is over; tells people who wait what there is by now."""
        self.held += 1
        for breach in found:
            self.breaches.append(f"seed {self.seed}, {breach}")
            print(self.breaches[-1], file=sys.stderr)
        self.seed = None
        if self.held % 10 == 0 or not self.seeds:
            print(f"{self.held} held, {len(self.breaches)} breaches", file=sys.stderr, flush=True)

    def wrong(self) -> list[str]:
        """All of it."""
        return self.breaches + left_behind(self.holdings)

    def summary(self) -> str:
        """The process at first, when all was warm, and in the end."""
        lines = [f"{self.held} conversations, {len(self.breaches)} breaches"]
        if len(self.holdings) > WARM_UP:
            first, last = (least_of(self.holdings, end) for end in (WARM_UP, None))
            lines += [
                f"{name}: {was:.0f} after {WARM_UP} conversations, {now:.0f} in the end"
                for name, was, now in zip(("MiB", "open files", "tasks"), first, last, strict=True)
            ]
        return "\n".join(lines)


async def hold_some(tally: Tally) -> None:
    """One after the other, as the calls of an agent, until one goes wrong that nobody survives."""
    async with unlucky() as servers:
        agent = agent_of(servers)
        while tally.seeds:
            seen = await hold(agent, servers, tally.begin())
            tally.end(f"{_misfortunes(seen)}: {breach}" for breach in breaches(seen))
            tally.holdings.append(Holdings.now())
        await agent.close()


def _misfortunes(seen: Observed) -> str:
    return ", ".join(stroke.what for stroke in seen.strokes) or "no misfortune"


def conversations(seeds: Iterable[int]) -> Tally:
    """Hold them in simulated time; after one that breaks off, the others in another loop."""
    tally = Tally(deque(seeds))
    logger.disable("agent")
    logger.disable("pipecat")
    try:
        with scripted_ears():
            while tally.seeds:
                _hold_until_one_breaks_off(tally)
    finally:
        logger.enable("agent")
        logger.enable("pipecat")
    return tally


def _hold_until_one_breaks_off(tally: Tally) -> None:
    try:
        with simulated_time() as loop:
            loop.run_until_complete(hold_some(tally))
    except Exception as error:
        if tally.seed is None:
            raise  # not a conversation's fault
        traceback.print_exc()
        tally.end([f"broke off: {error!r}"])


def least_of(holdings: Sequence[Holdings], end: int | None) -> list[float]:
    """The least after each of the five conversations before `end`: memory comes and goes."""
    return [min(column) for column in zip(*holdings[:end][-5:], strict=True)]


def left_behind(holdings: Sequence[Holdings]) -> list[str]:
    """What grows."""
    if len(holdings) <= WARM_UP:
        return []
    before, after = least_of(holdings, WARM_UP), least_of(holdings, None)
    limits = Holdings(MOST_MIB, MOST_SOCKETS, MOST_SOCKETS)
    return [
        f"{name}: from {was:.0f} to {now:.0f}"
        for name, was, now, most in zip(Holdings._fields, before, after, limits, strict=True)
        if now - was > most
    ]


def test_what_grows_is_found():
    steady = [Holdings(100.0 + number % 2 * 20, 10, 2) for number in range(20)]
    assert left_behind(steady) == []
    growing = [Holdings(100.0 + 2 * number, 10 + number, 2) for number in range(20)]
    assert left_behind(growing) == ["mib: from 110 to 130", "files: from 15 to 25"]


@pytest.mark.timeout(600)
def test_whatever_befalls_the_servers_a_conversation_stays_one():
    assert conversations(FEW).wrong() == []


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_of_two_hundred_conversations_none_breaks_and_nothing_is_left():
    assert conversations(MANY).wrong() == []


def test_a_conversation_that_breaks_off_is_counted_and_the_others_are_held(monkeypatch: pytest.MonkeyPatch):
    async def hold_some_other(_: object, __: object, seed: int) -> Observed:
        if seed == 1:
            raise RuntimeError("stuck")
        return Observed(seed)

    monkeypatch.setattr("tests.end_to_end.test_misfortune.hold", hold_some_other)
    tally = conversations(range(3))
    assert (tally.held, tally.breaches) == (3, ["seed 1, broke off: RuntimeError('stuck')"])


async def tell(seed: int) -> None:
    """Hold one conversation and print what everybody did, in order."""
    async with unlucky() as servers:
        agent = agent_of(servers)
        began_s = asyncio.get_running_loop().time()
        seen = await hold(agent, servers, seed)
        await agent.close()
    lines = [
        (said.start_s, f"the caller says {' '.join(said.words) or '(a cough)'}") for said in seen.utterances
    ]
    lines += [(said.end_s, "the caller has finished") for said in seen.utterances]
    lines += [(stroke.at_s, stroke.what) for stroke in seen.strokes]
    lines += [(verdict.at_s, f"verdict: complete {verdict.complete}") for verdict in seen.verdicts]
    heard: tuple[str, ...] = ()
    for sound in seen.sounds:
        if sound.words != heard:
            lines.append((sound.at_s, f"heard: {' '.join(sound.words)}"))
        heard = sound.words
    for at_s, line in sorted(lines):
        print(f"{at_s - began_s:7.3f}  {line}")
    print(*seen.messages, *breaches(seen), sep="\n")


def main(first: int, end: int | None = None) -> int:
    """The command; its exit status is 1 where anything is wrong."""
    if end is None:
        with scripted_ears(), simulated_time() as loop:
            loop.run_until_complete(tell(first))
        return 0
    tally = conversations(range(first, end))
    wrong = tally.wrong()
    print(*wrong, tally.summary(), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
