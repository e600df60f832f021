"""The front end: the same frames whatever the pieces, and PocketSphinx's own."""

from pathlib import Path

import numpy as np
import pocketsphinx
from hypothesis import given, settings as examples, strategies as st

from asr_server.cepstra import BANDS, FRAME_SAMPLES, HOP_SAMPLES, Array, LogMel, cepstra
from tests.asr_server.conftest import Say

NOISE = np.random.default_rng(0).normal(0, 1_000, 4_000).astype(np.float32)


def frames_of(pcm: Array, *sizes: int) -> Array:
    """Pushed in pieces of these lengths, and the rest at once."""
    front, found, at = LogMel(), [np.zeros((0, BANDS), np.float32)], 0
    for size in (*sizes, len(pcm)):
        found.append(front.push(pcm[at : at + size]))
        at += size
    return np.concatenate(found)


@examples(deadline=None)
@given(st.lists(st.integers(0, 900), max_size=12))
def test_pieces_do_not_change_the_frames(sizes: list[int]):
    np.testing.assert_allclose(frames_of(NOISE, *sizes), frames_of(NOISE), atol=1e-4)


def test_a_frame_needs_its_last_sample():
    counts = [len(frames_of(NOISE[:length])) for length in (FRAME_SAMPLES - 1, FRAME_SAMPLES)]
    assert counts == [0, 1]


def test_a_frame_comes_every_hop():
    assert len(frames_of(NOISE[: FRAME_SAMPLES + 9 * HOP_SAMPLES])) == 10


def test_a_high_tone_lies_in_a_high_band():
    seconds = np.arange(4_000) / 16_000
    low, high = (
        frames_of(np.sin(2 * np.pi * hz * seconds).astype(np.float32) * 9_000) for hz in (300, 5_000)
    )
    assert (low[5].argmax(), high[5].argmax()) == (1, 22)


def test_they_are_pocketsphinx_s_own(flite: Say, tmp_path: Path):
    pcm = np.frombuffer(flite("what time is it"), np.int16)
    audible = pcm + np.random.default_rng(1).normal(0, 3, len(pcm)).round().astype(np.int16)
    decoder = pocketsphinx.Decoder(lm=None, keyphrase="hello", mfclogdir=str(tmp_path), loglevel="FATAL")
    decoder.config["remove_noise"] = False
    decoder.reinit_feat()
    decoder.start_utt()
    decoder.process_raw(audible.tobytes(), True, False)
    decoder.end_utt()
    (log,) = tmp_path.iterdir()
    theirs = np.frombuffer(log.read_bytes()[4:], ">f4").reshape(-1, 13)
    ours = cepstra(frames_of(audible.astype(np.float32)))
    np.testing.assert_allclose(ours, theirs[: len(ours)], atol=0.02)
