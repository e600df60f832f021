"""espeak-ng in process: a small formant voice, no download, some 1,000 times faster than speech.

The library comes with the PyPI package espeakng-loader. It is under the GPL, version 3 or later, so it is an
optional extra. Its state is global, so there is one of it in a process, under a lock. It is not reproducible:
the flutter in its pitch goes on from one call to the next, and the same text gives lengths that differ by up
to 2 % (measured over ten voices).
"""

import ctypes
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from tts_server.spoken_text import Segment
from tts_server.stretch import stretch
from tts_server.synthesizer import Emit, Pcm, Piece, Stream, TimedWord, Voice, Wish
from tts_server.word_pieces import WordPieces

BUFFER_MS = 200
"""How much audio the library hands over at a time: 0.2 ms of its work. Each time it waits for Python.
Over 450 words per minute the library tells word times wrong by up to this; clients are not told them then."""

# From espeak-ng's speak_lib.h.
AUDIO_OUTPUT_SYNCHRONOUS = 2
DONT_EXIT = 0x8000
CHARACTERS_UTF8 = 1
END_PAUSE = 0x1000
RATE = 1
LIST_TERMINATED, WORD = 0, 1
GO_ON, ABORT = 0, 1

LANGUAGES = {
    "en-us": ("en-US", "gmw/en-US"),
    "en-gb": ("en-GB", "gmw/en"),
    "en-gb-scotland": ("en-GB-scotland", "gmw/en-GB-scotland"),
    "de": ("de-DE", "gmw/de"),
    "es": ("es-ES", "roa/es"),
    "es-419": ("es-419", "roa/es-419"),
    "fr": ("fr-FR", "roa/fr"),
    "it": ("it-IT", "roa/it"),
    "nl": ("nl-NL", "gmw/nl"),
    "pt-br": ("pt-BR", "roa/pt-BR"),
}
"""The voices that are offered, of the library's hundred: their language, and the file that makes them."""
VARIANTS = ("", "+f3", "+m3")
"""The voice itself, a woman's, and another man's."""
VOICES = {
    name + variant: Voice(name + variant, LANGUAGES[name][0]) for name in LANGUAGES for variant in VARIANTS
}

# How long the same two texts took at a rate in words per minute, as a share of what they took at 175
# (measured). What the library calls a rate is not proportional: 350 is 2.2 times as fast as 175.
RATES = (80, 100, 120, 140, 175, 200, 250, 300, 350, 400, 450, 500, 600, 700, 800, 900)
DURATIONS = (2.14, 1.80, 1.49, 1.26, 1.0, 0.87, 0.70, 0.56, 0.46, 0.40, 0.39, 0.35, 0.29, 0.25, 0.22, 0.19)

Take = Callable[[Pcm, list[tuple[int, int]]], bool]
"""Takes audio and the words that begin in it: (position in the text, sample), both from 0. False to stop."""


def rate_for(words_per_minute: int, pace: float) -> tuple[int, float]:
    """The library's rate for a pace, and by how much to stretch what its slowest rate leaves too fast."""
    wanted = float(np.interp(words_per_minute, RATES, DURATIONS)) / pace
    rate = round(float(np.interp(-wanted, [-duration for duration in DURATIONS], RATES)))
    return rate, max(1.0, wanted / DURATIONS[0])


class EspeakSynthesizer:
    """Implements the seam for espeak-ng, one segment at a time."""

    model = "espeak-ng"
    sample_rate_hz = 22_050
    batch = 1

    def __init__(self, voice: str, words_per_minute: int) -> None:
        """Raises ValueError for a voice that there is not, ImportError where the library is not installed."""
        if voice not in VOICES:
            raise ValueError(f"no voice {voice!r}; there are {', '.join(VOICES)}")
        _loader()
        self.default_voice = voice
        self._words_per_minute = words_per_minute

    @property
    def voices(self) -> Mapping[str, Voice]:
        """All that a client may ask for."""
        return VOICES

    def load(self) -> None:
        """Bring the library up and speak once: the first text in a language loads its dictionary."""
        _library().speak(
            "ready", _voice_file(self.default_voice), self._words_per_minute, False, lambda *_: True
        )

    def open(self, wish: Wish, emit: Emit) -> "EspeakStream":
        """A stream for one speech."""
        return EspeakStream(wish, rate_for(self._words_per_minute, wish.pace), emit)

    def step(self, streams: Sequence[Stream]) -> None:
        """Speak a whole segment; its audio is emitted while it is made."""
        for stream in streams:
            assert isinstance(stream, EspeakStream)
            stream.speak()


