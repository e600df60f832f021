"""One connection: what is read becomes tasks, what the model hears is sent.

    listen: receive ──► Conversation ──► tasks
    work:                                tasks ──► Scheduler ──► Partial, Final

Reading stops while too much waits for the model, so a client that sends a file as fast as it can is slowed
down by TCP. A client that reads too slowly stops its own `work`, then its own `listen`.
"""

import asyncio
from time import monotonic
from typing import Generic

from loguru import logger

from asr_server.conversation import Conversation, Task, check_start
from asr_server.metrics import Metrics
from asr_server.protocol import (
    SAMPLE_BYTES,
    SAMPLE_RATE_HZ,
    Commit,
    Final,
    NextUtterance,
    Partial,
    Ready,
    Start,
)
from asr_server.recognizer import Chunk, GoOn, Heard, S
from asr_server.scheduler import Scheduler
from asr_server.settings import AsrSettings, samples
from wire.connection import Connection
from wire.message import Refused
from wire.service import Service

ClientMessage = Start | Commit | NextUtterance
PACKET_MS = 20
MAX_WAITING_COMMITS = 64
"""More than a pause detector can ask for while one final is decoded; then reading stops."""


class Session(Generic[S]):
    """Serves one client from Start to hang-up."""

    def __init__(
        self,
        connection: Connection[ClientMessage],
        service: Service,
        settings: AsrSettings,
        scheduler: Scheduler[S],
        metrics: Metrics,
    ) -> None:
        self._connection = connection
        self._service = service
        self._scheduler = scheduler
        self._metrics = metrics
        self._conversation = Conversation(scheduler.recognizer.chunk_samples, samples(settings.tail_ms))
        self._backlog_samples = samples(settings.backlog_ms)
        self._more = asyncio.Event()  # there is a task
        self._room = asyncio.Event()  # the next message may be read
        self._waiting_s = 0.0  # what the metrics know of the backlog
        self._committed_s: dict[tuple[int, int], float] = {}  # when each unanswered Commit came
        self._final_s: float | None = None  # how long this utterance's last Final took
        self._text = ""  # what the client was told last of this utterance

    async def run(self) -> None:
        """Serve until the client hangs up (HungUp) or must go (Refused). Cancelling ends it too."""
        start = await self._connection.receive_start(Start)
        with logger.contextualize(call=self._connection.call):
            check_start(start)
            try:
                async with self._scheduler.stream() as stream:
                    await self._talk(stream)
            finally:
                self._report_backlog(0.0)

    async def _talk(self, stream: S) -> None:
        recognizer = self._scheduler.recognizer
        chunk_ms = 1000 * recognizer.chunk_samples // SAMPLE_RATE_HZ
        await self._connection.send(Ready(model=recognizer.model, chunk_ms=chunk_ms, packet_ms=PACKET_MS))
        logger.info("stream opened")
        with self._metrics.streams.track_inprogress():
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen())
                tasks.create_task(self._work(stream))

    async def _listen(self) -> None:
        while True:
            message = await self._connection.receive()
            try:
                self._obey(message)
            except Refused as refused:
                if refused.fatal:
                    raise
                self._service.report(refused)
                await self._connection.send(refused.as_failed())
            self._balance()
            await self._room.wait()

    async def _work(self, stream: S) -> None:
        while True:
            task = self._conversation.take()
            self._balance()
            if task is None:
                await self._more.wait()
            elif heard := await self._do(stream, task):
                await self._tell(task, heard)

    async def _do(self, stream: S, task: Task) -> Heard | None:
        """What the model hears, or None where the task was given up."""
        heard = await self._scheduler.step(stream, task.work)
        while not heard.done:
            if self._conversation.give_up(task):
                return None
            heard = await self._scheduler.step(stream, GoOn())
        return heard

    async def _tell(self, task: Task, heard: Heard) -> None:
        utterance_id, text, end_sample = task.utterance_id, heard.text, task.end_sample
        for commit_id in task.commit_ids:
            final = Final(
                utterance_id=utterance_id,
                commit_id=commit_id,
                text=text,
                end_sample=end_sample,
                confidence=heard.confidence,
            )
            await self._connection.send(final)
            self._final_s = monotonic() - self._committed_s.pop((utterance_id, commit_id))
            self._metrics.time_to_final.observe(self._final_s)
        if utterance_id != self._conversation.utterance_id:
            self._log_over(utterance_id)
        if isinstance(task.work, Chunk) and text != self._text:
            partial = Partial(utterance_id=utterance_id, text=text, end_sample=end_sample)
            await self._connection.send(partial)
        self._text = text

    def _obey(self, message: ClientMessage | bytes) -> None:
        match message:
            case bytes():
                self._conversation.hear(message)
                self._metrics.count_audio(len(message) / SAMPLE_BYTES / SAMPLE_RATE_HZ)
            case Commit():
                self._conversation.commit(message)
                self._committed_s[message.utterance_id, message.commit_id] = monotonic()
            case NextUtterance():
                over_id = self._conversation.utterance_id
                self._conversation.next_utterance(message)
                self._log_over(over_id)
            case Start():
                raise Refused("already_started", "this stream has been started")

    def _log_over(self, utterance_id: int) -> None:
        """The line of an utterance, when it is over and has its Final, in whichever order."""
        if self._final_s is not None:
            line = "utterance over, final in {:.0f} ms"
            logger.bind(utterance=utterance_id).info(line, 1000 * self._final_s)
            self._final_s = None

    def _balance(self) -> None:
        """Let `_work` or `_listen` go on, by how much is waiting."""
        conversation = self._conversation
        waiting_samples = conversation.waiting_samples
        self._report_backlog(waiting_samples / SAMPLE_RATE_HZ)
        has_room = (
            waiting_samples < self._backlog_samples and conversation.waiting_commits < MAX_WAITING_COMMITS
        )
        for event, is_set in ((self._more, conversation.has_tasks), (self._room, has_room)):
            if is_set:
                event.set()
            else:
                event.clear()

    def _report_backlog(self, waiting_s: float) -> None:
        self._metrics.waiting_audio.inc(waiting_s - self._waiting_s)
        self._waiting_s = waiting_s
