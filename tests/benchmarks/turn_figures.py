"""What one answered turn took, and where: from the agent's log, the servers' notes and the recording.

    caller's last sound ─ way in ─ VAD ─┬─ by the agent's clock ─┬─ way out ─ agent's first sound
                                        T0                 BotStartedSpeaking

The two ends are the recording's; the parts between add up to its gap. `way in` is what the newest sound took
to the ASR server, through the caller's frame, Opus, the agent's transport and its pipeline; `VAD` is what
Silero goes on hearing after it, until the moment from which the agent counts; `way out` is output chunk,
Opus and the caller's playout buffer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.call_report import TurnReport
from tests.benchmarks.script import Work
from tests.benchmarks.scripted_servers import NUMBER
from tests.benchmarks.scripted_verdicts import Prediction

PAUSE_MS = 200.0
"""What the published agent waits in silence before it does anything."""


@dataclass(frozen=True)
class Moments:
    """Of one turn, on the event loop's clock, s. None where it did not happen."""

    speech_end: float
    """The caller's last sound, in the recording."""
    way_in_s: float | None
    """From a sound of the caller's to its arrival at the ASR server."""
    late_s: float
    """How late the caller's own process was at worst: what else the machine does."""
    bot_started: float | None
    """The agent said that it began to speak."""
    answer_start: float | None
    """The agent's first sound, in the recording."""


@dataclass(frozen=True)
class Waste:
    """What speculation did for nothing in one turn."""

    tokens: int
    llm_ms: float
    tts_ms: float
    asr_ms: float
    """Commits beyond the one that the published agent sends, too."""
    used_ms: float
    """For comparison: what the servers did for what was heard."""

    @property
    def ms(self) -> float:
        return self.llm_ms + self.tts_ms + self.asr_ms


@dataclass(frozen=True)
class Figures:
    """One turn. ms; None where it is not known."""

    said: str
    heard: str
    forced: bool
    """Smart Turn was made to say "incomplete" although the caller had finished."""
    server_ms: float | None
    parts_ms: dict[str, int]
    """From the agent's log; add up to `server_ms`."""
    stages_ms: tuple[float, float, float]
    """What ASR, LLM and TTS really took for the answer that was heard."""
    hops_ms: tuple[float, float] | None
    """Between the stages of that answer: from Final to the LLM's request, from the phrase to the voice."""
    smart_turn_ms: tuple[float, ...]
    """Each run of Smart Turn in this turn."""
    gap_ms: float | None
    way_in_ms: float | None
    vad_ms: float | None
    way_out_ms: float | None
    late_ms: float
    """How late the caller's process was at worst: above some 20 ms the machine was busy with other things."""
    waste: Waste

    @property
    def added_ms(self) -> float | None:
        """What the agent adds to the stages: V2V - (200 + max(Smart Turn, ASR + LLM) + TTS)."""
        if self.server_ms is None or not self.smart_turn_ms:
            return None
        asr_ms, llm_ms, tts_ms = self.stages_ms
        return self.server_ms - (PAUSE_MS + max(self.smart_turn_ms[-1], asr_ms + llm_ms) + tts_ms)


def figures(
    turn: TurnReport,
    parts_ms: dict[str, int],
    server_ms: float | None,
    works: Sequence[Work],
    predictions: Iterable[Prediction],
    moments: Moments,
    *,
    forced: bool,
) -> Figures:
    """Put together what is known of a turn."""
    used = used_answer(turn.answer, works)
    asr, llm, tts = _stages(works, used)
    way_in_ms, vad_ms, way_out_ms = ways(moments, server_ms)
    return Figures(
        said=turn.name,
        heard=turn.transcript,
        forced=forced,
        server_ms=server_ms,
        parts_ms=parts_ms,
        stages_ms=(_took_ms(asr), _took_ms(llm), _took_ms(tts)),
        hops_ms=_hops_ms(asr, llm, tts),
        smart_turn_ms=tuple(prediction.took_ms for prediction in predictions),
        gap_ms=turn.gap_ms,
        way_in_ms=way_in_ms,
        vad_ms=vad_ms,
        way_out_ms=way_out_ms,
        late_ms=1000 * moments.late_s,
        waste=waste(works, used),
    )


def used_answer(heard: str, works: Sequence[Work]) -> int | None:
    """The number of the answer that was heard; where its words are not known, the last that was spoken."""
    if found := NUMBER.search(heard):
        return int(found[1])
    return next((work.answer for work in reversed(works) if work.stage == "audio"), None)


def ways(moments: Moments, server_ms: float | None) -> tuple[float | None, float | None, float | None]:
    """(way in, VAD, way out); each needs what it is measured from."""
    in_s, started, heard = moments.way_in_s, moments.bot_started, moments.answer_start
    way_in_ms = None if in_s is None else 1000 * in_s
    way_out_ms = None if started is None or heard is None else 1000 * (heard - started)
    if in_s is None or started is None or server_ms is None:
        return way_in_ms, None, way_out_ms
    return way_in_ms, 1000 * (started - moments.speech_end - in_s) - server_ms, way_out_ms


def waste(works: Sequence[Work], used: int | None) -> Waste:
    """The work of a turn whose result nobody heard."""
    commits = [work for work in works if work.stage == "asr"]
    answers = [work for work in works if work.stage != "asr"]
    lost = [work for work in answers if work.answer != used]
    return Waste(
        tokens=sum(work.tokens for work in lost),
        llm_ms=_busy_ms(lost, "llm", "tokens"),
        tts_ms=_busy_ms(lost, "tts", "audio"),
        asr_ms=_busy_ms(commits[:-1], "asr"),
        used_ms=_busy_ms([work for work in answers if work.answer == used], "llm", "tokens", "tts", "audio")
        + _busy_ms(commits[-1:], "asr"),
    )


def _busy_ms(works: Iterable[Work], *stages: str) -> float:
    return 1000 * sum(work.took_s for work in works if work.stage in stages)


def _stages(works: Sequence[Work], used: int | None) -> tuple[Work | None, Work | None, Work | None]:
    """The newest Commit before the answer, and what the answer took; None for what was not asked for."""
    llm = next((work for work in works if work.stage == "llm" and work.answer == used), None)
    tts = next((work for work in works if work.stage == "tts" and work.answer == used), None)
    commits = (work for work in works if work.stage == "asr" and not (llm and work.begin_s > llm.begin_s))
    return next(reversed(list(commits)), None), llm, tts


def _took_ms(work: Work | None) -> float:
    return 1000 * work.took_s if work else 0.0


def _hops_ms(asr: Work | None, llm: Work | None, tts: Work | None) -> tuple[float, float] | None:
    if not (asr and llm and tts and asr.end_s and llm.end_s):
        return None
    return 1000 * (llm.begin_s - asr.end_s), 1000 * (tts.begin_s - llm.end_s)
