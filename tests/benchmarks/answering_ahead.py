"""What answering ahead is worth, and whether it meets its goals.

    python -m tests.benchmarks.answering_ahead                                  # an hour and a half
    python -m tests.benchmarks.answering_ahead --times rtx5090 --runs 1 --turns 20       # for a look

The real agent, in a process of its own and in real time, is called over WebRTC: flite's voices say the
sentences of `turns.json` in one long call, while servers answer in the times that are published for a
machine (`stage_times.py`), the same in every mode. Prints tables as markdown, and at the end which of the
goals (`goals.py`) are met; the exit status is 1 where one is missed. Draws each turn where a folder is given.
An agent that cannot answer ahead runs the same way in every mode. Other settings of the agent are taken from
the environment: AGENT_AUDIO_OUT_CHUNK_MS=10 python -m ...
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from agent.call_line import Call, CannotCall, HungUp, Turn, dial
from agent.call_media import CALL_HZ
from agent.call_messages import Activity
from agent.call_report import CallReport, Recording, recording_of, report_of
from tests.benchmarks.figure_tables import Runs, calm, markdown
from tests.benchmarks.goals import compared, modes, table
from tests.benchmarks.script import Script, Sentence, Work, timed
from tests.benchmarks.scripted_servers import LOUD, scripted
from tests.benchmarks.scripted_verdicts import Prediction, Verdicts
from tests.benchmarks.stage_times import MACHINES, Published, TurnTimes, draw
from tests.benchmarks.turn_figures import Figures, Moments, figures
from tests.benchmarks.turn_pictures import draw_turn
from tests.benchmarks.voice_to_voice import TURNS, rows_of, spoken_turn
from tests.processes import Process, free_port

VOICES = ("slt", "rms", "awb", "kal16")
ANSWER_S = 10.0
MODULE = "tests.benchmarks.scripted_verdicts"


@dataclass(frozen=True)
class Spoken:
    """A turn of the caller's."""

    turn: Turn
    sentence: Sentence
    last_loud: int
    """Its last sample that the ASR server takes for sound."""


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    published: Published
    spoken: list[Spoken]
    forced: frozenset[int]
    """The turns after which Smart Turn is made to say "incomplete"; the first turn is 1."""
    pictures: Path | None
    caller_packets: int
    """How long the caller's playout buffer is, in packets."""


@dataclass(frozen=True)
class Held:
    """One call that is over."""

    call: Call
    began_s: float
    """When the recording begins, on the event loop's clock."""
    ways_in_s: list[float | None]
    late_s: list[float]
    """How late the caller's process was at worst, in each turn."""


def speak(turns: int, folder: Path) -> list[Spoken]:
    """The sentences of the list, again and again, every time in the next voice."""
    entries = json.loads(TURNS.read_text())
    spoken: list[Spoken] = []
    for number in range(turns):
        again, index = divmod(number, len(entries))
        entry = entries[index]
        voice = VOICES[(VOICES.index(entry["voice"]) + again) % len(VOICES)]
        turn = spoken_turn({**entry, "voice": voice}, folder)
        parts = [part for part in entry["say"] if isinstance(part, str)]
        last_loud = int(np.flatnonzero(np.abs(turn.audio.astype(np.int32)) > LOUD)[-1])
        spoken.append(Spoken(turn, timed(parts, turn.audio, CALL_HZ), last_loud))
    return spoken


async def hold(url: str, plan: Plan, script: Script, verdicts: Verdicts, seed: int) -> Held:
    """One call with all turns. Raises CannotCall; a call that breaks ends early."""
    chance = random.Random(seed)
    ways_in_s: list[float | None] = []
    late_s: list[float] = []
    began_s = 0.0
    async with dial(url, playout_packets=plan.caller_packets) as call:
        try:
            await call.listen(ANSWER_S)
            began_s = asyncio.get_running_loop().time() - call.clock.now() / CALL_HZ
            times = draw(plan.published, len(plan.spoken), seed)
            for number, (spoken, drawn) in enumerate(zip(plan.spoken, times, strict=True), 1):
                await call.wait(chance.random() * 0.1)  # the VAD's windows begin anywhere
                call.clock.worst_lateness_samples = 0
                script.say(spoken.sentence, drawn)
                starts_s = began_s + call.clock.now() / CALL_HZ
                verdict = "incomplete" if number in plan.forced else "complete"
                verdicts.expect(starts_s + spoken.last_loud / CALL_HZ, verdict)
                await call.say(spoken.turn, ANSWER_S)
                late_s.append(call.clock.worst_lateness_samples / CALL_HZ)
                ways_in_s.append(_way_in_s(call, spoken, began_s, script.speech_heard_s))
                print(".", end="", file=sys.stderr, flush=True)
        except HungUp as hung_up:
            print(hung_up, file=sys.stderr)
        return Held(call, began_s, ways_in_s, late_s)


def _way_in_s(call: Call, spoken: Spoken, began_s: float, heard_s: float | None) -> float | None:
    speech = call.exchanges[-1].speech
    if speech is None or heard_s is None:
        return None
    return heard_s - began_s - (speech.start + spoken.last_loud) / CALL_HZ


