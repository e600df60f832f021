import numpy as np
import pytest
from hypothesis import given, strategies as st

from tts_server.spoken_text import segments
from tts_server.synthesizer import Piece
from tts_server.word_pieces import WordPieces

SEGMENT = segments("one of the best")[0]


def audio(samples: int) -> np.ndarray:
    return np.full(samples, 1_000, np.int16)


def words(*pieces: Piece | None) -> list[tuple[str, int]]:
    return [(word.word, word.start_sample) for piece in pieces if piece for word in piece.words]


def test_audio_leaves_when_the_next_word_begins():
    pieces = WordPieces(SEGMENT)
    pieces.push(audio(100))
    assert pieces.mark(0, 0) is None
    piece = pieces.mark(4, 60)
    assert piece is not None
    assert (len(piece.pcm), words(piece)) == (60, [("one", 0)])


def test_words_said_as_one_share_the_time_by_their_letters():
    pieces = WordPieces(SEGMENT)
    pieces.push(audio(1_000))
    told = words(pieces.mark(0, 0), pieces.mark(4, 100), pieces.mark(11, 600), pieces.flush())
    assert told == [("one", 0), ("of", 100), ("the", 300), ("best", 600)]


def test_a_second_mark_in_a_word_says_nothing_new():
    pieces = WordPieces(SEGMENT)
    pieces.push(audio(1_000))
    pieces.mark(4, 100)
    assert pieces.mark(5, 200) is None


def test_words_after_the_last_mark_lie_in_what_is_audible():
    pieces = WordPieces(SEGMENT)
    pieces.push(np.pad(audio(900), (0, 5_000)))
    told = words(pieces.flush())
    assert [word for word, _ in told] == ["one", "of", "the", "best"]
    assert told[-1][1] < 900


def test_a_segment_without_audio_still_tells_its_words():
    assert words(WordPieces(SEGMENT).flush()) == [("one", 0), ("of", 0), ("the", 0), ("best", 0)]


def test_a_mark_beyond_the_audio_counts_as_at_its_end():
    pieces = WordPieces(SEGMENT)
    pieces.push(audio(50))
    first = pieces.mark(4, 80)
    assert first is not None
    assert len(first.pcm) == 50
    pieces.push(audio(100))
    assert words(pieces.flush())[0] == ("of", 50)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 20), st.integers(-50, 400)), max_size=12))
def test_whatever_the_marks_nothing_is_lost_and_times_only_rise(calls: list[tuple[int, int, int]]):
    pieces = WordPieces(SEGMENT)
    out: list[Piece] = []
    total = 0
    for samples, position, ahead in calls:
        pieces.push(audio(samples))
        total += samples
        out += [piece for piece in [pieces.mark(position, total - ahead)] if piece]
    out.append(pieces.flush())
    assert sum(len(piece.pcm) for piece in out) == total
    assert [word for word, _ in words(*out)] == ["one", "of", "the", "best"]
    starts = [start for _, start in words(*out)]
    assert starts == sorted(starts)
    assert [piece.last for piece in out] == [False] * (len(out) - 1) + [True]


@pytest.mark.parametrize("text", ["漢" * 250])
def test_the_further_parts_of_a_word_have_no_time_of_their_own(text: str):
    pieces = WordPieces(segments(text)[0])
    pieces.push(audio(100))
    assert len(words(pieces.flush())) == 1
