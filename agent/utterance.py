"""Where an utterance begins, which Final counts, and when its text is words the caller has said.

    audio ───────────────┬── commit ──┬── audio ─────┬── commit ──► final ─► confirmed ─► next utterance
                         │            │              │
                    VAD: pause   VAD: goes on   VAD: pause

An utterance begins a little before the VAD heard speech: what a microphone hears between turns is noise,
and becomes words where it is listened to. Only the Final of the newest Commit counts: a later one of the
same utterance replaces an earlier one. Once the turn detector agrees, the text is taken, exactly once, and
what follows that Commit belongs to the next utterance: so the texts that are taken never overlap, and
nothing between them is lost.
"""

from typing import NamedTuple

from asr_server.protocol import (
    KEPT_SAMPLES,
    SAMPLE_BYTES,
    SAMPLE_RATE_HZ,
    Commit,
    Final,
    NextUtterance,
    Partial,
)


class Taken(NamedTuple):
    """What the caller has said, to be used once."""

    text: str
    """Empty where nothing was said, or where it was lost."""
    lost: bool
    """Whether words were said that are not known: the ASR server was away, or not sure of them."""
    next: NextUtterance
    """Tells the server where the next utterance begins."""


class Utterance:
    """Pure: no clock, no socket. Counts the samples of one connection at a time."""

    def __init__(
        self, lead_ms: int, silence_ms: int, min_confidence: float = 0.0, hangover_ms: int = 0
    ) -> None:
        """Where utterances begin and end, by the VAD, and how sure the ASR server must be of the words.

        One begins `lead_ms` before it reports speech; `silence_ms` have been silent when it reports a pause,
        `hangover_ms` of them before it noticed.
        """
        self._min_confidence = min_confidence
        self._lead_samples = SAMPLE_RATE_HZ * lead_ms // 1000
        self._hangover_ms = hangover_ms
        self._silence_samples = SAMPLE_RATE_HZ * silence_ms // 1000
        self._sent_samples = 0
        self._begin_sample = 0
        self._utterance_id = 0
        self._commit_id = 0
        self._forget()

    @property
    def speaking(self) -> bool:
        """Whether the caller is speaking, by the VAD."""
        return self._speaking

    @property
    def paused(self) -> bool:
        """Whether the caller has paused, and nobody has taken what they said."""
        return self._commit_sample is not None

    @property
    def waiting(self) -> bool:
        """Whether a Commit has not been answered."""
        return self.paused and self._text is None

    @property
    def words(self) -> str:
        """What the caller has said if they have finished; empty where it is not known, or not for sure."""
        return "" if self._lost or self._unsure else self._text or ""

    @property
    def commit_id(self) -> int:
        """The newest Commit."""
        return self._commit_id

    def restart(self) -> None:
        """A new connection: positions and ids begin again, and what was being said is lost."""
        self._lost |= self._speaking or self.waiting or self._unanswered
        if self.paused:
            self._commit_sample = 0
            self._text = self._text or ""
            self._orphaned = True
        self._sent_samples = self._begin_sample = self._utterance_id = self._commit_id = 0

    def sent(self, audio: bytes) -> None:
        """Count audio that was sent."""
        self._sent_samples += len(audio) // SAMPLE_BYTES

    def speak(self) -> NextUtterance | None:
        """The caller speaks; the message that begins an utterance here.

        None where they go on with one: what was committed is not all they have to say.
        """
        goes_on = self._speaking or self.paused
        self._speaking = True
        self._lost |= self._orphaned  # the Final of what follows will not hold it
        self._commit_sample = self._text = None
        self._over = self._orphaned = self._unanswered = False
        return None if goes_on else self._begin(self._sent_samples - self._lead_samples)

    def commit(self, silence_ms: float | None = None) -> Commit:
        """The caller paused; the message that asks for the text.

        `silence_ms` is how much silence there has been by the VAD, where it is less than its pause.
        """
        silence_samples = self._silence_samples
        if silence_ms is not None:
            silence_samples = int(SAMPLE_RATE_HZ * (silence_ms + self._hangover_ms) / 1000)
        self._speaking = self._unsure = self._unanswered = False
        self._commit_id += 1
        self._commit_sample = self._sent_samples
        self._text = None
        return Commit(
            utterance_id=self._utterance_id,
            commit_id=self._commit_id,
            speech_end_sample=max(0, self._sent_samples - silence_samples),
        )

    def hear(self, final: Final) -> bool:
        """Take in a Final; whether it is the one that is waited for."""
        if not self.waiting or (final.utterance_id, final.commit_id) != (self._utterance_id, self._commit_id):
            return False
        self._text = final.text.strip()
        sure = 1.0 if final.confidence is None else final.confidence
        self._unsure = self._text != "" and sure < self._min_confidence
        return True

    def lose(self) -> None:
        """No Final will come of this Commit; a later one brings all the words, if the server has them."""
        if self.waiting:
            self._text = ""
            self._unanswered = True

    def shows(self, partial: Partial) -> bool:
        """Whether a Partial is about what the caller is saying now, rather than about noise between turns."""
        return partial.utterance_id == self._utterance_id and (self._speaking or self.waiting)

    def end(self) -> None:
        """The turn detector says that the caller has finished."""
        self._over = True

    def take(self) -> Taken | None:
        """What was said, once the caller has finished and the Final is there; None until then."""
        if not self._over or self._text is None:
            return None
        text, lost = self._text, self._lost or self._unanswered or self._unsure
        return Taken("" if lost else text, lost, self.drop())

    def drop(self) -> NextUtterance:
        """Begin the next utterance where the last Commit was sent, whatever this one was."""
        begin = self._sent_samples if self._commit_sample is None else self._commit_sample
        self._forget()
        return self._begin(begin)

    def _begin(self, sample: int) -> NextUtterance:
        """Utterances do not overlap, and the server keeps the last two seconds."""
        self._utterance_id += 1
        self._begin_sample = max(sample, self._begin_sample, self._sent_samples - KEPT_SAMPLES)
        return NextUtterance(utterance_id=self._utterance_id, from_sample=self._begin_sample)

    def _forget(self) -> None:
        self._speaking = self._over = self._lost = self._orphaned = self._unsure = self._unanswered = False
        self._commit_sample: int | None = None
        self._text: str | None = None
