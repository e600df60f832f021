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
WORD_MS = 220
"""Nobody says a word that matters in less, so more words than that were misread."""
LATE_MS = 300
"""So late come words of what was heard before: of the agent's echo, where the caller spoke over it."""
SETTLED_MS = 140
"""A word that the embedded ear takes back, it takes back with its next chunk of 100 ms."""
PAUSE_MS = 300
"""Without the caller for so long, a stretch of speech is over, though the VAD goes on hearing the echo."""
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
    """Too little to tell from a noise misread."""
    CLEAR = "clear"
    """The caller has something to say."""


COMMANDS = frozenset(
    ("stop", "wait", "hold", "hang", "hey", "excuse", "pause", "quiet", "cancel", "enough", "moment")
)
"""One of them is enough."""
REFUSALS = frozenset(("no", "nope"))
"""One of them is enough where no other word that matters stands beside it."""
PHRASES = re.compile(
    r"\b(?:i see|got it|all right|of course|go on|uh huh|that's (?:right|good|fine|great|nice)|makes sense)\b"
)
NODS = re.compile(
    r"m+|m+h*m+|h+m+|hum|u+[hm]+|ah+|oh|huh|okay|ok|yes|yeah|yep|yup|ya|right|sure|alright|"
    r"good|great|fine|nice|cool|exactly|really|wow|true|perfect"
)
LITTLE = re.compile(
    r"a|an|the|and|or|so|i|am|i'm|is|are|was|it|it's|that|this|to|of|for|at|on|in|you|me|my|we|do|can|be|"
    r"well|would|he|she|they|by|from"
)
"""What breath and single sounds are misread as."""


def weigh(text: str) -> tuple[Words, int]:
    """What the words so far say about the caller's intention, and how many of them matter."""
    said = PHRASES.sub("okay", " ".join(re.findall(r"[\w']+", text.lower()))).split()
    if not said:
        return Words.NONE, 0
    nods = [word for word in said if NODS.fullmatch(word)]
    matter = [word for word in said if not NODS.fullmatch(word) and not LITTLE.fullmatch(word)]
    refusals = sum(word in REFUSALS for word in matter)
    enough = len(matter) - refusals >= 2 or (refusals and refusals == len(matter))
    if enough or any(word in COMMANDS for word in matter):
        return Words.CLEAR, len(matter)
    # "okay us" is what became of "okay, yes" in noise
    return (Words.NODDING if nods and len(matter) <= 1 else Words.UNSURE), len(matter)


class Interruption:
    """Follows what happens from the VAD's "speech" to its "pause", while the agent speaks."""

    def __init__(self, stop_after_ms: int) -> None:
        """`stop_after_ms` of the caller's speech is an interruption where no words are known."""
        self._stop_after_ms = stop_after_ms
        self._words, self._matter = Words.NONE, 0
        self._text = ""
        self._echoed = 0
        self._late_ms = self._before_ms = self._after_ms = 0
        self._unsettled_ms = self._silent_ms = 0
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
        self._words, self._matter, self._text = Words.NONE, 0, ""
        self._echoed = self.caller_ms = 0
        self._late_ms = self._before_ms = self._after_ms = 0
        return self._look(onset_ms)

    def hear(self, passed_ms: int, caller_ms: int, onset_ms: int) -> Verdict:
        """More was heard: `caller_ms` of it are the caller's, and `onset_ms` of the last ONSET_MS."""
        if not self._open:
            return Verdict.GO_ON
        self._unsettled_ms -= passed_ms
        if not self.ducked:
            return self._wait(passed_ms, onset_ms)
        self.caller_ms += caller_ms
        self._late_ms -= passed_ms
        self._silent_ms = 0 if caller_ms else self._silent_ms + passed_ms
        verdict = self._judge()
        if verdict is Verdict.GO_ON and self._silent_ms >= PAUSE_MS:
            self.ducked, verdict = False, Verdict.FALSE_ALARM
            self._before_ms, self._after_ms = 0, 2 * LATE_MS
        return verdict

    def read(self, text: str) -> None:
        """What the ASR server has of it so far; judged with the next sound."""
        if not self._open:
            return
        self._text = text
        if self._late_ms > 0:
            self._echoed = len(text.split())
        was_clear = self._words is Words.CLEAR
        self._words, self._matter = weigh(self._callers(text))
        if not was_clear:
            self._unsettled_ms = SETTLED_MS

    def end(self) -> Verdict:
        """The VAD hears a pause."""
        verdict = self._judge() if self.ducked else Verdict.GO_ON
        false_alarm = self.ducked and verdict is not Verdict.STOP
        self.drop()
        return Verdict.FALSE_ALARM if false_alarm else verdict

    def conclude(self, text: str) -> Verdict:
        """All words are known, after the pause."""
        self._words, self._matter = weigh(self._callers(text))
        self._unsettled_ms = 0
        return Verdict.STOP if self._says_so() else Verdict.GO_ON

    def drop(self) -> None:
        """The turn begins, or nobody speaks any more: nothing to decide."""
        self._open = self.ducked = False

    def _callers(self, text: str) -> str:
        """Without the words that were read before the caller was heard: the agent's own."""
        return " ".join(text.split()[self._echoed :])

    def _wait(self, passed_ms: int, onset_ms: int) -> Verdict:
        """The VAD hears speech, which is not the caller's, or not any more."""
        self._before_ms += passed_ms
        self._after_ms -= passed_ms
        if self._after_ms > 0 and self._says_so():
            return Verdict.STOP
        verdict = self._look(onset_ms)
        if self._before_ms >= ONSET_MS:  # else the VAD was only quicker than the comparison
            if self.ducked:
                self._late_ms = LATE_MS
            elif self._after_ms <= 0:
                self._echoed = len(self._text.split())
        return verdict

    def _look(self, onset_ms: int) -> Verdict:
        if onset_ms < ONSET_SHARE * ONSET_MS:
            return Verdict.GO_ON  # so far it is an echo, or noise
        self.ducked = True
        self.caller_ms, self._silent_ms = onset_ms, 0
        self._words, self._matter = weigh(self._callers(self._text))
        return Verdict.DUCK

    def _judge(self) -> Verdict:
        patience_ms = NODDING_MS if self._words is Words.NODDING else self._stop_after_ms
        stop = self.caller_ms >= patience_ms or self._says_so()
        return Verdict.STOP if stop else Verdict.GO_ON

    def _says_so(self) -> bool:
        needed_ms = WORD_MS * self._matter if self._matter > 1 else CREDIBLE_MS
        return self._words is Words.CLEAR and self._unsettled_ms <= 0 and self.caller_ms >= needed_ms
