"""The embedded ear: PocketSphinx with a language model of a small domain. The only file that knows it.

A decoder serves one caller and cannot be copied (see `replay`), so as many are loaded as callers are let
in: 11 MB and 0.13 s each, measured with the demo's 2 MB language model. PocketSphinx holds Python's lock
while it decodes, so more threads would not decode faster, and the event loop may wait for as long as a step
lasts: 100 ms of audio, on average 7.5 ms of one core (99 of 100 at most 12, the longest of 1,750 took 62).
"""

# pyright: basic

import math
import re
from collections.abc import Sequence

import numpy as np

from asr_server.cepstra import Array, LogMel, cepstra
from asr_server.cepstral_mean import START, CepstralMean
from asr_server.confidence import Evidence, confidence
from asr_server.denoiser import WEIGHTS, Denoiser, Network
from asr_server.protocol import SAMPLE_RATE_HZ
from asr_server.recognizer import Heard, Work
from asr_server.replay import Limits, ReplayedStream, Spoken
from asr_server.settings import AsrSettings, samples
from wire.message import Refused

try:
    import pocketsphinx
except ImportError as error:
    raise ImportError(f"sphinx needs voice-agent[asr-sphinx] ({error})") from error

CHUNK_MS = 100
CHUNK_SAMPLES = samples(CHUNK_MS)
FRAMES_PER_CHUNK = CHUNK_MS // 10
QUIET_MS = 1_500
"""Longer than a pause in a turn; after 5 s of hiss, half of the sentences were misheard."""
LEAD_IN_MS = 500
DELTA_FRAMES = 3
"""How far PocketSphinx looks ahead for the changes of the cepstra; after the last frame comes the last."""

HISS = np.random.default_rng(1).normal(0, 3, CHUNK_SAMPLES).round().astype(np.int16)
"""Added to what is heard, always the same, so that replays stay equal. Browsers send almost digital silence
before speech; two seconds of it, and PocketSphinx misheard the first words (7 of 7 right with this)."""

BEAMS = {"beam": 1e-80, "pbeam": 1e-80, "wbeam": 1e-60, "pl_window": 0}
"""How unlikely a path may become before it is given up. With PocketSphinx's own (1e-48, 1e-48, 7e-29, and a
look ahead) it takes two thirds of the time, and in white noise at 10 dB gave up too many right ones: a word
error rate of 33 instead of 26 %."""

LEAST_SCORE = 1e-300
"""PocketSphinx's scores are numbers whose logarithm can be taken, but for very bad ones."""

_ALTERNATE = re.compile(r"\(\d+\)$")


