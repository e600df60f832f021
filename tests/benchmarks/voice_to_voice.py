"""How long a caller waits for an answer: `python -m tests.benchmarks.voice_to_voice [--url ...]`.

Holds one call of 20 turns (`turns.json`, in the voices of flite), and prints, as markdown or JSON, what
`agent.call` found in the recording and what the agent logged of each turn. Without --url it starts all four
processes itself; only then are the parts of a turn and the memory known. Exit status 1 where a turn takes
longer than 2.5 s or gets no answer.

Two clocks, never mixed: the recording's, from the caller's last sound to the agent's first one, and the
agent's own, from the end of speech as its VAD has it to its first audio leaving. The difference, the path
both ways and what the VAD needs to believe in silence, is a row of its own.
"""

import argparse
import asyncio
import json
import os
import platform
import re
import string
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.call import place_call
from agent.call_line import CannotCall, Turn
from agent.call_media import CALL_HZ, read_wav
from agent.call_report import CallReport, TurnReport
from tests.agent.peers import Echo, answering, tone
from tests.processes import VoiceAgent
from tests.spoken import with_pause

TURNS = Path(__file__).parent / "turns.json"
TOO_LONG_MS = 2_500.0
PUBLISHED_MS = 508.0
"""P50 by the agent's clock, as published for github.com/pipecat-ai/nemotron-january-2026 on an RTX 5090."""

VOICE_TO_VOICE = "ServerVoiceToVoice"
LOGGED = re.compile(VOICE_TO_VOICE + r" TTFB: (\d+)ms = ([^;]*)")
PARTS = {
    "pause": "VAD: the pause",
    "turn": "Smart Turn, beyond the ASR's time",
    "ASR": "ASR",
    "LLM": "LLM",
    "tool": "tools",
    "sentence": "LLM: the rest of the first phrase",
    "TTS": "TTS",
    "out": "output",
    "pipeline": "Pipecat, in between",
}


@dataclass(frozen=True)
class Row:
    """One turn. ms; what is not known is None."""

    said: str
    heard: str
    answered: str
    gap_ms: float | None
    """Recording: end of speech to first audible speech."""
    llm_request_ms: float | None
    """Recording's clock: end of speech to the agent's word that its LLM is at work."""
    server_ms: float | None
    """The agent's clock."""
    parts_ms: dict[str, int]
    """Add up to `server_ms`."""

    @property
    def as_said(self) -> bool:
        """Whether every word was heard as it was said."""
        return _words(self.said) == _words(self.heard)


@dataclass(frozen=True)
class Memory:
    """Of one process, MiB."""

    module: str
    rest_rss: float
    rest_pss: float
    after_rss: float
    after_pss: float


@dataclass(frozen=True)
class Result:
    """The whole run."""

    machine: str
    path_ms: float
    """To a peer that echoes at once, and back: what every gap contains."""
    caller_lateness_ms: float
    rows: list[Row]
    memory: list[Memory]

    @property
    def too_long(self) -> list[str]:
        """The turns that fail the run."""
        return [row.said for row in self.rows if row.gap_ms is None or row.gap_ms > TOO_LONG_MS]


async def measure(url: str, running: VoiceAgent | None, out: Path) -> Result:
    """Hold the call. Raises CannotCall."""
    turns = [spoken_turn(entry, out.parent) for entry in json.loads(TURNS.read_text())]
    path_ms = await measure_path()
    processes = running.processes if running else ()
    rest = [process.memory_mib() for process in processes]
    report = await place_call(url, turns, out=out)
    after = [process.memory_mib() for process in processes]
    logged = [record["message"] for record in running.agent.logged()] if running else []
    return Result(
        machine=machine(),
        path_ms=path_ms,
        caller_lateness_ms=report.caller_lateness_ms,
        rows=rows_of(report, logged),
        memory=[
            Memory(process.module, *before, *now)
            for process, before, now in zip(processes, rest, after, strict=True)
        ],
    )


async def measure_path() -> float:
    """The gap of an echo of 300 ms that comes 600 ms late, less the 300 ms of silence in between."""
    async with answering(Echo(600)) as url:
        report = await place_call(url, [Turn(tone(300), "echo")], greeting=False)
    return (report.turns[0].gap_ms or 0) - 300


def rows_of(report: CallReport, logged: Sequence[str]) -> list[Row]:
    """The call's turns, each with the parts from the agent's log: the next line with the same total."""
    lines = [found for message in logged if (found := LOGGED.match(message))]
    rows: list[Row] = []
    for turn in report.turns[1:]:  # the first is the greeting
        server_ms = turn.ttfb_ms.get(VOICE_TO_VOICE)
        index = next(
            (i for i, line in enumerate(lines) if server_ms and int(line[1]) == round(server_ms)), None
        )
        parts = _parts(lines[index][2]) if index is not None else {}
        lines = lines[index + 1 :] if index is not None else lines
        rows.append(_row(turn, server_ms, parts))
    return rows


def _row(turn: TurnReport, server_ms: float | None, parts: dict[str, int]) -> Row:
    return Row(turn.name, turn.transcript, turn.answer, turn.gap_ms, turn.llm_request_ms, server_ms, parts)


def _parts(text: str) -> dict[str, int]:
    """ "pause 200, ASR 19" -> {"pause": 200, "ASR": 19}; a name may come twice (LLM, tool, LLM)."""
    parts: dict[str, int] = {}
    for part in text.split(", "):
        name, _, ms = part.rpartition(" ")
        parts[name] = parts.get(name, 0) + int(ms)
    return parts


