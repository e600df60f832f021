import time

import numpy as np
import pytest

from tts_server.espeak import VOICES, EspeakSynthesizer, rate_for
from tts_server.spoken_text import segments
from tts_server.synthesizer import Piece, Wish

TEXT = "It is one of the best in the world, I am told, and there is a lot to do with it."


def spoken(text: str, voice: str = "en-us", pace: float = 1.0, stop_after: int = 10_000) -> list[Piece]:
    synthesizer = EspeakSynthesizer("en-us", 175)
    pieces: list[Piece] = []

    def emit(piece: Piece) -> bool:
        pieces.append(piece)
        return len(pieces) < stop_after

    stream = synthesizer.open(Wish(voice, pace=pace), emit)
    for segment in segments(text):
        stream.begin(segment)
        synthesizer.step([stream])
    return pieces


def samples(pieces: list[Piece]) -> int:
    return sum(len(piece.pcm) for piece in pieces)


@pytest.mark.parametrize("voice", VOICES)
def test_every_voice_speaks(voice: str):
    pcm = np.concatenate([piece.pcm for piece in spoken("Hello, one two.", voice)])
    assert 0.5 < len(pcm) / 22_050 < 4
    assert np.abs(pcm.astype(int)).max() > 5_000


def test_all_words_are_told_also_those_it_says_as_one():
    words = [word for piece in spoken(TEXT) for word in piece.words]
    assert [word.word for word in words] == TEXT.split()


def test_positions_are_characters_not_bytes():
    words = [word.word for piece in spoken("ééé ÄÄÄ “straße” naïve end") for word in piece.words]
    assert words == ["ééé", "ÄÄÄ", "“straße”", "naïve", "end"]


def test_audio_comes_while_it_is_made():
    pieces = spoken(TEXT)
    assert len(pieces) > 10
    assert len(pieces[0].pcm) < samples(pieces) / 5
    assert [piece.last for piece in pieces] == [False] * (len(pieces) - 1) + [True]


def test_it_stops_when_nobody_wants_more():
    began_s = time.process_time()
    pieces = spoken("word " * 35 + "end", stop_after=2)
    assert len(pieces) == 2
    assert time.process_time() - began_s < 0.5


def test_after_a_stop_the_next_text_is_whole():
    spoken(TEXT, stop_after=1)
    assert samples(spoken(TEXT)) == pytest.approx(samples(spoken(TEXT)), rel=0.03)


@pytest.mark.parametrize("text", ["[[h@l'oU]]", "<break time='9s'/>", "\x01 200p"])
def test_what_would_be_a_command_is_not_one(text: str):
    assert samples(spoken(f"one {text} two")) < 22_050 * 5


def test_a_sentence_ends_in_a_pause_and_half_a_sentence_does_not():
    for text, pause_ms in (("One two.", 200), ("One two,", 100), ("One two", 0)):
        pcm = np.concatenate([piece.pcm for piece in spoken(text)])
        tail = len(pcm) - np.flatnonzero(np.abs(pcm) > 8)[-1]
        assert pause_ms <= tail / 22.05 < pause_ms + 200


@pytest.mark.parametrize(
    ("pace", "rate", "factor"), [(1, 175, 1), (2, 330, 1), (0.25, 80, 1.87), (4, 700, 1)]
)
def test_the_rate_for_a_pace(pace: float, rate: int, factor: float):
    assert rate_for(175, pace) == (pytest.approx(rate, rel=0.02), pytest.approx(factor, rel=0.02))


@pytest.mark.parametrize("pace", [0.25, 0.5, 2.0, 4.0])
def test_a_pace_is_kept(pace: float):
    assert samples(spoken(TEXT)) / samples(spoken(TEXT, pace=pace)) == pytest.approx(pace, rel=0.15)


@pytest.mark.parametrize("pace", [0.25, 0.5, 2.0])
def test_words_keep_their_place_at_another_pace(pace: float):
    own, asked = spoken(TEXT), spoken(TEXT, pace=pace)
    last_own, last_asked = own[-1].words[-1].start_sample, asked[-1].words[-1].start_sample
    assert last_asked / samples(asked) == pytest.approx(last_own / samples(own), abs=0.06)


def test_a_voice_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no voice 'alto'; there are en-us"):
        EspeakSynthesizer("alto", 175)
