"""What must not happen in a conversation, whatever befalls the servers: rules, and sentences for breaches.

Pure: judges what `unlucky_call` has observed.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise

from tests.end_to_end.unlucky_call import (
    PUT_OFF,
    SETTINGS,
    Observed,
    Sound,
    Utterance,
    Verdict,
    puts_off,
)
from tests.end_to_end.unlucky_servers import Stroke, plain

SILENCE_S = 0.15
"""From the decision to listen until the agent is silent."""
REACT_S = SETTINGS.interrupt_after_ms / 1000 + SILENCE_S
"""From a caller's first sound until the agent is silent: that it is speech, and meant for the agent."""
DEAD_AIR_S = 2.0
ON_S = SETTINGS.still_waiting_ms / 1000 + 0.5
"""After it has asked the caller to wait: until the next such line, with the time that the voice needs."""
STOP_S = SETTINGS.smart_turn_stop_ms / 1000
"""Silence after which a turn is over, whatever Smart Turn says."""
PATIENCE_S = 0.5
"""The least silence after which an agent may decide by itself that the caller has finished."""
HANG_S = SETTINGS.tts_timeout_ms / 1000
REMEDIES_S = {
    "verdict: incomplete": STOP_S,
    "tts: dies": 1.5 + 2.0,
    "tts: cut": 0.5 + 3.0,
    "tts: hangs": HANG_S,
    "tts: no end": HANG_S,
}
"""What it takes to see that a verdict was wrong, or to find a voice that was away, or to give one up.

Pipecat takes 3 s of no audio for the end of what was cut off.
"""
LOSSES_S = {"asr: dies": 1.5 + 2.0, "asr: late": 3.0, "asr: cut": 0.5}
"""How long an ear is away, and is looked for, or is busy: what is said meanwhile may be lost."""
ANSWERS_COMMIT_S = 1.0
"""After the caller's last sound: by then the pause was committed, and fate has had its say."""
BLUR_S = 0.1
"""Chunks and packets."""
APOLOGIES = (SETTINGS.sorry_not_heard, SETTINGS.sorry_no_answer, SETTINGS.sorry_no_voice)
EXCUSE_WORDS = PUT_OFF | {plain(word) for apology in APOLOGIES for word in apology.split()}


def breaches(seen: Observed) -> list[str]:
    """Everything that is wrong with a conversation."""
    return [f"{rule.__name__}: {breach}" for rule in RULES for breach in rule(seen)]


def early_audio(seen: Observed) -> Iterable[str]:
    """From shortly after the caller begins to speak, or goes on, until the verdict, the agent is silent."""
    for said in _spoken(seen):
        for start_s, end_s in _stretches(said):
            free_s = _may_answer_s(seen, start_s, end_s)
            if heard := _first_sound(seen, start_s + REACT_S, free_s - BLUR_S):
                yield f"{' '.join(heard.words)}, {heard.at_s - start_s:.2f} s after: {_text(said)}"


def talks_on(seen: Observed) -> Iterable[str]:
    """Once it has said that it listens, it is silent at once, and until the next verdict."""
    stretches = [stretch for said in seen.utterances for stretch in _stretches(said)]
    for turn_s in seen.turns_s:
        end_s = max((end_s for start_s, end_s in stretches if start_s <= turn_s), default=turn_s)
        free_s = _may_answer_s(seen, turn_s, max(turn_s, end_s))
        if heard := _first_sound(seen, turn_s + SILENCE_S, free_s - BLUR_S):
            yield f"{' '.join(heard.words)}, {heard.at_s - turn_s:.2f} s after it listened"


def dead_air(seen: Observed) -> Iterable[str]:
    """After the caller has finished, no silence is too long until there is an answer or an apology."""
    for said, next_s in _with_next(seen):
        if _is_mute(seen, said.start_s, next_s):
            continue
        since_s, limit_s = said.end_s, DEAD_AIR_S + _remedies_s(seen, said.start_s, next_s)
        for sound in [*_sounds(seen, said.end_s, next_s), Sound(next_s, next_s, ())]:
            if sound.at_s - since_s > limit_s + BLUR_S:
                yield f"{sound.at_s - since_s:.2f} s after: {_text(said)}"
            if not puts_off(sound):
                break
            since_s, limit_s = sound.end_s, ON_S + _remedies_s(seen, sound.end_s, next_s)


def lost_words(seen: Observed) -> Iterable[str]:
    """What the caller says is in the context once, in order; what the ear lost is apologised for.

    Not where the caller goes on before an apology can be heard, nor where the voice has failed as well.
    """
    known = [word for text in _texts(seen, "user")[1:] for word in text.split()]
    spoken = [word for said in _spoken(seen) for word in said.words]
    if doubled := [word for word in dict.fromkeys(known) if known.count(word) > 1]:
        yield f"twice in the context: {' '.join(doubled)}"
    if [word for word in spoken if word in known] != list(dict.fromkeys(known)):
        yield f"not as it was said: {' '.join(known)}"
    for said, next_s in _with_next(seen):
        missing = [word for word in said.words if word not in known]
        if not missing:
            continue
        until_s = _turn_end_s(seen, said)
        if not _is_deaf(seen, said.start_s, until_s):
            yield f"lost by nobody's fault: {' '.join(missing)} of {_text(said)}"
        elif not (_apologised(seen, said.start_s, next_s) or _has_no_voice(seen, said, next_s)):
            yield f"lost without a word: {' '.join(missing)} of {_text(said)}"


