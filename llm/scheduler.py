"""Many answers from one model, on the one thread that owns it.

    event loop                        model's thread, turn by turn
    generate ── Job ── Intake ──>     take jobs -> place each in a sequence of the model's memory
                                      step: the next token of every answer, a piece of each prompt
    async for  <── call_soon ──       choose tokens, deliver them

Everything is settled between two steps: answers are cancelled, begun and copied from only there. So
a caller waits for others at most as long as one step takes, and no state is ever half-way.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from loguru import logger

from llm.batch import shares
from llm.generator import ChatFormat, GeneratorBroken, ModelFailed, Sampling
from llm.intake import Event, Intake, Job
from llm.model import Model, Row, Sampler
from llm.transcript import History, Placement, already_holds, place

FAILURES_IN_A_ROW = 3
"""So many failed steps without a good one between them, and the model counts as broken."""


@dataclass
class Slot:
    """One sequence of the model's memory, and the answer that is being made in it."""

    sequence: int
    tokens: list[int] = field(default_factory=list[int])
    """What is evaluated."""
    used_s: float = 0.0
    job: Job | None = None
    sampler: Sampler | None = None
    chosen: int | None = None
    """Said, and not evaluated yet: it is no part of the memory."""
    said: int = 0
    cached_tokens: int = 0
    events: list[Event] = field(default_factory=list[Event])

    def history(self) -> History:
        """What this sequence offers to a new prompt."""
        return History(self.sequence, self.tokens, self.job is not None, self.used_s)

    def begin(self, job: Job, sampler: Sampler | None) -> None:
        """Serve a job whose prompt begins with `tokens`."""
        self.job, self.sampler, self.chosen = job, sampler, None
        self.said, self.cached_tokens = 0, len(self.tokens)

    def unread(self, most: int) -> list[int]:
        """The next `most` tokens of the prompt that are to be evaluated."""
        return self.job.prompt[len(self.tokens) : len(self.tokens) + most] if self.job else []

    @property
    def unread_tokens(self) -> int:
        """How much of the prompt is not evaluated yet."""
        return max(0, len(self.job.prompt) - len(self.tokens)) if self.job else 0

    def deliver(self) -> None:
        """Hand over what has happened."""
        if self.job and self.events:
            self.job.deliver(self.events, self.cached_tokens)
        self.events.clear()

    def end(self, *events: Event) -> None:
        """Be free for another job; the tokens stay."""
        self.events += events
        self.deliver()
        if self.sampler:
            self.sampler.close()
        self.job = self.sampler = self.chosen = None
        self.used_s = monotonic()


