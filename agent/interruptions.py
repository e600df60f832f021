"""Whether a caller who makes a sound while the agent speaks wants it to stop. Pure.

    VAD: speech ─► is it the caller? ─► quieter ─┬─ words that ask for more than to be heard ──► stop
                     (echo.py)                   ├─ speech for longer than people say "okay" ──► stop
                                                 └─ it ends: cough, door, "mhm" ──► as loud as before

The agent was only made quieter: after a false alarm nothing of what it says is missing.
"""

import re
from enum import Enum

ONSET_MS = 200
"""How far back the caller is looked for when the VAD reports speech."""
ONSET_SHARE = 0.5
"""Of those: less is the echo's share of a syllable, or what a noise leaves between two."""
CREDIBLE_MS = 150
"""Less of the caller than this makes no word; what the ASR server reads there is echo or noise."""
NODDING_MS = 1_600
"""Who has said nothing but "yes" and "okay" for so long is misheard."""


class Verdict(Enum):
    """What is to be done now."""

    GO_ON = "go on"
    """As before."""
    DUCK = "duck"
    """Be quieter: somebody speaks."""
    STOP = "stop"
    """It is an interruption."""
    FALSE_ALARM = "false alarm"
    """Be as loud as before."""


class Words(Enum):
    """What words are worth."""

    NONE = "none"
    NODDING = "nodding"
    """Backchannels: the caller hears, and wants to go on hearing."""
    UNSURE = "unsure"
    """One word that may be a noise misread."""
    CLEAR = "clear"
    """The caller has something to say."""


COMMANDS = frozenset(
    ("stop", "wait", "no", "hold", "hang", "hey", "excuse", "sorry", "pause", "quiet", "cancel", "enough")
)
"""One of them is enough."""
NODS = re.compile(
    r"\b(?:i see|got it|all right|of course|go on|that's (?:right|good|fine|great|nice)|"
    r"m+|m+h*m+|h+m+|u+[hm]+|uh huh|ah+|oh|huh|okay|ok|yes|yeah|yep|yup|ya|right|sure|alright|"
    r"good|great|fine|nice|cool|exactly|really|wow|true|perfect|and|the|a)\b"
)
"""Backchannels, and the little words that breath is misread as."""


def weigh(text: str) -> Words:
    """What the words so far say about the caller's intention."""
    text = text.lower().strip()
    if not text:
        return Words.NONE
    left = NODS.sub(" ", text).split()
    if len(left) >= 2 or any(word in COMMANDS for word in left):
        return Words.CLEAR
    return Words.UNSURE if left else Words.NODDING


class Interruption:
    """Follows what happens from the VAD's "speech" to its "pause", while the agent speaks."""

    def __init__(self, stop_after_ms: int) -> None:
        """`stop_after_ms` of the caller's speech is an interruption where no words are known."""
        self._stop_after_ms = stop_after_ms
        self._words = Words.NONE
        self._open = False
        self.ducked = False
        """Whether the caller is heard over the agent, and nothing is decided."""
        self.caller_ms = 0
        """How long the caller has spoken, in this or the last stretch of speech."""

    @property
    def credible(self) -> bool:
        """Whether the caller, and no echo or noise, said what was said last."""
        return self.caller_ms >= CREDIBLE_MS

    def begin(self, onset_ms: int) -> Verdict:
        """The VAD hears speech; `onset_ms` of the last ONSET_MS are the caller's."""
        self._open, self.ducked = True, False
        self._words, self.caller_ms = Words.NONE, 0
        return self._look(onset_ms)

    def hear(self, new_ms: int, onset_ms: int) -> Verdict:
        """More was heard: `new_ms` of it is the caller's, `onset_ms` of the last ONSET_MS are."""
        if not self._open:
            return Verdict.GO_ON
        if not self.ducked:
            return self._look(onset_ms)
        self.caller_ms += new_ms
        return self._judge()

    def read(self, text: str) -> None:
        """What the ASR server has of it so far; judged with the next sound."""
        if self._open:
            self._words = weigh(text)

    def end(self) -> Verdict:
        """The VAD hears a pause."""
        verdict = self._judge() if self.ducked else Verdict.GO_ON
        false_alarm = self.ducked and verdict is not Verdict.STOP
        self.drop()
        return Verdict.FALSE_ALARM if false_alarm else verdict

    def conclude(self, text: str) -> Verdict:
        """All words are known, after the pause."""
        stop = self.credible and weigh(text) in (Words.CLEAR, Words.UNSURE)
        return Verdict.STOP if stop else Verdict.GO_ON

    def drop(self) -> None:
        """The turn begins, or nobody speaks any more: nothing to decide."""
        self._open = self.ducked = False

    def _look(self, onset_ms: int) -> Verdict:
        if onset_ms < ONSET_SHARE * ONSET_MS:
            return Verdict.GO_ON  # so far it is an echo, or noise
        self.ducked = True
        self.caller_ms = onset_ms
        return Verdict.DUCK

    def _judge(self) -> Verdict:
        patience_ms = NODDING_MS if self._words is Words.NODDING else self._stop_after_ms
        if self.caller_ms >= patience_ms or (self._words is Words.CLEAR and self.credible):
            return Verdict.STOP
        return Verdict.GO_ON