async def run(plan: Plan, eager_ms: int, seed: int, folder: Path) -> list[Figures]:
    """Start the servers and the agent, hold one call, and measure it. Raises CannotCall."""
    least = TurnTimes(plan.published.asr.least, plan.published.llm.least, plan.published.tts.least)
    script, verdicts = Script(greeting=least), Verdicts(folder)
    async with scripted(script, plan.published.tokens_per_s) as servers:
        port = free_port()
        environment = {
            "AGENT_PORT": str(port),
            "AGENT_LOG_FORMAT": "json",
            "AGENT_ANSWER_AHEAD": str(eager_ms > 0),
            "AGENT_EAGER_MS": str(eager_ms),
            **servers.settings,
            **verdicts.environment,
        }
        agent = Process(MODULE, port, environment, folder)
        agent.start()
        try:
            await asyncio.to_thread(agent.until_ready)
            held = await hold(agent.url, plan, script, verdicts, seed)
        finally:
            await asyncio.to_thread(agent.stop)
    logged = [record["message"] for record in agent.logged()]
    return measure(plan, held, script, verdicts.predictions(), logged, f"{eager_ms}-{seed}")


def measure(
    plan: Plan, held: Held, script: Script, predictions: list[Prediction], logged: Sequence[str], name: str
) -> list[Figures]:
    """The figures of every turn, and their pictures."""
    recording = recording_of(held.call)
    report = report_of(held.call, recording, "")
    print(file=sys.stderr)
    measured: list[Figures] = []
    # A call that broke has fewer turns than planned.
    for number, row in enumerate(rows_of(report, logged)[: len(held.ways_in_s)], 1):
        works = [work for work in script.done if work.turn == number]
        moments = moments_of(held, report, number)
        made = predictions_of(held, number, predictions)
        forced = number in plan.forced
        turn = report.turns[number]
        turn_figures = figures(turn, row.parts_ms, row.server_ms, works, made, moments, forced=forced)
        measured.append(turn_figures)
        if plan.pictures:
            path = plan.pictures / f"{plan.published.name}-{name}-{number:02}.png"
            _draw(path, turn_figures, works, made, moments, recording, held.began_s)
    return measured


def _draw(
    path: Path,
    turn: Figures,
    works: Sequence[Work],
    made: Sequence[Prediction],
    moments: Moments,
    recording: Recording,
    began_s: float,
) -> None:
    draw_turn(turn, works, made, moments, recording, began_s).save(path)


def moments_of(held: Held, report: CallReport, number: int) -> Moments:
    """When what happened in a turn; the greeting is number 0."""
    turn = report.turns[number]
    answer_ms, speech_end_ms = turn.answer_start_ms, turn.speech_end_ms or 0.0
    started = [
        1000 * position / CALL_HZ
        for position, event in held.call.events
        if isinstance(event, Activity) and event.speaking
    ]
    latest_ms = np.inf if answer_ms is None else answer_ms + 50
    before = [at_ms for at_ms in started if speech_end_ms < at_ms < latest_ms]
    return Moments(
        speech_end=held.began_s + speech_end_ms / 1000,
        way_in_s=held.ways_in_s[number - 1],
        late_s=held.late_s[number - 1],
        bot_started=held.began_s + before[-1] / 1000 if before and answer_ms is not None else None,
        answer_start=None if answer_ms is None else held.began_s + answer_ms / 1000,
    )


def predictions_of(held: Held, number: int, predictions: Sequence[Prediction]) -> list[Prediction]:
    """Smart Turn's answers from a turn's beginning to that of the next."""
    starts = [held.began_s + exchange.start / CALL_HZ for exchange in held.call.exchanges] + [np.inf]
    return [made for made in predictions if starts[number] <= made.end_s < starts[number + 1]]


async def measure_all(plan: Plan, modes: Sequence[int], runs: int, incomplete: int) -> Runs:
    """Every mode with every seed, in turn: what else the machine does is to befall all modes alike."""
    measured: Runs = {eager_ms: [] for eager_ms in modes}
    for seed in range(1, runs + 1):
        forced = frozenset(random.Random(seed).sample(range(1, len(plan.spoken) + 1), incomplete))
        for eager_ms in modes:
            with tempfile.TemporaryDirectory() as folder:
                turns = await run(replace(plan, forced=forced), eager_ms, seed, Path(folder))
            measured[eager_ms] += turns
    return measured


def arguments() -> argparse.Namespace:
    """What the command was given."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks.answering_ahead")
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--times", choices=MACHINES, nargs="+", default=list(MACHINES), help="whose (all)")
    parser.add_argument("--eager-ms", type=int, nargs="+", help="modes to compare (those with goals)")
    parser.add_argument(
        "--incomplete", type=int, default=4, help='finished turns that Smart Turn calls "incomplete"'
    )
    parser.add_argument("--pictures", type=Path, help="draw every turn into this folder")
    parser.add_argument(
        "--caller-packets", type=int, default=4, help="the caller's playout buffer (%(default)s)"
    )
    parser.add_argument(
        "--calm-ms",
        type=float,
        default=np.inf,
        help="leave out turns in which the machine stalled for longer",
    )
    return parser.parse_args()


def main() -> int:
    """The command; returns its exit status."""
    options = arguments()
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        spoken = speak(options.turns, Path(folder))
    counts = f"{options.turns} turns in one call, {options.runs} calls a mode"
    measured: dict[str, Runs] = {}
    for times in options.times:
        plan = Plan(MACHINES[times], spoken, frozenset(), options.pictures, options.caller_packets)
        eager_ms = options.eager_ms or modes(times)
        try:
            runs = asyncio.run(measure_all(plan, eager_ms, options.runs, options.incomplete))
        except CannotCall as error:
            print(error, file=sys.stderr)
            return 1
        print(markdown(runs, plan.published, counts, options.calm_ms), end="\n\n", flush=True)
        measured[times] = calm(runs, options.calm_ms)
    rows = compared(measured)
    print(table(rows))
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
