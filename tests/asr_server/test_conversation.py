"""What a client may say when, and which work follows."""

from collections.abc import Iterator

import pytest
from hypothesis import given, strategies as st

from asr_server.conversation import Conversation, Task, check_start
from asr_server.protocol import KEPT_SAMPLES, PROTOCOL, Commit, NextUtterance, Start
from asr_server.recognizer import Begin, Chunk, Finish
from wire.message import Refused

CHUNK = 4
TAIL = 3


def pcm(samples: int, first: int = 1) -> bytes:
    """Samples that are all different: first, first + 1, ..."""
    return b"".join((n % 65_536).to_bytes(2, "little") for n in range(first, first + samples))


def conversation(samples: int = 0) -> Conversation:
    started = Conversation(CHUNK, TAIL)
    if samples:
        started.hear(pcm(samples))
    return started


def commit(commit_id: int = 0, speech_end_sample: int = 0, utterance_id: int = 0) -> Commit:
    return Commit(utterance_id=utterance_id, commit_id=commit_id, speech_end_sample=speech_end_sample)


def following(utterance_id: int = 1, from_sample: int = 0) -> NextUtterance:
    return NextUtterance(utterance_id=utterance_id, from_sample=from_sample)


def tasks(of: Conversation) -> Iterator[Task]:
    while task := of.take():
        yield task


def audio(of: Conversation) -> bytes:
    return b"".join(task.work.pcm for task in tasks(of) if isinstance(task.work, Chunk))


def code(action: object, *arguments: object) -> str:
    with pytest.raises(Refused) as refusal:
        action(*arguments)  # type: ignore[operator]
    return refusal.value.code


