"""A speech that is synthesised before anybody knows whether it will be heard.

The TTS server speaks it as any other; here its audio and its words are kept, in order, until Pipecat's own
frames bring the same text, or it is dropped. Pure.
"""

from collections import deque
from typing import NamedTuple

from agent.speculation import Ahead
from tts_server.protocol import Audio, Words

ENDS = (".", "!", "?")
MAX_CHARACTERS = 300
"""Some 20 s of speech, 1 MB of audio: more than is ever needed by the time that a verdict takes. What the
answer has beyond is spoken once it is one."""


class Rehearsal:
    """One answer's."""

    def __init__(self, ahead: Ahead) -> None:
        self.ahead = ahead
        self.speech_id: int | None = None
        """The server's, once it has been asked to say something."""
        self.spoke_s = 0.0
        """When that was."""
        self.sentences: deque[str] = deque()
        """What the server has been asked to say, in order."""
        self.kept: deque[Audio | Words] = deque()
        """What has come of it, in order."""
        self.is_full = False
        self.guessed: str | None = None
        """The first sentence, where it may go on."""

    def guess(self, text: str) -> bool:
        """Whether the text so far looks like a first sentence; wrong where "5." becomes "5.50".

        Whoever cuts sentences waits for what follows, but nothing of a rehearsal has been heard.
        """
        looks_whole = not self.sentences and text.endswith(ENDS) and any(map(str.isalnum, text))
        self.guessed = text if looks_whole else self.guessed
        return looks_whole

    def say(self, text: str) -> bool:
        """Take in a sentence; whether the server is to be asked for it. After one that is not, none is."""
        self.is_full |= sum(map(len, self.sentences)) + len(text) > MAX_CHARACTERS
        if not self.is_full:
            self.sentences.append(text)
        return not self.is_full

    def fail(self) -> None:
        """Nothing will come of it."""
        self.speech_id, self.is_full = None, True
        self.sentences.clear()
        self.kept.clear()

    def keep(self, piece: Audio | Words, now_s: float) -> None:
        """Take in what has come."""
        if isinstance(piece, Audio) and self.ahead.ready_s is None:
            self.ahead.ready_s = now_s
        self.kept.append(piece)


class Performed(NamedTuple):
    """The audio context of a rehearsed answer that is heard."""

    context_id: str
    sentences: deque[str]
    """Of them the server has been asked already; Pipecat brings each once more."""