def spoken_turn(entry: dict[str, Any], folder: Path) -> Turn:
    """A turn of the list, spoken by flite; numbers are seconds of silence."""
    first, *rest = entry["say"]
    speech = _say(first, entry["voice"], folder)
    for pause_s, text in zip(rest[::2], rest[1::2], strict=True):
        speech = with_pause(speech, pause_s, _say(text, entry["voice"], folder), CALL_HZ)
    return Turn(speech, " ".join(part for part in entry["say"] if isinstance(part, str)))


def _say(text: str, voice: str, folder: Path) -> NDArray[np.int16]:
    path = folder / "said.wav"
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
    return read_wav(path)


def _words(text: str) -> list[str]:
    kept = "".join(letter for letter in text.lower() if letter not in string.punctuation.replace("'", ""))
    return kept.split()


def machine() -> str:
    """What this runs on."""
    found = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    name, python = found[1] if found else platform.machine(), platform.python_version()
    return f"{os.cpu_count()} cores of {name}, {memory_gib:.0f} GiB, Python {python}, load {load:.1f}"


def markdown(result: Result) -> str:
    """The tables."""
    return "\n\n".join(
        part
        for part in (_head(result), _times(result), _shares(result), _turns(result), _memory(result))
        if part
    )


def _head(result: Result) -> str:
    exact = sum(row.as_said for row in result.rows)
    return (
        f"{len(result.rows)} turns in one call on {result.machine}. {exact} were heard word for word. "
        f"The path to a peer that echoes, and back, takes {result.path_ms:.0f} ms here. "
        f"The caller was late by {result.caller_lateness_ms:.0f} ms at worst."
    )


def _times(result: Result) -> str:
    rows = result.rows
    server = [row.server_ms for row in rows if row.server_ms is not None]
    lines = [
        "| from the end of speech, ms | P50 | P90 | max |",
        "|---|--:|--:|--:|",
        _line("to the LLM request (recording's clock)", [r.llm_request_ms for r in rows]),
        _line("to the first audible speech (recording)", [r.gap_ms for r in rows]),
        _line("to the first audio leaving (agent's clock)", server),
    ]
    if server:
        p50 = float(np.percentile(server, 50))
        lines.append(
            f"\nBy the agent's clock the pause alone is 200 ms, {100 * 200 / p50:.0f} % of the P50; the P50 "
            f"is {p50 / PUBLISHED_MS:.2f} of the {PUBLISHED_MS:.0f} ms published for this pipeline with the "
            "big models on an RTX 5090 (another machine, other models: for orientation)."
        )
    return "\n".join(lines)


def _shares(result: Result) -> str:
    rows = [row for row in result.rows if row.parts_ms and row.gap_ms is not None]
    if not rows:
        return ""
    total = sum(row.gap_ms or 0 for row in rows)
    parts: dict[str, list[float]] = {
        title: [row.parts_ms.get(name, 0) for row in rows] for name, title in PARTS.items()
    }
    known = {name for row in rows for name in row.parts_ms} - set(PARTS)
    parts |= {name: [row.parts_ms.get(name, 0) for row in rows] for name in sorted(known)}
    parts["transport both ways, and the VAD's hangover"] = [
        (row.gap_ms or 0) - sum(row.parts_ms.values()) for row in rows
    ]
    lines = ["| part of the gap, ms | P50 | P90 | max | share |", "|---|--:|--:|--:|--:|"]
    for title, values in parts.items():
        lines.append(f"{_line(title, values)} {100 * sum(values) / total:.0f} % |")
    return "\n".join(lines)


def _turns(result: Result) -> str:
    lines = ["| said | heard | LLM request | audible | |", "|---|---|--:|--:|---|"]
    for row in result.rows:
        flag = "no answer" if row.gap_ms is None else "over 2.5 s" if row.gap_ms > TOO_LONG_MS else ""
        heard = "the same" if row.as_said else row.heard
        lines.append(f"| {row.said} | {heard} | {_ms(row.llm_request_ms)} | {_ms(row.gap_ms)} | {flag} |")
    return "\n".join(lines)


def _memory(result: Result) -> str:
    if not result.memory:
        return ""
    lines = ["| memory, MiB | RSS at rest | PSS at rest | RSS after | PSS after |", "|---|--:|--:|--:|--:|"]
    for of in result.memory:
        figures = (of.rest_rss, of.rest_pss, of.after_rss, of.after_pss)
        lines.append(f"| {of.module} | " + " | ".join(f"{figure:.0f}" for figure in figures) + " |")
    return "\n".join(lines)


def _line(title: str, values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return f"| {title} | | | |"
    p50, p90 = np.percentile(known, [50, 90])
    return f"| {title} | {p50:.0f} | {p90:.0f} | {max(known):.0f} |"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def main() -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks.voice_to_voice")
    parser.add_argument("--url", help="an agent that is running; otherwise all four processes are started")
    parser.add_argument("--json", action="store_true", help="print JSON instead of markdown")
    parser.add_argument("--out", type=Path, help="keep the recording here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = options.out or Path(folder) / "call.wav"
        starting = nullcontext() if options.url else VoiceAgent(Path(folder))
        with starting as running:
            url = options.url or (running.url if running else "")
            try:
                result = asyncio.run(measure(url, running, out))
            except CannotCall as error:
                print(error, file=sys.stderr)
                return 1
    print(json.dumps(asdict(result), indent=2) if options.json else markdown(result))
    for said in result.too_long:
        print(f"over {TOO_LONG_MS:.0f} ms, or no answer: {said}", file=sys.stderr)
    return 1 if result.too_long else 0


if __name__ == "__main__":
    sys.exit(main())
