"""The acoustic model in torch hears what PocketSphinx's own does."""

from collections.abc import Iterator

import numpy as np
import pocketsphinx
import pytest

torch = pytest.importorskip("torch", reason="the training environment's (the extra `train`)")

from asr_server.cepstra import COSINES, Array, LogMel  # noqa: E402
from asr_server.sphinx import HISS  # noqa: E402
from asr_server.workshop.speech import noisy, say  # noqa: E402
from asr_server.workshop.train import Hearing, Senones, known_mean, streams  # noqa: E402


def log_mel(pcm: Array):
    return torch.from_numpy(LogMel().push(pcm + np.resize(HISS, len(pcm)).astype(np.float32)))[None]


def aligned(text: str, pcm: Array) -> Iterator[tuple[int, str]]:
    """The phone that PocketSphinx finds in each frame, knowing the words."""
    decoder = pocketsphinx.Decoder(lm=None, loglevel="FATAL")
    decoder.set_align_text(text)
    for again in (True, False):  # words, then phones
        decoder.start_utt()
        decoder.process_raw(pcm.astype(np.int16).tobytes(), full_utt=True)
        decoder.end_utt()
        if again:
            decoder.set_alignment()
    for phone in decoder.get_alignment().phones():
        if phone.name != "SIL":
            yield from ((phone.start + frame, phone.name) for frame in range(phone.duration))


def test_what_the_words_sound_like_is_among_the_likeliest(flite: object):
    text, senones = "book a table for two", Senones()
    pcm = say(text, "awb")
    cepstra = log_mel(pcm) @ torch.from_numpy(COSINES)
    likelihoods = senones(streams(cepstra - known_mean(cepstra)))
    phones = sorted(set(senones.phones))
    by_phone = [[at for at, name in enumerate(senones.phones) if name == phone] for phone in phones]
    best = torch.stack([likelihoods[:, of].amax(1) for of in by_phone], 1)
    better = [
        int((best[frame - 3] > best[frame - 3, phones.index(name)]).sum())
        for frame, name in aligned(text, pcm)
    ]
    assert np.mean(better) < 3  # of 42: by chance it would be 20


def test_speech_is_heard_like_itself_and_unlike_what_noise_makes_of_it(flite: object):
    speech = say("book a table for two", "rms")
    noise = np.random.default_rng(0).normal(0, 1, len(speech)).astype(np.float32)
    clean, hearing = log_mel(speech), Hearing(100)
    losses = [hearing(log_mel(noisy(speech, noise, snr_db)), clean).item() for snr_db in (5, 20)]
    assert hearing(clean, clean).item() == pytest.approx(0, abs=1e-3)
    assert losses[0] > losses[1] > 0.1
