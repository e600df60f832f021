"""What must not happen in a conversation, whatever befalls the servers: rules, and sentences for breaches.

Pure: judges what `unlucky_call` has observed.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise

from tests.end_to_end.unlucky_call import Observed, Sound, Utterance
from tests.end_to_end.unlucky_servers import plain

REACT_S = 0.8
"""From a caller's first sound until the agent is silent: that it is speech, and meant for the agent."""
DEAD_AIR_S = 2.0
STOP_S = 1.2
"""The agent's setting `smart_turn_stop_ms`: silence after which a turn is over, whatever Smart Turn says."""
PATIENCE_S = 0.5
"""The least silence after which an agent may decide by itself that the caller has finished."""
REMEDIES_S = {"verdict: incomplete": STOP_S, "tts: dies": 1.5 + 2.0, "tts: cut": 0.5}
"""What the agent takes for a wrong verdict; and how long a voice is away, and is looked for."""
BLUR_S = 0.1
"""Chunks and packets."""
EXCUSES = (
    "Sorry, I didn't catch that.",
    "Sorry, I can't think of an answer right now.",
    "Please say that again in a moment.",
    "Sorry, my voice failed.",
    "Please say that again.",
    "One moment, please.",
)
EXCUSE_WORDS = frozenset(plain(word) for excuse in EXCUSES for word in excuse.split())


def breaches(seen: Observed) -> list[str]:
    """Everything that is wrong with a conversation."""
    return [f"{rule.__name__}: {breach}" for rule in RULES for breach in rule(seen)]


def early_audio(seen: Observed) -> Iterable[str]:
    """From shortly after the caller begins to speak until the verdict, the agent is silent."""
    for said in _spoken(seen):
        quiet_s, verdict_s = said.start_s + REACT_S, _verdict_s(seen, said)
        for sound in seen.sounds:
            if quiet_s <= sound.at_s < verdict_s - BLUR_S:
                yield f"{' '.join(sound.words)}, {sound.at_s - said.start_s:.2f} s after: {_text(said)}"
                break


def dead_air(seen: Observed) -> Iterable[str]:
    """After the caller has finished, the agent is heard within 2 s, and what its remedies take."""
    for said, next_s in _with_next(seen):
        struck = {stroke.what for stroke in seen.strokes if said.start_s <= stroke.at_s < next_s}
        remedies = (
            takes_s for what, takes_s in REMEDIES_S.items() if any(name.startswith(what) for name in struck)
        )
        limit_s = DEAD_AIR_S + sum(remedies)
        heard_s = min(
            (sound.at_s for sound in seen.sounds if sound.at_s >= said.end_s), default=seen.hung_up_s
        )
        silent_s = min(heard_s, next_s) - said.end_s
        if silent_s > limit_s + BLUR_S:
            yield f"{silent_s:.2f} s after: {_text(said)}"


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
        if missing and not _excused(seen, said, next_s) and not _apologised(seen, said.start_s, next_s):
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


RULES: tuple[Callable[[Observed], Iterable[str]], ...] = (
    early_audio,
    dead_air,
    lost_words,
    false_memory,
    left_tasks,
)


def _spoken(seen: Observed) -> list[Utterance]:
    return [said for said in seen.utterances if said.words]


def _with_next(seen: Observed) -> list[tuple[Utterance, float]]:
    """Each utterance with words, and when the caller speaks or hangs up after it."""
    ends = [said.start_s for said in seen.utterances[1:]] + [seen.hung_up_s]
    return [(said, end) for said, end in zip(seen.utterances, ends, strict=True) if said.words]


def _verdict_s(seen: Observed, said: Utterance) -> float:
    """When the agent may take the caller to have finished, at the earliest."""
    complete = (verdict.at_s for verdict in seen.verdicts if verdict.complete and verdict.at_s > said.start_s)
    return min([*complete, said.end_s + PATIENCE_S])


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


def _excused(seen: Observed, said: Utterance, next_s: float) -> bool:
    """Whether the caller spoke on after words were lost, or the voice was gone."""
    lost_s = [stroke.at_s for stroke in seen.strokes if stroke.what.startswith("asr")]
    within = any(said.start_s <= at_s < said.end_s for at_s in lost_s)
    if any(stroke.what.startswith("tts") for stroke in seen.strokes):
        return True
    return within or next_s < said.end_s + DEAD_AIR_S


def _apologised(seen: Observed, since_s: float, until_s: float) -> bool:
    words = _words(sound for sound in seen.sounds if since_s <= sound.at_s <= until_s)
    return "sorry" in words


def _words(sounds: Iterable[Sound]) -> set[str]:
    return {word for sound in sounds for word in sound.words}


def _texts(seen: Observed, role: str) -> list[str]:
    return [str(message["content"]) for message in seen.messages if message["role"] == role]


def _text(said: Utterance) -> str:
    return " ".join(said.words)