class Scheduler:
    """A generator.Generator: makes answers for many callers with one model."""

    def __init__(self, open_model: Callable[[], Model], *, piece_tokens: int, room: int) -> None:
        """`open_model` runs on the thread that will own the model. At most `room` jobs wait."""
        self._open_model = open_model
        self._piece_tokens = piece_tokens
        self._intake = Intake(room)
        self._thread = threading.Thread(target=self._own_model, name="model", daemon=True)
        self._slots: list[Slot] = []
        self._failures = 0

    @property
    def context_tokens(self) -> int:
        """The most that a prompt and its answer may have together."""
        return self._model.context_tokens

    @property
    def chat_format(self) -> ChatFormat:
        """From the model's file."""
        return self._model.chat_format

    @property
    def active(self) -> int:
        """Answers being made now."""
        return sum(slot.job is not None for slot in self._slots)

    @property
    def waiting(self) -> int:
        """Requests that no answer has begun for."""
        return len(self._intake)

    async def load(self) -> None:
        """Open the model. Raises what opening raises; cancelling does not stop the opening."""
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[Model] = self._loop.create_future()
        self._thread.start()
        self._model = await self._opened

    async def tokenise(self, text: str) -> list[int]:
        """On another thread: 100,000 characters take 30 to 300 ms."""
        return await asyncio.to_thread(self._model.tokenise, text)

    def generate(self, prompt: Sequence[int], sampling: Sampling) -> Job:
        """Begin an answer. Raises Refused where too many wait, GeneratorBroken after the end."""
        job = Job(prompt, sampling, self._intake.forget)
        self._intake.put(job)
        return job

    def close(self) -> None:
        """Stop the thread and free the model. Waits for one step at most, and not for the opening."""
        self._tell_waiting("the model is closed")
        if self._slots:
            self._thread.join()

    def _own_model(self) -> None:
        """What the thread does from its start to its end; whatever breaks it, those who wait hear of it."""
        try:
            model = self._open_model()
        except Exception as error:
            self._settle(self._opened.set_exception, error)
            return
        self._slots = [Slot(sequence) for sequence in range(model.sequences)]
        self._settle(self._opened.set_result, model)
        try:
            while not self._intake.closed:
                self._turn(model)
        except Exception as error:
            logger.exception("the model's thread broke")
            self._tell_waiting(str(error))
        for slot in self._busy():
            slot.end(GeneratorBroken("the model is closed"))
        model.close()

    def _turn(self, model: Model) -> None:
        self._drop_cancelled()
        for job in self._intake.take(len(self._slots) - self.active, wait=not self.active):
            self._begin(model, job)
        rows = self._compose()
        if not rows or self._step(model, rows):
            self._choose(model, rows)
        for slot in self._busy():
            slot.deliver()

    def _drop_cancelled(self) -> None:
        for slot in self._busy():
            if slot.job and slot.job.cancelled:
                slot.end()

    def _begin(self, model: Model, job: Job) -> None:
        histories = [slot.history() for slot in self._slots]
        only_reads = job.sampling.max_tokens == 0
        if only_reads and already_holds(histories, job.prompt):
            job.deliver(["stop"], len(job.prompt))
            return
        room = 0 if only_reads else 1
        placement = place(histories, job.prompt, rewinds=model.rewinds, now_s=monotonic(), room=room)
        slot = self._prepare(model, placement)
        slot.begin(job, None if only_reads else model.sampler(job.sampling))

    def _prepare(self, model: Model, placement: Placement) -> Slot:
        """Make the memory of a sequence what the placement says, or empty where the model refuses."""
        slot, source = self._slots[placement.sequence], self._slots[placement.source]
        if slot is not source:
            model.copy(source.sequence, slot.sequence)
            slot.tokens = list(source.tokens)
        kept = placement.kept
        if kept < len(slot.tokens) and not model.keep(slot.sequence, kept):
            model.keep(slot.sequence, 0)
            kept = 0
        del slot.tokens[kept:]
        return slot

    def _compose(self) -> list[Row]:
        """The next step: one token of each answer, and a fair share of each prompt."""
        busy = self._busy()
        rows = [
            Row(slot.chosen, len(slot.tokens), slot.sequence, chooses=True)
            for slot in busy
            if slot.chosen is not None
        ]
        readers = [slot for slot in busy if slot.chosen is None]
        budget = max(self._piece_tokens, len(readers))
        granted = shares([slot.unread_tokens for slot in readers], budget)
        for slot, share in zip(readers, granted, strict=True):
            ends = share == slot.unread_tokens and slot.sampler is not None
            for i, token in enumerate(slot.unread(share)):
                chooses = ends and i == share - 1
                rows.append(Row(token, len(slot.tokens) + i, slot.sequence, chooses))
        return rows

    def _step(self, model: Model, rows: Sequence[Row]) -> bool:
        """Evaluate the rows; False where the model failed, and with it all that it was doing."""
        try:
            model.step(rows)
        except ModelFailed as error:
            self._fail(model, error)
            return False
        self._failures = 0
        for row in rows:
            self._slots[row.sequence].tokens.append(row.token)
        return True

    def _choose(self, model: Model, rows: Sequence[Row]) -> None:
        for i, row in enumerate(rows):
            slot = self._slots[row.sequence]
            if row.chooses and slot.sampler and slot.job:
                self._say(model, slot, slot.job.sampling.max_tokens, slot.sampler.choose(i))
        for slot in self._busy():
            if slot.sampler is None and not slot.unread_tokens:
                slot.end("stop")

    def _say(self, model: Model, slot: Slot, most: int, token: int) -> None:
        if model.ends(token):
            slot.end("stop")
            return
        slot.chosen = token
        slot.said += 1
        slot.events.append(model.text_of(token))
        if slot.said >= most or len(slot.tokens) >= model.context_tokens:
            slot.end("length")

    def _fail(self, model: Model, error: ModelFailed) -> None:
        """Lose what was being made, and what was remembered: after a failed step it may be wrong."""
        logger.error("{}", error)
        for slot in self._busy():
            slot.end(ModelFailed(str(error)))
        model.clear()
        for slot in self._slots:
            slot.tokens.clear()
        self._failures += 1
        if self._failures >= FAILURES_IN_A_ROW:
            raise GeneratorBroken(f"{self._failures} steps in a row failed; the last: {error}")

    def _busy(self) -> list[Slot]:
        return [slot for slot in self._slots if slot.job]

    def _settle(self, settle: Callable[..., None], outcome: object) -> None:
        """Tell `load` on its loop; a loop that is closed does not wait."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(lambda: self._opened.done() or settle(outcome))

    def _tell_waiting(self, why: str) -> None:
        for job in self._intake.close():
            job.deliver([GeneratorBroken(why)], 0)
