"""One speech, between the session that asked for it and the device thread that makes it.

    event loop                          device thread
    speak, finish ─► (scheduler) ─────► accept(piece) ──┐
    take() ◄──────── pieces, at most AHEAD_MS more ◄────┘

Each field is written by one side only, so none needs a lock.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from time import monotonic

from tts_server.speech_audio import Sound, SpeechAudio
from tts_server.spoken_text import Segment
from tts_server.synthesizer import Piece, Stream, Wish

AHEAD_MS = 4_000
"""How far the model may run ahead of what the session has taken. A segment that is begun is finished by
some models, so a speech holds at most this and one segment: some 20 s, under 1 MB. A client that reads
slowly, or not at all, costs no more; the device thread never waits for it."""


class Speech:
    """Made by a Scheduler, on the event loop."""

    def __init__(
        self,
        owner: Hashable,
        wish: Wish,
        rates_hz: tuple[int, int],
        room_made: Callable[[], None],
    ) -> None:
        """`owner` shares the model fairly with others; `rates_hz` are the model's and the client's."""
        self.owner = owner
        self.wish = wish
        self.wanted = True
        self.stream: Stream | None = None
        """The device thread's."""
        self._asked_s = monotonic()
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._audio = SpeechAudio(*rates_hz)
        self._room_made = room_made
        self._ahead_samples = rates_hz[0] * AHEAD_MS // 1000
        self._pieces: deque[Piece] = deque()
        self._made_samples = 0
        self._taken_samples = 0
        self._error: Exception | None = None
        self._waiting: deque[int] = deque()
        self._asked = False
        self._finished = False

    @property
    def finished(self) -> bool:
        """Whether no more text will come."""
        return self._finished

    @property
    def ended(self) -> bool:
        """Whether all of it has been taken."""
        return self._finished and not self._waiting and not self._pieces

    @property
    def asked_since_s(self) -> float:
        """How long ago the first text with something to say came."""
        return monotonic() - self._asked_s

    @property
    def waiting_characters(self) -> int:
        """How much text is not spoken yet."""
        return sum(self._waiting)

    def expect(self, segments: list[Segment]) -> None:
        """More text has been asked for; the scheduler has it spoken."""
        if segments and not self._asked:
            self._asked, self._asked_s = True, monotonic()
        self._waiting.extend(len(segment.text) for segment in segments)

    def finish(self) -> None:
        """No more text will come: take() ends after the last of it."""
        self._finished = True
        self._wake.set()

    async def take(self) -> Sound | None:
        """The next of the speech, as soon as it is made; None after the last. Cancelling loses nothing.

        Raises RuntimeError where the model failed.
        """
        while not self._pieces:
            if self._error is not None:
                raise RuntimeError("the model failed") from self._error
            if self.ended:
                return None
            self._wake.clear()
            await self._wake.wait()
        piece = self._pieces.popleft()
        self._taken_samples += len(piece.pcm)
        if piece.last:
            self._waiting.popleft()
        self._room_made()
        return self._audio.push(piece)

    # From here on: for the device thread.

    @property
    def has_room(self) -> bool:
        """Whether the model may go on with this speech."""
        return self._made_samples - self._taken_samples < self._ahead_samples

    def accept(self, piece: Piece) -> bool:
        """Hand a piece over; never waits. False where nobody wants it."""
        if self.wanted:
            self._pieces.append(piece)
            self._made_samples += len(piece.pcm)
            if len(self._pieces) <= 1:  # else take() has not come to the last one, and will find this too
                self._wake_loop()
        return self.wanted

    def fail(self, error: Exception) -> None:
        """The model failed on this speech."""
        self._error = error
        self._wake_loop()

    def _wake_loop(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._wake.set)
        except RuntimeError:  # the loop is closed: the server stops
            self.wanted = False
