"""How many conversations reach their goal: `python -m tests.benchmarks.whole_conversations`.

Every conversation of `conversations.json` in four voices of flite, 100 calls over WebRTC to the real agent,
three at a time: is the reservation the one asked for, the sum and the fact right, does the timer ring? Prints
a table, and what went wrong. Exit status 1 where fewer than 90 % reach their goal.
"""

import argparse
import asyncio
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from agent.call_line import CannotCall, HungUp, Turn, dial
from agent.call_report import CallReport, recording_of, report_of
from tests.benchmarks.voice_to_voice import machine, spoken_turn
from tests.processes import VoiceAgent

CONVERSATIONS = Path(__file__).parent / "conversations.json"
VOICES = ("slt", "rms", "awb", "kal16")
AT_ONCE = 3
ANSWER_S = 20.0
ENOUGH = 0.9


@dataclass(frozen=True)
class Outcome:
    """Of one conversation: whether it reached its goal, and every turn of it as it was heard and answered."""

    kind: str
    voice: str
    reached: bool
    log: list[str]


async def hold(url: str, script: dict[str, Any], turns: Sequence[Turn]) -> CallReport:
    """One call; what it is like when the agent hangs up is in the report too."""
    problem = ""
    async with dial(url) as call:
        try:
            await call.converse(turns, ANSWER_S)
            if script.get("rings"):
                await call.listen(ANSWER_S, "ring")
        except HungUp as error:
            problem = str(error)
        return report_of(call, recording_of(call), url, problem)


def is_met(part: str, answer: str, now: datetime) -> bool:
    """Whether an answer has this part, in whole words; {time} and {date} are those of the last minutes."""
    clocks = (now - timedelta(minutes=minutes) for minutes in range(3))
    ways = (part.format(time=f"{at:%I:%M %p}".lstrip("0"), date=f"{at:%A, %B} {at.day}") for at in clocks)
    return any(re.search(rf"(?<!\w){re.escape(way)}(?!\w)", answer) for way in ways)


def outcome_of(script: dict[str, Any], voice: str, report: CallReport) -> Outcome:
    """The goal is in the last answer: all its parts, or exactly what rings.

    A timer may ring so soon after it was set that both are one answer to whoever listens.
    """
    last = report.turns[-1]
    if rings := script.get("rings"):
        before = report.turns[-2].answer if len(report.turns) > 1 else ""
        reached = last.name == "ring" and (last.answer == rings or before.endswith(f" {rings}"))
    else:
        reached = last.answered and all(is_met(part, last.answer, datetime.now()) for part in script["goal"])
    log = [f"{turn.name} | {turn.transcript} | {turn.answer}" for turn in report.turns[1:]]
    return Outcome(script["kind"], voice, reached, [*log, report.problem] if report.problem else log)


def speak(script: dict[str, Any], voice: str, folder: Path) -> list[Turn]:
    """The caller's turns. Before any call: flite would hold one up."""
    say = (part if isinstance(part, list) else [part] for part in script["say"])
    return [spoken_turn({"say": parts, "voice": voice}, folder) for parts in say]


async def hold_all(url: str, voices: Sequence[str], folder: Path) -> list[Outcome]:
    """All of them, AT_ONCE at a time. Raises CannotCall."""
    scripts = json.loads(CONVERSATIONS.read_text())
    spoken = [(script, voice, speak(script, voice, folder)) for voice in voices for script in scripts]
    places = asyncio.Semaphore(AT_ONCE)

    async def one(script: dict[str, Any], voice: str, turns: Sequence[Turn]) -> Outcome:
        async with places:
            outcome = outcome_of(script, voice, await hold(url, script, turns))
            print("." if outcome.reached else "x", end="", file=sys.stderr, flush=True)
            return outcome

    return await asyncio.gather(*(one(*each) for each in spoken))


def markdown(outcomes: Sequence[Outcome]) -> str:
    """A table by kind and voice, and the conversations that failed."""
    voices = sorted({outcome.voice for outcome in outcomes})
    lines = [
        f"{sum(o.reached for o in outcomes)} of {len(outcomes)} reached their goal ({machine()}).",
        "",
        f"| goal reached | {' | '.join(voices)} |",
        f"|---|{'--:|' * len(voices)}",
    ]
    for kind in dict.fromkeys(outcome.kind for outcome in outcomes):
        all_of = Counter(o.voice for o in outcomes if o.kind == kind)
        good = Counter(o.voice for o in outcomes if o.kind == kind and o.reached)
        lines.append(f"| {kind} | {' | '.join(f'{good[voice]}/{all_of[voice]}' for voice in voices)} |")
    for outcome in outcomes:
        if not outcome.reached:
            lines += ["", f"{outcome.kind}, {outcome.voice}:", *(f"    {line}" for line in outcome.log)]
    return "\n".join(lines)


def main() -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks.whole_conversations")
    parser.add_argument("--voices", nargs="+", default=VOICES, choices=VOICES)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, VoiceAgent(Path(folder)) as running:
        try:
            outcomes = asyncio.run(hold_all(running.url, options.voices, Path(folder)))
        except CannotCall as error:
            print(error, file=sys.stderr)
            return 1
    print(file=sys.stderr)
    print(markdown(outcomes))
    return 0 if sum(outcome.reached for outcome in outcomes) >= ENOUGH * len(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
