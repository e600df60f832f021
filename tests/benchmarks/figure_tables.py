"""The figures of many turns as markdown: beside what is published, and what is asked for."""

from collections.abc import Callable, Sequence

import numpy as np

from tests.benchmarks.stage_times import Published
from tests.benchmarks.turn_figures import PAUSE_MS, Figures
from tests.benchmarks.voice_to_voice import machine

STALL_MS = 1_400.0
"""A wrong verdict of Smart Turn's may cost this much."""
Value = Callable[[Figures], float | None]
Runs = dict[int, list[Figures]]
"""Every turn of every run, by `eager_ms`."""


def markdown(runs: Runs, published: Published, counts: str, calm_ms: float = np.inf) -> str:
    """All tables, of the turns in which the caller's own process was never later than `calm_ms`."""
    kept_runs = calm(runs, calm_ms)
    head = f"{counts}; the servers take {published.name}'s times. {machine()}."
    every, kept = sum(map(len, runs.values())), sum(map(len, kept_runs.values()))
    if kept < every:
        head += (
            f" {every - kept} of {every} turns are left out: this machine stalled, by over {calm_ms:.0f} ms."
        )
    runs = kept_runs
    parts = [head, _server(runs, published), _inside(runs), _outside(runs), _waste(runs), _failures(runs)]
    return "\n\n".join(part for part in parts if part)


def calm(runs: Runs, calm_ms: float) -> Runs:
    """The turns in which the caller's own process was never later than that."""
    return {eager_ms: [turn for turn in turns if turn.late_ms <= calm_ms] for eager_ms, turns in runs.items()}


def _server(runs: Runs, published: Published) -> str:
    least, p50, p90, most = published.voice_to_voice
    lines = [
        "| by the agent's clock, ms | turns | min | P50 | P90 | P99 | max |",
        "|---|--:|--:|--:|--:|--:|--:|",
        f"| published | 20 | {least:.0f} | {p50:.0f} | {p90:.0f} | | {most:.0f} |",
    ]
    for eager_ms, turns in runs.items():
        lines.append(row(mode(eager_ms), [turn.server_ms for turn in turns if not turn.forced]))
    for eager_ms, turns in runs.items():
        if forced := [turn.server_ms for turn in turns if turn.forced]:
            lines.append(row(f'{mode(eager_ms)}, Smart Turn made to say "incomplete"', forced))
    return "\n".join(lines)


def _inside(runs: Runs) -> str:
    lines = [
        "| of it, ms | turns | min | P50 | P90 | P99 | max |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for eager_ms, turns in runs.items():
        calm = [turn for turn in turns if not turn.forced]
        name = mode(eager_ms)
        lines.append(row(f"{name}: a run of Smart Turn", [ms for turn in turns for ms in turn.smart_turn_ms]))
        for stage, title in enumerate(("ASR", "LLM to its first phrase", "TTS")):
            lines.append(row(f"{name}: {title}, as the servers had it", [t.stages_ms[stage] for t in calm]))
        for hop, title in enumerate(("ASR's answer to the LLM's request", "the first phrase to the voice")):
            taken = [turn.hops_ms and turn.hops_ms[hop] for turn in calm]
            lines.append(row(f"{name}: in the agent, from {title}", taken))
        added = f"{name}: V2V - ({PAUSE_MS:.0f} + max(Smart Turn, ASR + LLM) + TTS)"
        lines.append(row(added, [turn.added_ms for turn in calm]))
    return "\n".join(lines)


def _outside(runs: Runs) -> str:
    lines = [
        "| between the two clocks, ms | turns | min | P50 | P90 | P99 | max |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    values: dict[str, Value] = {
        "the recording's gap": lambda turn: turn.gap_ms,
        "more than the agent's clock": lambda turn: _less(turn.gap_ms, turn.server_ms),
        "way in: frame, Opus, the agent's transport": lambda turn: turn.way_in_ms,
        "VAD: what it still hears": lambda turn: turn.vad_ms,
        "way out: output chunk, Opus, the caller's playout buffer": lambda turn: turn.way_out_ms,
    }
    for eager_ms, turns in runs.items():
        lines += [
            row(f"{mode(eager_ms)}: {title}", [value(turn) for turn in turns])
            for title, value in values.items()
        ]
    return "\n".join(lines)


def _waste(runs: Runs) -> str:
    lines = [
        "| for nothing, a turn | tokens | LLM, ms | TTS, ms | ASR, ms | of all the GPU's time |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for eager_ms, turns in runs.items():
        wastes = [turn.waste for turn in turns]
        if not wastes:
            continue
        total_ms = sum(waste.ms + waste.used_ms for waste in wastes) or 1.0
        means = (
            np.mean([getattr(waste, name) for waste in wastes])
            for name in ("tokens", "llm_ms", "tts_ms", "asr_ms")
        )
        share = 100 * sum(waste.ms for waste in wastes) / total_ms
        figures = " | ".join(f"{mean:.1f}" for mean in means)
        lines.append(f"| {mode(eager_ms)} | {figures} | {share:.0f} % |")
    return "\n".join(lines)


def _failures(runs: Runs) -> str:
    lines: list[str] = []
    for eager_ms, turns in runs.items():
        for turn in turns:
            if turn.server_ms is None:
                lines.append(f"{mode(eager_ms)}: no answer to: {turn.said} (heard: {turn.heard})")
            elif turn.server_ms > STALL_MS:
                lines.append(f"{mode(eager_ms)}: {turn.server_ms:.0f} ms: {turn.said}")
    return "\n".join(lines)


def mode(eager_ms: int) -> str:
    return f"answering ahead at {eager_ms} ms" if eager_ms else "not answering ahead"


def row(title: str, values: Sequence[float | None]) -> str:
    """How many are known, and how they are spread."""
    known = [value for value in values if value is not None]
    if not known:
        return f"| {title} | 0 | | | | | |"
    spread = np.percentile(known, [0, 50, 90, 99, 100])
    return f"| {title} | {len(known)} | " + " | ".join(f"{ms:.0f}" for ms in spread) + " |"


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
