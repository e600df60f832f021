"""The rules of when a user turn ends, and of what is answered before.

    VAD: silence ─ COMMIT_EARLY ─► words ─ SPECULATE          the LLM and the TTS begin, unheard
    VAD: pause ─── JUDGE ────────► verdict: complete ─ ASK    the ASR service is asked for the text
                                   verdict: incomplete ──── patience ─ ASK
    text ───────── END, and it is heard                       or SPEAK: WITHDRAW, and the turn goes on

Pure: what happened goes in, what is to be done comes out. One utterance may be committed several times, at
every silence; its newest words count.
"""

from enum import Enum, auto

from agent.patience import goes_on, is_unfinished, patience_ms


class Act(Enum):
    """What is to be done."""

    COMMIT_EARLY = auto()
    """Have the ASR server finalise what it has heard, before the VAD calls it a pause."""
    GO_ON = auto()
    """Tell the ASR service that it was none."""
    JUDGE = auto()
    """Ask Smart Turn."""
    SPECULATE = auto()
    """Answer `TurnEnd.ahead`, unheard."""
    WITHDRAW = auto()
    """Drop that answer without a trace."""
    ASK = auto()
    """The caller has finished, because of `TurnEnd.reason`: ask the ASR service for the text."""
    END = auto()
    """The turn is over. Answer what was said, or confirm the answer that is under way (`TurnEnd.ahead`)."""


class TurnEnd:
    """One call's turns, one after the other."""

    def __init__(self, longest_ms: int, early_ms: int) -> None:
        """How long to wait for a verdict, or after an "incomplete" at most; and how early to commit.

        Not before `early_ms` of silence; with 0, not before the VAD's pause.
        """
        self._longest_ms = longest_ms
        self._early_ms = early_ms
        self.pause = 0
        """The number of the newest pause, which a verdict is about."""
        self.ahead: str | None = None
        """What is being answered ahead."""
        self.reason = ""
        """Why the turn ended."""
        self.in_turn = False
        """Whether a turn is open."""
        self._speaking = False
        self._said: list[str] = []
        self._forget_pause()

    @property
    def waiting(self) -> bool:
        """Whether the turn waits for the ASR service's text."""
        return self._asked

    def turn_started(self) -> None:
        """A turn begins; speech that begins none is listened to, and not answered ahead."""
        self.in_turn = True
        self._said = []

    def turn_stopped(self) -> list[Act]:
        """A turn is over, whoever ended it."""
        self.in_turn = self._speaking = False
        self._said = []
        self._forget_pause()
        return self._withdraw()

    def speech(self) -> list[Act]:
        """The VAD reports speech: nothing that was thought of the last pause holds."""
        self._speaking = True
        self._forget_pause()
        return self._withdraw()

    def silence(self, ms: float) -> list[Act]:
        """How long the VAD has heard no speech, before it reports a pause; 0: it hears some."""
        if not self._speaking:
            return []
        if not ms and self._committed:
            self._forget_pause()
            return [Act.GO_ON, *self._withdraw()]
        if self._early_ms and ms >= self._early_ms and not self._committed:
            self._committed = True
            return [Act.COMMIT_EARLY]
        return []

    def paused(self, silence_ms: float) -> list[Act]:
        """The VAD reports a pause, after so much silence."""
        self.pause += 1
        self._speaking = False
        self._paused = self._committed = True
        self._silence_ms = silence_ms
        return [Act.JUDGE]

    def waited(self, ms: float) -> list[Act]:
        """More audio came after the pause, and no speech in it."""
        self._silence_ms += ms
        return self._check_patience()

    def expects(self, pause: int) -> bool:
        """Whether it is not known yet if a pause is the end."""
        return pause == self.pause and self._paused and not self._asked

    def verdict(self, pause: int, complete: bool, silent: bool = True) -> list[Act]:
        """Smart Turn's, about a pause; one that came too late says nothing.

        Where it is not `silent` just now, the next silence or the next speech decides.
        """
        if not self.expects(pause):
            return []
        self._complete = complete
        return self._check_patience() if silent else []

    def run_out(self, pause: int) -> list[Act]:
        """It was waited long enough by the clock: there is no audio where a microphone is switched off."""
        return self._ask("no audio came to tell more") if self.expects(pause) else []

    def words(self, text: str) -> list[Act]:
        """What the caller has said if this silence is the end; not answered ahead where it cannot be."""
        if self._asked or not self._committed:
            return []
        self._words = text
        text = " ".join([*self._said, text])
        if text == self.ahead:
            return []
        acts = self._withdraw()
        if self.in_turn and not goes_on(text):
            self.ahead = text
            acts.append(Act.SPECULATE)
        return acts

    def text(self, text: str) -> list[Act]:
        """The ASR service's answer to ASK; where the caller speaks again, the beginning of what they say."""
        self._said.append(text)
        return self._end(" ".join(self._said)) if self._asked else []

    def nothing(self) -> list[Act]:
        """The ASR service's answer to ASK: there are no words."""
        return self._end("") if self._asked else []

    def forget_ahead(self) -> None:
        """Somebody else has withdrawn the answer ahead."""
        self.ahead = None

    def confirm(self) -> None:
        """The answer ahead is the answer."""
        self.ahead = None

    def _end(self, text: str) -> list[Act]:
        return [Act.END] if text == self.ahead else [*self._withdraw(), Act.END]

    def _check_patience(self) -> list[Act]:
        if not self._paused or self._asked:
            return []
        if self._complete is None:
            return self._ask("Smart Turn did not answer") if self._silence_ms >= self._longest_ms else []
        if self._complete and not is_unfinished(self._words):
            return self._ask("Smart Turn agrees")
        limit_ms = patience_ms(self._words, self._longest_ms)
        return self._ask(f"{limit_ms} ms of silence") if self._silence_ms >= limit_ms else []

    def _ask(self, reason: str) -> list[Act]:
        self._asked, self.reason = True, reason
        return [Act.ASK]

    def _withdraw(self) -> list[Act]:
        acts = [] if self.ahead is None else [Act.WITHDRAW]
        self.ahead = None
        return acts

    def _forget_pause(self) -> None:
        self._committed = self._paused = self._asked = False
        self._complete: bool | None = None
        self._words = ""
        self._silence_ms = 0.0
