"""The rules of a conversation: what a client may say when, and what the model must do about it. Pure.

    messages, audio ──► Conversation ──► Chunk, Finish and Begin, each with what to answer

Audio is cut into the model's chunks on a grid that begins with the utterance, so that the text does not
depend on the packets it came in.
"""

from collections import deque
from dataclasses import dataclass
from functools import partial

from asr_server.endpointing import missing_silence
from asr_server.protocol import (
    KEPT_SAMPLES,
    PROTOCOL,
    SAMPLE_BYTES,
    SAMPLE_RATE_HZ,
    Commit,
    NextUtterance,
    Start,
)
from asr_server.recognizer import Begin, Chunk, Finish, Work
from wire.message import Refused, check_version


@dataclass(frozen=True)
class Task:
    """Work for the model, and what its answer will say."""

    work: Work
    utterance_id: int
    end_sample: int
    commit_ids: tuple[int, ...] = ()
    """The Commits that its Final answers: the newest, and before it those that it superseded."""


def check_start(start: Start) -> None:
    """Raise Refused for what this server does not do, saying what would do."""
    check_version(start.protocol, PROTOCOL)
    language = start.language.lower().replace("_", "-").split("-")[0]
    if language != "en":
        raise Refused("language", f"only English (en) is understood here, not {start.language!r}")
    if start.sample_rate_hz != SAMPLE_RATE_HZ:
        raise Refused("sample_rate", f"audio must have {SAMPLE_RATE_HZ} Hz, not {start.sample_rate_hz}")
    if start.channels != 1:
        raise Refused("channels", f"audio must have 1 channel, not {start.channels}")


class Conversation:
    """What one client has said since its Start, and the tasks that follow from it."""

    def __init__(self, chunk_samples: int, tail_samples: int) -> None:
        self._chunk_bytes = chunk_samples * SAMPLE_BYTES
        self._tail_samples = tail_samples
        self._utterance_id = 0
        self._begin_sample = 0
        self._heard_samples = 0
        self._last_commit_id = -1
        self._kept = bytearray()  # the last KEPT_SAMPLES
        self._pending = bytearray()  # the utterance's audio that fills no chunk yet
        self._tasks: deque[Task] = deque()

    @property
    def utterance_id(self) -> int:
        """The utterance that audio belongs to now."""
        return self._utterance_id

    @property
    def has_tasks(self) -> bool:
        """Whether `take` has something to give."""
        return bool(self._tasks)

    @property
    def waiting_samples(self) -> int:
        """How much audio the model has yet to take."""
        return sum(len(task.work.pcm) for task in self._tasks if isinstance(task.work, Chunk)) // SAMPLE_BYTES

    @property
    def waiting_commits(self) -> int:
        """How many Commits in the line are not answered."""
        return sum(len(task.commit_ids) for task in self._tasks)

    def hear(self, pcm: bytes) -> None:
        """Take in audio, PCM16 of any length. Raises Refused for half a sample."""
        if len(pcm) % SAMPLE_BYTES:
            raise Refused("odd_audio", f"{len(pcm)} bytes are no whole number of 16-bit samples")
        self._heard_samples += len(pcm) // SAMPLE_BYTES
        self._kept += pcm
        del self._kept[: -KEPT_SAMPLES * SAMPLE_BYTES]
        self._cut(pcm)

    def commit(self, commit: Commit) -> None:
        """Owe a Final; one that is still owed for this utterance is answered together with it."""
        self._check_commit(commit)
        self._last_commit_id = commit.commit_id
        superseded = self._take_owed()
        silence = missing_silence(self._heard_samples, commit.speech_end_sample, self._tail_samples)
        tail = bytes(self._pending) + bytes(silence * SAMPLE_BYTES)
        self._plan(Finish(tail), (*superseded, commit.commit_id))

    def next_utterance(self, message: NextUtterance) -> None:
        """The next utterance begins at `from_sample`, or where what is kept begins.

        Audio of the last one that no Commit asked about is not decoded any more.
        """
        self._check_next(message)
        while self._tasks and not self._tasks[-1].commit_ids:
            self._tasks.pop()
        self._utterance_id = message.utterance_id
        self._last_commit_id = -1
        oldest_sample = self._heard_samples - len(self._kept) // SAMPLE_BYTES
        self._begin_sample = max(message.from_sample, self._begin_sample, oldest_sample)
        self._plan(Begin())
        self._pending.clear()
        self._cut(bytes(self._kept[(self._begin_sample - oldest_sample) * SAMPLE_BYTES :]))

    def take(self) -> Task | None:
        """The next task for the model, or None where there is none."""
        return self._tasks.popleft() if self._tasks else None

    def give_up(self, task: Task) -> bool:
        """Give up a task that is begun but not done, where a later one makes it pointless; else False.

        A Commit is given up for a newer one, which takes over its ids; a chunk for the next utterance.
        """
        if not task.commit_ids:
            return bool(self._tasks) and isinstance(self._tasks[0].work, Begin)
        for place, later in enumerate(self._tasks):
            if isinstance(later.work, Begin):
                return False
            if later.commit_ids:
                merged = (*task.commit_ids, *later.commit_ids)
                self._tasks[place] = Task(later.work, later.utterance_id, later.end_sample, merged)
                return True
        return False

    def _cut(self, pcm: bytes) -> None:
        self._pending += pcm
        while len(self._pending) >= self._chunk_bytes:
            chunk = bytes(self._pending[: self._chunk_bytes])
            del self._pending[: self._chunk_bytes]
            self._plan(Chunk(chunk))

    def _plan(self, work: Work, commit_ids: tuple[int, ...] = ()) -> None:
        is_chunk = isinstance(work, Chunk)
        behind_samples = len(self._pending) // SAMPLE_BYTES if is_chunk else 0
        end_sample = self._heard_samples - behind_samples
        self._tasks.append(Task(work, self._utterance_id, end_sample, commit_ids))

    def _take_owed(self) -> tuple[int, ...]:
        """Remove an unanswered Finish of this utterance from the line; its commit ids."""
        for place in range(len(self._tasks) - 1, -1, -1):
            if isinstance(self._tasks[place].work, Begin):
                break
            if owed := self._tasks[place].commit_ids:
                del self._tasks[place]
                return owed
        return ()

    def _check_commit(self, commit: Commit) -> None:
        refuse = partial(Refused, fatal=False, utterance_id=commit.utterance_id, commit_id=commit.commit_id)
        if commit.utterance_id != self._utterance_id:
            sentence = f"the utterance is {self._utterance_id}, not {commit.utterance_id}"
            raise refuse("unknown_utterance", sentence)
        if commit.commit_id <= self._last_commit_id:
            sentence = f"commit ids rise within an utterance; the last was {self._last_commit_id}"
            raise refuse("commit_id", sentence)
        if commit.speech_end_sample > self._heard_samples:
            sentence = f"{self._heard_samples} samples have come, not {commit.speech_end_sample}"
            raise refuse("beyond_audio", sentence)

    def _check_next(self, message: NextUtterance) -> None:
        if message.utterance_id <= self._utterance_id:
            sentence = f"utterance ids rise; the last was {self._utterance_id}"
            raise Refused("utterance_id", sentence, fatal=False, utterance_id=message.utterance_id)
        if message.from_sample > self._heard_samples:
            sentence = f"{self._heard_samples} samples have come, not {message.from_sample}"
            raise Refused("beyond_audio", sentence, fatal=False, utterance_id=message.utterance_id)
