"""How long a caller waits for an answer, and where the time goes.

The clock runs from the end of the caller's speech, as the VAD has it, to the agent's first audio leaving:
it sees neither the VAD's hangover nor the network. `python -m agent.call` measures what a caller hears.

    end of speech ─ pause ─┬─ ASR ── turn ─┬─ LLM ─ (tool ─ LLM) ─ sentence ─ TTS ─ out ─ first audio
                           └─ Smart Turn ──┘
What an answer ahead has taken before the turn was over is in none of the parts, since nobody waited for it:
the services' own times tell, and "ahead", which says how much sooner the answer was heard for it.
"""

from collections.abc import Awaitable, Callable

from loguru import logger
from pipecat.frames.frames import MetricsFrame
from pipecat.metrics.metrics import TTFBMetricsData
from pipecat.observers.user_bot_latency_observer import (
    LatencyBreakdown,
    MeasuredFrom,
    UserBotLatencyObserver,
)

from agent.speculation import Account, Speculation

VOICE_TO_VOICE = "ServerVoiceToVoice"
SERVICES = ("ASR", "LLM", "TTS")

NAMES = {
    "endpointing_wait": "pause",
    "turn_detection": "turn",
    "llm_inference": "LLM",
    "llm_tool_call": "LLM",
    "function_handler": "tool",
    "sentence_aggregation": "sentence",
    "speech_synthesis": "TTS",
    "output_transport": "out",
}


NOTHING = Account(gained_ms=None, wasted_tokens=0, heard_s=None)


def watch_latency(
    queue_metrics: Callable[[MetricsFrame], Awaitable[None]], speculation: Speculation
) -> UserBotLatencyObserver:
    """An observer that logs each answered turn, and sends its voice-to-voice time to the client.

    Pipecat itself sends the times to first byte of the services.
    """
    observer = UserBotLatencyObserver()
    turns = 0

    @observer.event_handler("on_latency_breakdown")
    async def report(_: UserBotLatencyObserver, breakdown: LatencyBreakdown) -> None:
        nonlocal turns
        if not is_answer(breakdown):
            return
        turns += 1
        logger.bind(turn=turns).info(line(breakdown, speculation.account()))
        metric = TTFBMetricsData(processor=VOICE_TO_VOICE, value=breakdown.total_secs)
        await queue_metrics(MetricsFrame(data=[metric]))

    return observer


def is_answer(breakdown: LatencyBreakdown) -> bool:
    """Whether it is an answer to what a caller said, not a greeting, an apology or a timer speaking up."""
    measured = {ttfb.processor for ttfb in breakdown.ttfb}
    return breakdown.measured_from is MeasuredFrom.USER_SILENCE and measured.issuperset(SERVICES)


def line(breakdown: LatencyBreakdown, account: Account = NOTHING) -> str:
    """What the log says of a turn.

    The time, its parts (which add up), each service's first byte, and what came of answering ahead.
    """
    spans = ", ".join(f"{name} {ms}" for name, ms in parts(breakdown, account.heard_s))
    ttfbs = ", ".join(f"{name} TTFB: {first_byte_ms(breakdown, name)}ms" for name in SERVICES)
    return (
        f"{VOICE_TO_VOICE} TTFB: {round(breakdown.total_secs * 1000)}ms = {spans}; {ttfbs}{_ahead(account)}"
    )


def _ahead(account: Account) -> str:
    if account.gained_ms is None and not account.wasted_tokens:
        return ""
    return f"; ahead: gained {account.gained_ms or 0}ms, wasted {account.wasted_tokens} tokens"


def first_byte_ms(breakdown: LatencyBreakdown, service: str) -> int:
    """A service's first answer of the turn: before a tool is called, not after."""
    return next(round(t.duration_secs * 1000) for t in breakdown.ttfb if t.processor == service)


def parts(breakdown: LatencyBreakdown, heard_s: float | None = None) -> list[tuple[str, int]]:
    """(name, ms) in the order things happened, adding up to the total.

    Pipecat's `transcription` ends when the turn is confirmed: it is what the ASR server took, and then
    what was left of Smart Turn's time. `heard_s` is when the words were there, where they came before.
    """
    asr_s = sum(ttfb.duration_secs for ttfb in breakdown.ttfb if ttfb.processor == "ASR")
    spans: list[tuple[str, float]] = []
    for contribution in breakdown.contributions:
        if contribution.key == "transcription":
            if heard_s is not None:
                asr_s = max(0.0, heard_s - contribution.start_time)
            asr_s = min(asr_s, contribution.duration_secs)
            spans += [("ASR", asr_s), ("turn", contribution.duration_secs - asr_s)]
        else:
            spans.append((NAMES.get(contribution.key, contribution.key), contribution.duration_secs))
    return _whole(_joined(spans))


def _joined(spans: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Neighbours of one name become one."""
    joined: list[tuple[str, float]] = []
    for name, duration_s in spans:
        if joined and joined[-1][0] == name:
            joined[-1] = (name, joined[-1][1] + duration_s)
        else:
            joined.append((name, duration_s))
    return joined


def _whole(spans: list[tuple[str, float]]) -> list[tuple[str, int]]:
    """Rounded to ms where they end, so that the parts add up to the rounded total."""
    whole: list[tuple[str, int]] = []
    end_s = 0.0
    for name, duration_s in spans:
        begin_s, end_s = end_s, end_s + duration_s
        whole.append((name, round(end_s * 1000) - round(begin_s * 1000)))
    return [(name, ms) for name, ms in whole if ms]