@given(st.lists(st.integers(0, 11)))
def test_audio_is_cut_into_chunks_whatever_its_packets(sizes: list[int]):
    talk, whole = conversation(), pcm(sum(sizes))
    at = 0
    for size in sizes:
        talk.hear(whole[2 * at : 2 * (at + size)])
        at += size
    cut = list(tasks(talk))
    assert [task.work for task in cut] == [Chunk(whole[i : i + 8]) for i in range(0, len(whole) // 8 * 8, 8)]
    assert [task.end_sample for task in cut] == [4 * n for n in range(1, len(cut) + 1)]


def test_half_a_sample_is_refused():
    assert code(conversation().hear, b"\0\0\0") == "odd_audio"


def test_a_commit_ends_with_what_fills_no_chunk_and_the_missing_silence():
    talk = conversation(6)
    talk.commit(commit(7, speech_end_sample=5))
    assert list(tasks(talk))[1:] == [Task(Finish(pcm(2, 5) + bytes(4)), 0, 6, (7,))]


def test_audio_goes_on_after_a_commit_as_if_there_had_been_none():
    talk = conversation(6)
    talk.commit(commit())
    talk.hear(pcm(2, 7))
    assert audio(talk) == pcm(8)


def test_a_newer_commit_is_answered_together_with_the_one_it_supersedes():
    talk = conversation(4)
    talk.commit(commit(1))
    talk.hear(pcm(4, 5))
    talk.commit(commit(5))
    assert [task.commit_ids for task in tasks(talk)] == [(), (), (1, 5)]


def test_a_commit_of_the_last_utterance_is_not_superseded():
    talk = conversation(4)
    talk.commit(commit(1))
    talk.next_utterance(following())
    talk.commit(commit(2, utterance_id=1))
    assert [task.commit_ids for task in tasks(talk) if task.commit_ids] == [(1,), (2,)]


def test_a_commit_that_is_begun_hands_its_id_to_a_newer_one():
    talk = conversation()
    talk.commit(commit(1))
    begun = talk.take()
    assert begun is not None
    assert not talk.give_up(begun)
    talk.commit(commit(2))
    assert talk.give_up(begun)
    assert [task.commit_ids for task in tasks(talk)] == [(1, 2)]


def test_a_commit_that_is_begun_is_not_given_up_for_another_utterance():
    talk = conversation()
    talk.commit(commit(1))
    begun = talk.take()
    assert begun is not None
    talk.next_utterance(following())
    talk.commit(commit(2, utterance_id=1))
    assert not talk.give_up(begun)


def test_a_chunk_that_is_begun_is_given_up_for_the_next_utterance():
    talk = conversation(4)
    begun = talk.take()
    assert begun is not None
    assert not talk.give_up(begun)
    talk.next_utterance(following(from_sample=4))
    assert talk.give_up(begun)


def test_the_next_utterance_begins_at_its_sample_exactly():
    talk = conversation(10)
    talk.next_utterance(following(from_sample=5))
    talk.hear(pcm(3, 11))
    first, *rest = tasks(talk)
    assert (first.work, first.utterance_id) == (Begin(), 1)
    assert [task.work for task in rest] == [Chunk(pcm(4, 6)), Chunk(pcm(4, 10))]
    assert [task.end_sample for task in rest] == [9, 13]


def test_audio_that_nobody_asked_about_is_not_decoded_any_more():
    talk = conversation(40)
    talk.next_utterance(following(1, from_sample=40))
    talk.next_utterance(following(2, from_sample=38))
    assert [task.work for task in tasks(talk)] == [Begin()]


def test_audio_of_a_commit_is_decoded_before_the_next_utterance():
    talk = conversation(4)
    talk.commit(commit())
    talk.next_utterance(following(from_sample=4))
    assert [type(task.work) for task in tasks(talk)] == [Chunk, Finish, Begin]


def test_a_beginning_that_is_not_kept_any_more_is_the_oldest_sample_kept():
    talk = conversation(KEPT_SAMPLES + 10)
    talk.next_utterance(following(from_sample=3))
    talk.hear(pcm(4))
    assert audio(talk) == pcm(KEPT_SAMPLES, 11) + pcm(4)


def test_no_utterance_reaches_back_into_the_one_before_the_last():
    talk = conversation(8)
    talk.next_utterance(following(1, from_sample=6))
    talk.next_utterance(following(2, from_sample=2))
    talk.hear(pcm(2, 9))
    assert audio(talk) == pcm(4, 7)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (commit(5, utterance_id=1), "unknown_utterance"),
        (commit(4), "commit_id"),
        (commit(3), "commit_id"),
        (commit(5, speech_end_sample=9), "beyond_audio"),
    ],
)
def test_a_commit_that_cannot_be_is_refused_and_changes_nothing(message: Commit, expected: str):
    talk = conversation(8)
    talk.commit(commit(4))
    assert code(talk.commit, message) == expected
    assert talk.waiting_commits == 1
    talk.commit(commit(5))


@pytest.mark.parametrize(
    ("message", "expected"),
    [(following(0), "utterance_id"), (following(1, from_sample=9), "beyond_audio")],
)
def test_an_utterance_that_cannot_be_is_refused_and_changes_nothing(message: NextUtterance, expected: str):
    talk = conversation(8)
    assert code(talk.next_utterance, message) == expected
    assert talk.utterance_id == 0


def test_what_waits_is_counted():
    talk = conversation(9)
    assert (talk.waiting_samples, talk.has_tasks) == (8, True)
    list(tasks(talk))
    assert (talk.waiting_samples, talk.has_tasks) == (0, False)


@pytest.mark.parametrize("language", ["en", "EN", "en-US", "en_GB"])
def test_english_is_understood(language: str):
    check_start(Start(protocol=PROTOCOL, language=language))


@pytest.mark.parametrize(
    ("start", "expected", "would_do"),
    [
        (Start(protocol="2.0"), "protocol_version", "1.0"),
        (Start(protocol=PROTOCOL, language="de"), "language", "en"),
        (Start(protocol=PROTOCOL, language=""), "language", "en"),
        (Start(protocol=PROTOCOL, sample_rate_hz=48_000), "sample_rate", "16000"),
        (Start(protocol=PROTOCOL, channels=2), "channels", "1"),
    ],
)
def test_a_start_that_does_not_fit_is_told_what_would(start: Start, expected: str, would_do: str):
    with pytest.raises(Refused, match=would_do) as refusal:
        check_start(start)
    assert refusal.value.code == expected