class SphinxRecognizer:
    """A pool of decoders. `right_context` and `phrases` of a Start mean nothing to this engine."""

    model = "pocketsphinx-en-us"
    chunk_samples = CHUNK_SAMPLES
    max_batch = 1  # nothing is shared: a batch would only keep the others waiting

    def __init__(self, settings: AsrSettings) -> None:
        self._settings = settings
        self._limits = Limits(
            hold_chunks=settings.hold_ms // CHUNK_MS,
            replay_chunks=settings.replay_ms // CHUNK_MS,
            quiet_chunks=min(QUIET_MS, settings.replay_ms // 2) // CHUNK_MS,
            lead_in_chunks=LEAD_IN_MS // CHUNK_MS,
        )
        self._free: list[SphinxDecoder] = []

    def load(self) -> None:
        """Load a decoder for each caller, and have each decode a second of noise.

        A decoder's first utterance differs in its scores from all later ones. Raises RuntimeError where
        PocketSphinx cannot use the models.
        """
        noise = np.random.default_rng(0).normal(0, 300, SAMPLE_RATE_HZ).astype(np.int16).tobytes()
        network = Network(WEIGHTS)
        for _ in range(self._settings.max_connections):
            decoder = SphinxDecoder(self._settings, network)
            decoder.start(START)
            for at in range(0, len(noise), 2 * CHUNK_SAMPLES):
                decoder.feed(noise[at : at + 2 * CHUNK_SAMPLES])
            decoder.end()
            decoder.text()
            self._free.append(decoder)

    def open(self) -> "SphinxStream":
        """A stream with a decoder of its own. Raises Refused where all are in use."""
        if not self._free:
            raise Refused("busy", "all decoders are in use", retry=True)
        return SphinxStream(self._free.pop(), self._limits)

    def close(self, stream: "SphinxStream") -> None:
        """Take the decoder back."""
        try:
            stream.close()
        finally:
            self._free.append(stream.decoder)

    def step(self, batch: Sequence[tuple["SphinxStream", Work]]) -> list[Heard]:
        """A chunk's worth of each stream's work."""
        return [stream.step(work) for stream, work in batch]


class SphinxStream(ReplayedStream):
    """A stream, and the decoder that the pool gets back. It starts as if the decoder were new."""

    def __init__(self, decoder: "SphinxDecoder", limits: Limits) -> None:
        self.decoder = decoder
        super().__init__(decoder, limits, START)


class SphinxDecoder:
    """PocketSphinx, so set up that equal audio gives equal text whatever it has heard before."""

    def __init__(self, settings: AsrSettings, network: Network) -> None:
        acoustic_model = str(settings.acoustic_model or pocketsphinx.get_model_path("en-us/en-us"))
        language_model, dictionary = str(settings.language_model), str(settings.dictionary)
        try:
            self._decoder = pocketsphinx.Decoder(
                hmm=acoustic_model,
                lm=language_model,
                dict=dictionary,
                # A second pass would take 40 ms more at the end of a sentence, 800 after 20 s, for a word
                # error rate of 4.2 instead of 4.5 %.
                fwdflat=False,
                **BEAMS,
                loglevel="FATAL",
            )
        except RuntimeError as error:
            files = f"{acoustic_model}, {language_model} and {dictionary}"
            raise RuntimeError(f"PocketSphinx cannot use {files} together") from error
        self._network = network
        self._log_mel, self._denoiser = LogMel(), Denoiser(network)
        self._mean = CepstralMean(START)

    def start(self, mean: str) -> None:
        """Begin an utterance. `mean` is written as `mean()` returns it."""
        self._log_mel, self._denoiser = LogMel(), Denoiser(self._network)
        self._mean = CepstralMean(mean)
        self._decoder.set_cmn(mean)
        self._decoder.start_utt()

    def feed(self, pcm: bytes) -> None:
        """Decode PCM16, at least a sample."""
        samples = np.frombuffer(pcm, np.int16).astype(np.float32) + np.resize(HISS, len(pcm) // 2)
        self._decode(self._denoiser.push(self._log_mel.push(samples.clip(-32_768, 32_767))))

    def _decode(self, log_mel: Array) -> None:
        frames = cepstra(log_mel)
        self._mean.push(frames)
        for frame in frames:
            # One at a time: of more than three frames in a call, PocketSphinx 5.1.1 makes nonsense.
            self._decoder.process_cep(frame.tobytes(), False, False)

    def text(self) -> str:
        """The best words so far; after the end, the best path through all that were considered."""
        hypothesis = self._decoder.hyp()
        return plain_words(hypothesis.hypstr) if hypothesis else ""

    def spoken(self) -> list[Spoken]:
        """The words of `text()` and the pauses between them."""
        return [
            Spoken(
                plain_words(segment.word),
                segment.start_frame / FRAMES_PER_CHUNK,
                (segment.end_frame + 1) / FRAMES_PER_CHUNK,
            )
            for segment in self._decoder.seg() or ()
        ]

    def end(self) -> None:
        """End the utterance: 2 ms."""
        last = self._denoiser.flush()
        self._decode(np.concatenate([last, last[-1:].repeat(DELTA_FRAMES, axis=0)]))
        self._decoder.end_utt()

    def mean(self) -> str:
        """The mean of this and earlier utterances, after the end."""
        return self._mean.text()

    def evidence(self) -> Evidence | None:
        """What speaks for the words, after the end; None where there are none."""
        words = [segment for segment in self._decoder.seg() or () if plain_words(segment.word)]
        if not words:
            return None
        frames = sum(word.end_frame - word.start_frame + 1 for word in words)
        return Evidence(
            sum(math.log(max(word.ascore, LEAST_SCORE)) for word in words) / frames,
            1_000 * sum(math.log(max(word.lscore, LEAST_SCORE)) for word in words) / len(words),
            math.log(len(words)),
        )

    def confidence(self) -> float | None:
        """How sure it is of the words, after the end: 0.1 ms."""
        evidence = self.evidence()
        return evidence and confidence(evidence)


def plain_words(hypothesis: str) -> str:
    """Lower-case words: no "(2)" of a second pronunciation, no <sil>, [NOISE] or ++NOISE++."""
    words = (_ALTERNATE.sub("", word) for word in hypothesis.lower().split())
    return " ".join(word for word in words if word[0] not in "<[+")
