"""From a model's pieces to the samples that are sent: no silence at the ends, at the rate asked for. Pure.

Silence before the first sound is dropped. Silence after a sound is held until more sound follows it, so a
speech that is finished does not end in the pause that its last sentence would make before another.

Each segment is resampled by itself, to its last sample: soxr's HQ holds back up to 42 ms (80 ms at 8 kHz),
which would be the end of the word that the client waits for. Segments begin and end in silence, so this
is not heard; and the result does not depend on how the audio was cut into pieces.
"""

from typing import Any, NamedTuple, cast

import numpy as np
import soxr

from tts_server.synthesizer import Pcm, Piece, TimedWord
from tts_server.word_pieces import SILENT

NOTHING: Pcm = np.zeros(0, np.int16)


class Sound(NamedTuple):
    """What is sent of a piece: samples (T,) int16 at the client's rate; words count from the Open."""

    words: tuple[TimedWord, ...]
    pcm: Pcm


class SpeechAudio:
    """The audio of one speech. Push its pieces in order; there is nothing to flush."""

    def __init__(self, model_rate_hz: int, rate_hz: int) -> None:
        self._silence = _SilenceHeld()
        self._resampler = _Resampler(model_rate_hz, rate_hz)
        self._segment_start = 0
        """Where the present segment begins, in the model's samples, dropped ones left out."""
        self._pushed_samples = 0

    def push(self, piece: Piece) -> Sound:
        """Take the next piece."""
        kept = self._silence.push(piece.pcm)
        self._pushed_samples += len(piece.pcm)
        words = tuple(TimedWord(word.word, self._position(word.start_sample)) for word in piece.words)
        pcm = self._resampler.push(kept, last=piece.last)
        if piece.last:
            self._segment_start = self._pushed_samples - self._silence.dropped_samples
        return Sound(words, pcm)

    def _position(self, start_sample: int) -> int:
        """Only the first segment has silence dropped, at its start."""
        dropped = self._silence.dropped_samples if self._segment_start == 0 else 0
        return self._resampler.position(self._segment_start + max(0, start_sample - dropped))


class _SilenceHeld:
    """Gives out sound; drops silence before the first, and holds silence until there is more sound."""

    def __init__(self) -> None:
        self.dropped_samples = 0
        self._held: list[Pcm] = []
        self._heard = False

    def push(self, pcm: Pcm) -> Pcm:
        loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > SILENT)
        if not len(loud):
            if self._heard:
                self._held.append(pcm)
            else:
                self.dropped_samples += len(pcm)
            return NOTHING
        end = int(loud[-1]) + 1
        tail, pcm = pcm[end:], pcm[:end]
        if not self._heard:
            self._heard = True
            self.dropped_samples += int(loud[0])
            pcm = pcm[loud[0] :]
        pcm = np.concatenate([*self._held, pcm])
        self._held = [tail]
        return pcm


class _Resampler:
    """soxr, stretch by stretch, with a map from the samples that go in to those that come out."""

    def __init__(self, in_hz: int, out_hz: int) -> None:
        # Floats: for integers soxr adds dither, and the same text would not give the same bytes.
        library = cast(Any, soxr)  # it has no types
        self._soxr = library.ResampleStream(in_hz, out_hz, 1, "float32", "HQ") if in_hz != out_hz else None
        self._ratio = out_hz / in_hz
        self._in_samples = self._out_samples = 0
        self._in_base = self._out_base = 0

    def push(self, pcm: Pcm, *, last: bool) -> Pcm:
        """All of the stretch up to here where it is the last of it; else all but the resampler's delay."""
        self._in_samples += len(pcm)
        if self._soxr:
            resampled = self._soxr.resample_chunk(pcm.astype(np.float32), last)
            pcm = np.clip(np.rint(resampled), -32_768, 32_767).astype(np.int16)
        self._out_samples += len(pcm)
        if last:
            self._in_base, self._out_base = self._in_samples, self._out_samples
            if self._soxr:
                self._soxr.clear()
        return pcm

    def position(self, in_sample: int) -> int:
        """Where a sample of the present stretch comes out."""
        return self._out_base + round((in_sample - self._in_base) * self._ratio)
