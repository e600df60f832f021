"""One thread owns the model. It serves everybody in turn, one segment each, and waits for no client.

sessions ──► FairQueue ──► streams that are ready ──► one step of the model ──► Speech ──► sessions
"""

import asyncio
import threading
from collections.abc import Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from loguru import logger

from tts_server.fair_queue import FairQueue
from tts_server.speech import Speech
from tts_server.spoken_text import Segment
from tts_server.synthesizer import Stream, Synthesizer, Wish


class Job(NamedTuple):
    """A segment that is to be spoken."""

    speech: Speech
    segment: Segment


class Scheduler:
    """What sessions ask to speak. Its methods are the event loop's; what begins with _on_device is not."""

    def __init__(self, synthesizer: Synthesizer) -> None:
        self.synthesizer = synthesizer
        self._device = ThreadPoolExecutor(1, "device")
        self._lock = threading.Lock()
        """Over the three that follow; held for microseconds, by the device thread too."""
        self._jobs: FairQueue[Job] = FairQueue()
        self._running = False
        self._speaking: list[Speech] = []
        """Speeches whose segment is begun and not ended, next first."""

    async def load(self) -> None:
        """Bring the model up, on its thread. Cancelling leaves it to finish by itself."""
        await asyncio.get_running_loop().run_in_executor(self._device, self.synthesizer.load)

    def open(self, owner: Hashable, wish: Wish, rate_hz: int) -> Speech:
        """A speech, heard at `rate_hz`; callers of the same `owner` share one turn."""
        return Speech(owner, wish, (self.synthesizer.sample_rate_hz, rate_hz), self._run_if_needed)

    def speak(self, speech: Speech, segments: list[Segment]) -> None:
        """Have segments spoken, after those that were asked for before."""
        speech.expect(segments)
        with self._lock:
            for segment in segments:
                self._jobs.push(speech.owner, Job(speech, segment))
        self._run_if_needed()

    def drop(self, speech: Speech) -> None:
        """Stop a speech: nothing of it is begun any more, and what is begun stops at its next piece."""
        speech.wanted = False
        with self._lock:
            self._jobs.drop(speech.owner, lambda job: job.speech is speech)

    def _run_if_needed(self) -> None:
        with self._lock:
            if not self._running and len(self._jobs) + len(self._speaking):
                self._running = True
                self._device.submit(self._on_device).add_done_callback(_complain)

    def _on_device(self) -> None:
        while ready := self._on_device_take_ready():
            self._on_device_step(ready)

    def _on_device_take_ready(self) -> list[Job | Speech]:
        """Speeches to go on with, and jobs to begin: at most what the model takes in one step.

        Under the lock as a whole: a session that makes room meanwhile finds the thread stopped, and
        starts it.
        """
        batch = self.synthesizer.batch
        with self._lock:
            self._speaking = [speech for speech in self._speaking if _goes_on(speech)]
            ready: list[Job | Speech] = []
            ready += [speech for speech in self._speaking if speech.has_room][:batch]
            begun = set(map(id, self._speaking))
            while len(ready) < batch:
                job = self._jobs.pop(lambda job: job.speech.has_room and id(job.speech) not in begun)
                if job is None:
                    break
                begun.add(id(job.speech))
                ready.append(job)
            self._running = bool(ready)
        return ready

    def _on_device_step(self, ready: list[Job | Speech]) -> None:
        """One step of the model. The one place where its errors are caught: they go to the sessions."""
        speeches = [item.speech if isinstance(item, Job) else item for item in ready]
        try:
            streams = [self._on_device_stream(item) for item in ready]
            self.synthesizer.step(streams)
        except Exception as error:
            logger.opt(exception=True).error("the model failed on {} speeches", len(speeches))
            for speech in speeches:
                speech.fail(error)
                speech.wanted = False
        self._speaking = [speech for speech in self._speaking if speech not in speeches] + speeches

    def _on_device_stream(self, item: Job | Speech) -> Stream:
        speech = item.speech if isinstance(item, Job) else item
        if speech.stream is None:
            speech.stream = self.synthesizer.open(speech.wish, speech.accept)
        if isinstance(item, Job):
            speech.stream.begin(item.segment)
        return speech.stream


def _goes_on(speech: Speech) -> bool:
    return speech.wanted and speech.stream is not None and speech.stream.speaking


def _complain(done: Future[None]) -> None:
    if error := done.exception():
        logger.opt(exception=error).critical("the device thread stopped")
