import numpy as np
import pytest
from hypothesis import given, strategies as st

from tts_server.speech_audio import SpeechAudio
from tts_server.synthesizer import Piece, TimedWord

HZ = 22_050


def sine(samples: int, hz: float = 440.0) -> np.ndarray:
    return (10_000 * np.sin(2 * np.pi * hz * np.arange(1, samples + 1) / HZ)).astype(np.int16)


def quiet(samples: int) -> np.ndarray:
    return np.zeros(samples, np.int16)


def test_silence_before_the_first_sound_is_dropped():
    sound = SpeechAudio(HZ, HZ).push(
        Piece(np.concatenate([quiet(300), sine(500)]), (TimedWord("a", 0),), last=True)
    )
    assert (len(sound.pcm), sound.words) == (500, (TimedWord("a", 0),))


def test_words_move_with_the_silence_that_is_dropped():
    words = (TimedWord("a", 0), TimedWord("b", 400))
    sound = SpeechAudio(HZ, HZ).push(Piece(np.concatenate([quiet(300), sine(500)]), words, last=True))
    assert sound.words == (("a", 0), ("b", 100))


def test_silence_after_a_sound_comes_with_the_next_sound():
    audio = SpeechAudio(HZ, HZ)
    first = audio.push(Piece(np.concatenate([sine(500), quiet(200)]), last=True))
    second = audio.push(Piece(sine(400), (TimedWord("b", 0),), last=True))
    assert (len(first.pcm), len(second.pcm), second.words[0].start_sample) == (500, 600, 700)


def test_silence_within_a_word_is_kept():
    audio = SpeechAudio(HZ, HZ)
    pieces = [Piece(sine(500)), Piece(quiet(100)), Piece(quiet(100)), Piece(sine(500), last=True)]
    assert sum(len(audio.push(piece).pcm) for piece in pieces) == 1_200


def test_only_silence_gives_nothing():
    assert len(SpeechAudio(HZ, 8_000).push(Piece(quiet(9_000), last=True)).pcm) == 0


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000, 44_100, 48_000])
def test_a_segment_is_resampled_to_its_last_sample(rate_hz: int):
    pcm = SpeechAudio(HZ, rate_hz).push(Piece(sine(HZ + 10), last=True)).pcm
    assert len(pcm) == pytest.approx((HZ + 10) * rate_hz / HZ, abs=1)
    assert np.argmax(np.abs(np.fft.rfft(pcm[:rate_hz].astype(float)))) == 440


@given(
    st.lists(st.integers(1, 3_000), min_size=1, max_size=8), st.sampled_from([8_000, 16_000, 24_000, 48_000])
)
def test_how_the_audio_is_cut_makes_no_difference(sizes: list[int], rate_hz: int):
    whole = sine(sum(sizes))
    cut = np.split(whole, np.cumsum(sizes)[:-1])
    audio = SpeechAudio(HZ, rate_hz)
    heard = [audio.push(Piece(part, last=index == len(cut) - 1)).pcm for index, part in enumerate(cut)]
    once = SpeechAudio(HZ, rate_hz).push(Piece(whole, last=True)).pcm
    assert np.array_equal(np.concatenate(heard), once)


@given(
    st.lists(st.integers(200, 5_000), min_size=1, max_size=6),
    st.sampled_from([8_000, 16_000, 44_100, 48_000]),
)
def test_words_stay_where_their_sound_is(sizes: list[int], rate_hz: int):
    """Each segment is a sound and a pause; its word is told where the sound begins."""
    audio = SpeechAudio(HZ, rate_hz)
    sent = 0
    for size in sizes:
        piece = Piece(np.concatenate([sine(size), quiet(700)]), (TimedWord("a", 0),), last=True)
        sound = audio.push(piece)
        pause = round(700 * rate_hz / HZ) if sent else 0
        assert sound.words[0].start_sample == pytest.approx(sent + pause, abs=2)
        sent += len(sound.pcm)
