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
from collections.abc import Iterable
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

FEW = range(20)
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


async def hold_all(seeds: Iterable[int]) -> tuple[list[str], list[Holdings]]:
    """(breaches, what the process has after each conversation)."""
    found: list[str] = []
    holdings: list[Holdings] = []
    async with unlucky() as servers:
        agent = agent_of(servers)
        for seed in seeds:
            seen = await hold(agent, servers, seed)
            found += [f"seed {seed}, {_misfortunes(seen)}: {breach}" for breach in breaches(seen)]
            holdings.append(Holdings.now())
        await agent.close()
    return found, holdings


def _misfortunes(seen: Observed) -> str:
    return ", ".join(stroke.what for stroke in seen.strokes) or "no misfortune"


def conversations(seeds: Iterable[int]) -> tuple[list[str], list[Holdings]]:
    """Hold them in simulated time."""
    logger.disable("agent")
    logger.disable("pipecat")
    try:
        with scripted_ears(), simulated_time() as loop:
            return loop.run_until_complete(hold_all(seeds))
    finally:
        logger.enable("agent")
        logger.enable("pipecat")


def left_behind(holdings: list[Holdings]) -> list[str]:
    """What grows, by the least after each of five conversations: memory comes and goes."""
    before = [min(column) for column in zip(*holdings[WARM_UP - 5 : WARM_UP], strict=True)]
    after = [min(column) for column in zip(*holdings[-5:], strict=True)]
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
    found, holdings = conversations(FEW)
    assert found + left_behind(holdings) == []


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
    found, holdings = conversations(range(first, end))
    wrong = found + left_behind(holdings)
    print(*wrong, f"{end - first} conversations, {len(wrong)} breaches", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