def false_memory(seen: Observed) -> Iterable[str]:
    """The agent remembers what was heard of it, word for word; a word that was cut may be missing."""
    known = [plain(word) for text in _texts(seen, "assistant") for word in text.split()]
    heard = [word for word in _heard(seen) if word not in EXCUSE_WORDS]
    if never := [word for word in known if word not in heard]:
        yield f"remembers what nobody heard: {' '.join(never)}"
    cut = _cut_words(seen)
    if forgotten := [word for word in heard if word not in known and word not in cut]:
        yield f"has forgotten what was heard: {' '.join(forgotten)}"
    if [word for word in known if word in heard] != [word for word in heard if word in known]:
        yield f"remembers it in another order: {' '.join(known)}"


def left_tasks(seen: Observed) -> Iterable[str]:
    """A call that is over leaves no task."""
    yield from seen.tasks_left


def hung_up(seen: Observed) -> Iterable[str]:
    """Nobody is hung up on."""
    if seen.ended_by_itself:
        yield f"by the agent, after {len(seen.utterances)} utterances"


RULES: tuple[Callable[[Observed], Iterable[str]], ...] = (
    early_audio,
    talks_on,
    dead_air,
    lost_words,
    false_memory,
    left_tasks,
    hung_up,
)


def _spoken(seen: Observed) -> list[Utterance]:
    return [said for said in seen.utterances if said.words]


def _stretches(said: Utterance) -> list[tuple[float, float]]:
    """Where there is sound in it: (begins, ends)."""
    edges = [said.start_s, *(edge for pause in said.pauses for edge in pause), said.end_s]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _with_next(seen: Observed) -> list[tuple[Utterance, float]]:
    """Each utterance with words, and when the caller speaks or hangs up after it."""
    ends = [said.start_s for said in seen.utterances[1:]] + [seen.hung_up_s]
    return [(said, end) for said, end in zip(seen.utterances, ends, strict=False) if said.words]


def _turn_end_s(seen: Observed, said: Utterance) -> float:
    """When what was said was over for good, and had been committed: where the caller goes on soon, later."""
    end_s = said.end_s
    for later in seen.utterances:
        if end_s <= later.start_s < end_s + DEAD_AIR_S:
            end_s = later.end_s
    return end_s + ANSWERS_COMMIT_S


def _may_answer_s(seen: Observed, start_s: float, end_s: float) -> float:
    """When the agent may take the caller to have finished who speaks from `start_s` to `end_s`."""

    def is_about_it(verdict: Verdict) -> bool:
        return verdict.complete and verdict.at_s > end_s

    said_s = (verdict.at_s for verdict in seen.verdicts if is_about_it(verdict))
    return max(start_s, min([*said_s, end_s + PATIENCE_S]))


def _first_sound(seen: Observed, from_s: float, to_s: float) -> Sound | None:
    return next((sound for sound in seen.sounds if from_s <= sound.at_s < to_s), None)


def _sounds(seen: Observed, from_s: float, to_s: float) -> list[Sound]:
    return [sound for sound in seen.sounds if from_s <= sound.at_s < to_s]


def _remedies_s(seen: Observed, from_s: float, to_s: float) -> float:
    """What the agent is given for what has gone wrong by then, or is still going on."""
    return sum(
        takes_s
        for stroke in seen.strokes
        for what, takes_s in REMEDIES_S.items()
        if stroke.what.startswith(what) and from_s - takes_s <= stroke.at_s < to_s
    )


def _heard(seen: Observed) -> list[str]:
    return list(dict.fromkeys(word for sound in seen.sounds for word in sound.words))


def _cut_words(seen: Observed) -> set[str]:
    """Those after which the agent fell silent, or said sorry: the last may not have been said to its end."""
    last = [
        sound
        for sound, then in pairwise(seen.sounds)
        if then.at_s > sound.end_s + BLUR_S or "sorry" in then.words
    ]
    return {word for sound in [*last, *seen.sounds[-1:]] for word in sound.words}


def _is_deaf(seen: Observed, from_s: float, to_s: float) -> bool:
    """Whether the ear failed in that time, or had not recovered."""

    def lasts_s(stroke: Stroke) -> float:
        return max(lasts_s if stroke.what.startswith(what) else 0.0 for what, lasts_s in LOSSES_S.items())

    strokes = (stroke for stroke in seen.strokes if stroke.what.startswith("asr"))
    return any(from_s - lasts_s(stroke) <= stroke.at_s < to_s for stroke in strokes)


def _has_no_voice(seen: Observed, said: Utterance, next_s: float) -> bool:
    """Whether an apology cannot be heard: the caller spoke on, or the voice was away."""
    return next_s < said.end_s + DEAD_AIR_S or any(
        stroke.what.startswith(what) and said.start_s - away_s <= stroke.at_s < next_s
        for stroke in seen.strokes
        for what, away_s in {"tts: refuses": 0.0, **REMEDIES_S}.items()
        if what.startswith("tts")
    )


def _is_mute(seen: Observed, from_s: float, to_s: float) -> bool:
    """Whether the voice refused an apology for something else, or was away: then the agent only listens."""
    whats = [stroke.what for stroke in seen.strokes if from_s <= stroke.at_s < to_s]
    away_s = REMEDIES_S["tts: dies"]
    away = any(
        stroke.what == "tts: dies" and from_s - away_s <= stroke.at_s < from_s for stroke in seen.strokes
    )
    return (len(whats) > 1 and "tts: refuses" in whats) or (away and bool(whats))


def _apologised(seen: Observed, since_s: float, until_s: float) -> bool:
    return any("sorry" in sound.words for sound in seen.sounds if since_s <= sound.at_s <= until_s)


def _texts(seen: Observed, role: str) -> list[str]:
    return [str(message["content"]) for message in seen.messages if message["role"] == role]


def _text(said: Utterance) -> str:
    return " ".join(said.words)
