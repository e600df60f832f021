"""What TTS servers with a script share: speeches side by side, and in each one text after the other."""

import asyncio
from abc import abstractmethod
from contextlib import suppress

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

import tts_server.protocol as tts
from tests.agent.stand_ins import WebSocketStandIn
from wire.message import Message


class SpeakingServer(WebSocketStandIn):
    """Holds the conversation; what a speech sounds like is the subclass's."""

    path = tts.PATH
    hz = 24_000

    @abstractmethod
    def _begin(self, connection: ServerConnection, opened: tts.Open) -> "ServedSpeech":
        """A speech that was asked for."""

    async def _converse(self, connection: ServerConnection) -> None:
        speeches: dict[int, ServedSpeech] = {}
        async with asyncio.TaskGroup() as speaking:
            with suppress(ConnectionClosed):
                async for frame in connection:
                    message = tts.parse_client_message(str(frame))
                    await self._take(connection, speeches, message, speaking)
            for speech in speeches.values():
                speech.stop()

    async def _take(
        self,
        connection: ServerConnection,
        speeches: dict[int, "ServedSpeech"],
        message: Message,
        speaking: asyncio.TaskGroup,
    ) -> None:
        match message:
            case tts.Start():
                ready = tts.Ready(model="script", voices=("one",), sample_rate_hz=self.hz)
                await connection.send(ready.json_text())
            case tts.Open():
                speech = speeches[message.speech_id] = self._begin(connection, message)
                speech.task = speaking.create_task(speech.run())
            case tts.Speak() | tts.Finish() | tts.Cancel() if message.speech_id in speeches:
                await speeches[message.speech_id].obey(message)
            case _:
                pass


class ServedSpeech:
    """One speech: its texts wait for one another."""

    def __init__(self, connection: ServerConnection, opened: tts.Open) -> None:
        self.connection = connection
        self.id, self.hz = opened.speech_id, opened.sample_rate_hz or SpeakingServer.hz
        self.samples, self._ended = 0, False
        self.texts: asyncio.Queue[str | None] = asyncio.Queue()  # bounded by the length of an answer
        self.task: asyncio.Task[None] | None = None

    @abstractmethod
    async def run(self) -> None:
        """Say the texts, until there is None."""

    async def obey(self, message: tts.Speak | tts.Finish | tts.Cancel) -> None:
        match message:
            case tts.Speak(text=text):
                self.texts.put_nowait(text)
            case tts.Finish():
                self.texts.put_nowait(None)
            case tts.Cancel():
                self.stop()
                await self.end(cancelled=True)

    def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()

    async def say(self, word: str, pcm: bytes, *, audio_first: bool = False) -> None:
        """A word, and what it sounds like."""
        words = tts.Words(speech_id=self.id, words=((word, self.samples),)).json_text()
        audio = tts.encode_audio(tts.Audio(self.id, self.samples, pcm))
        for frame in (audio, words) if audio_first else (words, audio):
            await self.connection.send(frame)
        self.samples += len(pcm) // tts.SAMPLE_BYTES

    async def end(self, *, cancelled: bool) -> None:
        if not self._ended:
            self._ended = True
            over = tts.AudioEnd(speech_id=self.id, samples=self.samples, cancelled=cancelled)
            await self.connection.send(over.json_text())