class EspeakStream:
    """The next segment of a speech, and how it shall sound: the library remembers nothing between two."""

    def __init__(self, wish: Wish, rate: tuple[int, float], emit: Emit) -> None:
        self._voice_file = _voice_file(wish.voice)
        self._words_per_minute, self._stretch = rate
        self._emit = emit if self._stretch == 1 else _Slower(emit, self._stretch)
        self._segment: Segment | None = None

    @property
    def speaking(self) -> bool:
        """Whether a segment is begun."""
        return self._segment is not None

    def begin(self, segment: Segment) -> None:
        """Take the next segment."""
        self._segment = segment

    def speak(self) -> None:
        """Speak the segment; it is done with afterwards, also where it was stopped."""
        segment, self._segment = self._segment, None
        assert segment is not None
        pieces = WordPieces(segment)

        def take(pcm: Pcm, marks: list[tuple[int, int]]) -> bool:
            pieces.push(pcm)
            ready = [piece for mark in marks if (piece := pieces.mark(*mark))]
            return all([self._emit(piece) for piece in ready])

        arguments = segment.text, self._voice_file, self._words_per_minute, segment.pauses
        if _library().speak(*arguments, take):
            self._emit(pieces.flush())


class _Slower:
    """Holds a segment and emits it slower, as one piece."""

    def __init__(self, emit: Emit, factor: float) -> None:
        self._emit = emit
        self._factor = factor
        self._held: list[Piece] = []

    def __call__(self, piece: Piece) -> bool:
        self._held.append(piece)
        if not piece.last:
            return self._emit(Piece())  # nothing yet, but is it still wanted?
        held, self._held = self._held, []
        pcm = np.concatenate([piece.pcm for piece in held])
        words = [word for piece in held for word in piece.words]
        slower = tuple(TimedWord(word.word, int(word.start_sample * self._factor)) for word in words)
        return self._emit(
            Piece(stretch(pcm, self._factor, EspeakSynthesizer.sample_rate_hz), slower, last=True)
        )


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # in characters, from 1
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class _Library:
    """The C library: one instance in a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._c = self._open()
        self._voice_file = ""
        self._take: Take = lambda *_: False
        self._error: BaseException | None = None
        self._stopped = False
        self._callback = _CALLBACK(self._deliver)  # kept: the library holds a bare pointer to it
        self._c.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str, voice_file: str, words_per_minute: int, pauses: bool, take: Take) -> bool:
        """Speak a text; `take` is called in this thread. False where it stopped the speech.

        `pauses`: whether silence follows, as after a sentence. Raises RuntimeError where the library fails.
        """
        encoded = text.encode()
        flags = CHARACTERS_UTF8 | (END_PAUSE if pauses else 0)  # and not SSML, nor phonemes in [[ ]]
        with self._lock:
            self._set_voice(voice_file)
            self._c.espeak_SetParameter(RATE, words_per_minute, 0)
            self._take, self._error, self._stopped = take, None, False
            status = self._c.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, flags, None, None)
            if self._error is not None:
                raise self._error
        if status != 0:
            raise RuntimeError(f"espeak-ng failed with status {status}")
        return not self._stopped

    def _deliver(self, wave: Any, count: int, events: Any) -> int:
        """Called by the library. Nothing may be raised into C: it is kept, and raised after the call."""
        if self._stopped:
            return ABORT
        try:
            pcm = (
                np.ctypeslib.as_array(wave, (count,)).copy() if wave and count > 0 else np.zeros(0, np.int16)
            )
            self._stopped = not self._take(pcm, _word_marks(events))
        except BaseException as error:
            self._error, self._stopped = error, True
        return ABORT if self._stopped else GO_ON

    def _set_voice(self, voice_file: str) -> None:
        if voice_file == self._voice_file:
            return
        if self._c.espeak_SetVoiceByName(voice_file.encode()) != 0:
            raise RuntimeError(f"espeak-ng has no voice file {voice_file}")
        self._voice_file = voice_file

    def _open(self) -> ctypes.CDLL:
        loader = _loader()
        c = ctypes.CDLL(loader.get_library_path())
        c.espeak_Synth.argtypes = [
            *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int),
            *(ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p),
        ]
        home = os.fsencode(os.path.dirname(loader.get_data_path()))
        rate_hz = c.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, BUFFER_MS, home, DONT_EXIT)
        if rate_hz != EspeakSynthesizer.sample_rate_hz:
            raise RuntimeError(f"espeak-ng did not start: it answers {rate_hz} for its sample rate")
        return c


def _word_marks(events: Any) -> list[tuple[int, int]]:
    marks: list[tuple[int, int]] = []
    index = 0
    while (event := events[index]).type != LIST_TERMINATED:
        if event.type == WORD:
            marks.append((event.text_position - 1, event.sample))
        index += 1
    return marks


def _voice_file(voice: str) -> str:
    name, plus, variant = voice.partition("+")
    return LANGUAGES[name][1] + plus + variant


def _loader() -> Any:
    try:
        import espeakng_loader
    except ImportError:
        extra = "pip install 'voice-agent[tts-espeak]'"
        raise ImportError(f"the engine espeak needs espeak-ng (GPL 3 or later): {extra}") from None
    return espeakng_loader


@cache
def _library() -> _Library:
    return _Library()
