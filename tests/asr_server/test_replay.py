"""A decoder that can only be ended, used as if it could be copied."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st

from asr_server.recognizer import Begin, Chunk, Finish, GoOn, Heard, Work
from asr_server.replay import Limits, ReplayedStream, Spoken, choose_cut, level, loudest_quiet, words_before
from tests.asr_server.spelling import CHUNK_SAMPLES, SpellingDecoder

ROOMY = Limits(hold_chunks=2, replay_chunks=1_000, quiet_chunks=1_000, lead_in_chunks=1)
TIGHT = Limits(hold_chunks=1, replay_chunks=6, quiet_chunks=4, lead_in_chunks=2)
A, B, C = (bytes([letter]) * 2 * CHUNK_SAMPLES for letter in b"abc")
ZERO = bytes(2 * CHUNK_SAMPLES)

chunks = st.one_of(st.sampled_from([A, B, C]), st.just(ZERO), st.just(ZERO))
tails = st.sampled_from([b"", b"tt", b"uuuu"])


class Runner:
    """A stream that is stepped until it is done."""

    def __init__(self, limits: Limits = ROOMY) -> None:
        self.decoder = SpellingDecoder()
        self.stream = ReplayedStream(self.decoder, limits, "mean")

    def do(self, *works: Work) -> Heard:
        heard = Heard("")
        for work in works:
            heard = self.stream.step(work)
            while not heard.done:
                heard = self.stream.step(GoOn())
        return heard

    def hear(self, *pcm: bytes) -> Heard:
        return self.do(*map(Chunk, pcm))

    def finish(self, tail: bytes = b"tt") -> str:
        return self.do(Finish(tail)).text


def test_text_grows_with_the_audio():
    run = Runner()
    assert [run.hear(A).text, run.hear(B).text] == ["mean/" + A.hex(), f"mean/{A.hex()} mean/{B.hex()}"]


def test_a_finish_before_any_audio_is_empty():
    assert Runner().finish(b"") == ""


def test_a_resumed_utterance_is_whole():
    interrupted, straight = Runner(), Runner()
    interrupted.hear(A)
    interrupted.finish()
    interrupted.hear(B, C)
    straight.hear(A, B, C)
    assert interrupted.finish() == straight.finish()


def test_audio_after_a_finish_is_only_kept_for_a_while():
    run = Runner()
    run.hear(A)
    run.finish()
    fed = run.decoder.fed
    run.hear(B, C)
    assert run.decoder.fed == fed
    run.hear(A)
    assert run.decoder.fed == fed + 4


def test_a_finish_that_asks_the_same_again_is_answered_without_a_replay():
    run = Runner()
    run.hear(A, B)
    text = run.finish()
    fed = run.decoder.fed
    assert run.finish() == text
    assert run.decoder.fed == fed


def test_an_answer_says_how_sure_the_decoder_is():
    run = Runner()
    run.hear(A, B)
    assert run.do(Finish(b"tt")).confidence == 1 / 4


def test_the_same_answer_again_is_as_sure():
    run = Runner()
    run.hear(A, B)
    assert run.do(Finish(b"tt")) == run.do(Finish(b"tt"))


def test_an_answer_without_words_is_not_sure_of_anything():
    run = Runner()
    run.hear(ZERO)
    assert run.do(Finish(b"")).confidence is None


def test_an_utterance_is_as_sure_as_its_least_sure_segment():
    run = Runner(SLEEPY)
    run.hear(A, *[ZERO] * 100)
    asleep = run.do(Finish(b"")).confidence
    run.hear(B)
    assert (asleep, run.do(Finish(b"")).confidence) == (1 / 6, 1 / 6)


def test_a_replay_goes_a_chunk_a_step():
    run = Runner()
    run.hear(*[A, B] * 10)
    run.finish()
    run.hear(A, B)
    counts = [run.decoder.fed]
    heard = run.stream.step(Chunk(C))
    while not heard.done:
        counts.append(run.decoder.fed)
        heard = run.stream.step(GoOn())
    assert {after - before for before, after in pairwise(counts)} == {1}
    assert len(counts) > 20


def test_a_finish_in_the_middle_of_a_replay_can_be_dropped():
    run, straight = Runner(), Runner()
    run.hear(A, B)
    run.finish()
    run.hear(C)
    assert not run.stream.step(Finish(b"tt")).done
    assert run.hear(A) == straight.hear(A, B, C, A)
    assert run.finish() == straight.finish()


def test_a_segment_that_is_cut_at_its_end_can_be_finished():
    run = Runner(TIGHT)
    run.hear(A, A, A, ZERO, ZERO)
    run.finish()
    run.hear(ZERO)  # held, so the replay that the next Finish asks for comes to the cut
    assert len(run.finish().split()) == 4  # and the tail


def test_a_new_utterance_begins_with_the_mean_that_the_last_words_left():
    run = Runner()
    run.hear(A)
    run.finish()
    mean = run.decoder.mean()
    run.hear(B, C, A)  # a replay is under way
    run.do(Begin())
    assert run.hear(B).text == f"{mean}/{B.hex()}"


def test_silence_teaches_the_mean_nothing():
    run = Runner()
    run.hear(ZERO)
    run.finish(b"")
    run.do(Begin())
    assert run.hear(A).text == "mean/" + A.hex()


def test_a_segment_without_words_teaches_the_mean_nothing():
    run = Runner(replace(TIGHT, quiet_chunks=1_000))
    run.hear(*[ZERO] * 6)
    assert run.hear(A).text == "mean/" + A.hex()


SLEEPY = replace(ROOMY, quiet_chunks=4, lead_in_chunks=2, hold_chunks=0)


def test_long_silence_is_not_decoded():
    run = Runner(SLEEPY)
    run.hear(*[ZERO] * 100)
    assert run.decoder.fed == 4


def test_a_word_after_long_silence_is_decoded_with_a_lead_in():
    run = Runner(SLEEPY)
    run.hear(*[ZERO] * 100)
    assert run.hear(A).text == "mean/" + A.hex()
    assert run.decoder.fed == 4 + 2 + 1


def test_words_before_a_long_silence_are_kept():
    run = Runner(SLEEPY)
    run.hear(A, *[ZERO] * 100, B)
    assert run.finish(b"") == f"mean/{A.hex()} mean/{B.hex()}"


def test_a_finish_in_a_long_silence_costs_nothing():
    run = Runner(SLEEPY)
    run.hear(A, *[ZERO] * 100)
    fed = run.decoder.fed
    assert run.finish(ZERO[:4]) == "mean/" + A.hex()
    assert run.decoder.fed == fed


def test_a_word_in_the_tail_after_a_long_silence_is_heard():
    run = Runner(SLEEPY)
    run.hear(*[ZERO] * 100)
    assert run.finish(A) == "mean/" + A.hex()


def test_noise_that_grew_is_slept_through_in_the_end():
    run = Runner(replace(SLEEPY, replay_chunks=20))
    run.hear(*[ZERO] * 10, *[A] * 40)
    fed = run.decoder.fed
    run.hear(*[A] * 20)
    assert run.decoder.fed == fed


def test_a_long_utterance_keeps_all_its_words_and_little_audio():
    run = Runner(replace(TIGHT, quiet_chunks=1_000))
    said = [bytes([n, n + 1] * CHUNK_SAMPLES) for n in range(1, 90)]
    run.hear(*said)
    heard = [word.split("/")[1] for word in run.finish(b"").split()]
    assert heard == [pcm.hex() for pcm in said]
    fed = run.decoder.fed
    run.hear(A, B)
    assert run.decoder.fed - fed <= TIGHT.replay_chunks + 2


@given(st.lists(st.tuples(chunks, st.booleans(), tails), max_size=60), st.sampled_from([ROOMY, TIGHT]), tails)
def test_commits_on_the_way_change_nothing(
    audio: list[tuple[bytes, bool, bytes]], limits: Limits, last_tail: bytes
):
    committed, straight = Runner(limits), Runner(limits)
    for pcm, commits, tail in audio:
        committed.hear(pcm)
        straight.hear(pcm)
        if commits:
            committed.finish(tail)
    assert committed.do(Finish(last_tail)) == straight.do(Finish(last_tail))


@given(st.lists(st.tuples(chunks, st.booleans()), max_size=60), st.data())
def test_giving_work_up_half_way_changes_nothing(audio: list[tuple[bytes, bool]], data: st.DataObject):
    committed, straight = Runner(TIGHT), Runner(TIGHT)
    for pcm, commits in audio:
        committed.hear(pcm)
        straight.hear(pcm)
        heard = committed.stream.step(Finish(b"tt")) if commits else Heard("")
        while not heard.done and data.draw(st.booleans()):
            heard = committed.stream.step(GoOn())
    assert committed.finish() == straight.finish()


def test_the_level_of_a_square_wave_is_its_height():
    assert level(np.array([500, -500] * 10, np.int16).tobytes()) == 500


@pytest.mark.parametrize(
    ("levels", "loudest"), [([0, 5, 0], 30), ([100, 900, 110], 200), ([14, 500, 13], 30), ([500], 1_000)]
)
def test_quiet_is_what_is_hardly_louder_than_the_quietest(levels: list[float], loudest: float):
    assert loudest_quiet(levels) == loudest


WORDS = [
    Spoken("one", 0, 4),
    Spoken("", 4, 6),
    Spoken("two", 6, 9),
    Spoken("", 9, 13),
    Spoken("three", 13, 20),
]


@pytest.mark.parametrize(
    ("spoken", "cut", "before"),
    [
        (WORDS, 13, "one two"),  # the pause from 9 on lies in the first half
        ([*WORDS[:4], Spoken("and", 13, 14), Spoken("", 14, 18), Spoken("so", 18, 20)], 16, "one two and"),
        ([Spoken("one", 0, 11), Spoken("", 11, 11.5), Spoken("two", 11.5, 20)], 11, "one"),
        ([Spoken("one", 0, 20)], 20, "one"),
        ([], 20, ""),
    ],
)
def test_the_cut_is_in_a_pause_or_before_the_last_word(spoken: list[Spoken], cut: int, before: str):
    assert choose_cut(spoken, 20) == cut
    assert words_before(spoken, cut) == before
