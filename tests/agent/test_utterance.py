import pytest
from hypothesis import given, strategies as st

from agent.utterance import Utterance
from asr_server.protocol import Commit, Final, NextUtterance, Partial


def answer(commit: Commit, text: str, confidence: float | None = None) -> Final:
    return Final(
        utterance_id=commit.utterance_id,
        commit_id=commit.commit_id,
        text=text,
        end_sample=0,
        confidence=confidence,
    )


def spoken(ms: int = 1_000) -> Utterance:
    """Somebody has spoken for a while."""
    utterance = Utterance(lead_ms=500, silence_ms=200, min_confidence=0.5)
    utterance.speak()
    utterance.sent(bytes(32 * ms))
    return utterance


def test_an_utterance_begins_a_little_before_the_vad_heard_it():
    utterance = Utterance(lead_ms=500, silence_ms=200)
    utterance.sent(bytes(32 * 8_000))
    assert utterance.speak() == NextUtterance(utterance_id=1, from_sample=16 * 7_500)


def test_going_on_begins_no_utterance():
    utterance = spoken()
    utterance.commit()
    assert utterance.speak() is None


def test_an_utterance_does_not_begin_before_the_last_one_ended():
    utterance = spoken(ms=1_000)
    utterance.hear(answer(utterance.commit(), "hello"))
    utterance.end()
    utterance.take()
    utterance.sent(bytes(32 * 100))
    following = utterance.speak()
    assert following
    assert following.from_sample == 16_000


def test_a_commit_says_where_the_speech_ended():
    assert spoken(ms=1_000).commit() == Commit(utterance_id=1, commit_id=1, speech_end_sample=12_800)


def test_a_commit_before_any_audio_is_at_zero():
    assert Utterance(lead_ms=500, silence_ms=200).commit().speech_end_sample == 0


def test_nothing_is_taken_before_the_turn_is_over():
    utterance = spoken()
    utterance.hear(answer(utterance.commit(), "hello"))
    assert utterance.take() is None


def test_nothing_is_taken_before_the_final():
    utterance = spoken()
    utterance.commit()
    utterance.end()
    assert utterance.take() is None


def test_the_text_is_taken_once():
    utterance = spoken()
    utterance.hear(answer(utterance.commit(), "hello"))
    utterance.end()
    assert [utterance.take() is None, utterance.take() is None] == [False, True]


@pytest.mark.parametrize(
    ("text", "confidence", "taken", "lost"),
    [
        ("hello", 0.5, "hello", False),
        ("hello", None, "hello", False),
        ("hello", 0.4, "", True),
        ("", 0.4, "", False),
    ],
)
def test_words_that_the_server_is_not_sure_of_are_lost(
    text: str, confidence: float | None, taken: str, lost: bool
):
    utterance = spoken()
    utterance.hear(answer(utterance.commit(), text, confidence))
    utterance.end()
    said = utterance.take()
    assert said
    assert (said.text, said.lost) == (taken, lost)


def test_only_the_last_final_of_an_utterance_has_to_be_sure():
    utterance = spoken()
    utterance.hear(answer(utterance.commit(), "hell", 0.1))
    utterance.speak()
    utterance.hear(answer(utterance.commit(), "hello there", 0.9))
    utterance.end()
    said = utterance.take()
    assert said
    assert (said.text, said.lost) == ("hello there", False)


def test_the_next_utterance_begins_where_the_commit_was_sent():
    utterance = spoken(ms=1_000)
    utterance.hear(answer(utterance.commit(), "hello"))
    utterance.sent(bytes(32 * 100))
    utterance.end()
    taken = utterance.take()
    assert taken
    assert taken.next == NextUtterance(utterance_id=2, from_sample=16_000)


def test_the_next_utterance_reaches_back_two_seconds_at_most():
    utterance = spoken(ms=1_000)
    utterance.hear(answer(utterance.commit(), "hello"))
    utterance.sent(bytes(32 * 5_000))
    utterance.end()
    taken = utterance.take()
    assert taken
    assert taken.next.from_sample == 16 * (6_000 - 2_000)


def test_a_later_final_replaces_an_earlier_one():
    utterance = spoken()
    utterance.hear(answer(utterance.commit(), "i would like um"))
    utterance.speak()
    utterance.hear(answer(utterance.commit(), "i would like um a table"))
    utterance.end()
    taken = utterance.take()
    assert taken
    assert taken.text == "i would like um a table"


def test_the_answer_to_a_superseded_commit_is_not_heard():
    utterance = spoken()
    first = utterance.commit()
    utterance.speak()
    utterance.commit()
    assert not utterance.hear(answer(first, "half a sentence"))


def test_going_on_takes_the_verdict_back():
    utterance = spoken()
    utterance.commit()
    utterance.end()
    utterance.speak()
    utterance.hear(answer(utterance.commit(), "more"))
    assert utterance.take() is None


def test_what_was_being_said_when_the_connection_broke_is_lost():
    utterance = spoken()
    utterance.restart()
    utterance.hear(answer(utterance.commit(), "the second half"))
    utterance.end()
    taken = utterance.take()
    assert taken
    assert (taken.text, taken.lost) == ("", True)


def test_a_final_that_came_before_the_connection_broke_still_counts():
    utterance = spoken()
    utterance.hear(answer(utterance.commit(), "all of it"))
    utterance.restart()
    utterance.end()
    taken = utterance.take()
    assert taken
    assert (taken.text, taken.lost) == ("all of it", False)


def test_going_on_after_the_connection_broke_in_a_pause_loses_the_beginning():
    utterance = spoken()
    utterance.hear(answer(utterance.commit(), "the first half"))
    utterance.restart()
    utterance.speak()
    utterance.hear(answer(utterance.commit(), "the second half"))
    utterance.end()
    taken = utterance.take()
    assert taken
    assert (taken.text, taken.lost) == ("", True)


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_commit_that_was_refused_loses_nothing_that_a_later_one_brings(goes_on: bool):
    utterance = spoken()
    utterance.commit(silence_ms=96)
    utterance.lose()
    if goes_on:
        utterance.speak()
    utterance.hear(answer(utterance.commit(), "book a table"))
    utterance.end()
    taken = utterance.take()
    assert taken
    assert (taken.text, taken.lost) == ("book a table", False)


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_connection_that_breaks_before_a_commit_is_answered_loses_the_words(goes_on: bool):
    utterance = spoken()
    utterance.commit(silence_ms=96)
    utterance.lose()
    utterance.restart()
    if goes_on:
        utterance.speak()
    utterance.hear(answer(utterance.commit(), "the end of it"))
    utterance.end()
    taken = utterance.take()
    assert taken
    assert (taken.text, taken.lost) == ("", True)


def test_the_utterance_after_a_lost_one_is_whole():
    utterance = spoken()
    utterance.restart()
    utterance.commit()
    utterance.lose()
    utterance.end()
    utterance.take()
    utterance.speak()
    utterance.hear(answer(utterance.commit(), "hello"))
    utterance.end()
    taken = utterance.take()
    assert taken
    assert (taken.text, taken.lost) == ("hello", False)


def test_a_partial_of_the_last_utterance_is_not_shown():
    utterance = spoken()
    last = utterance.commit().utterance_id
    utterance.drop()
    utterance.speak()
    assert not utterance.shows(Partial(utterance_id=last, text="late", end_sample=0))


def test_a_partial_between_turns_is_noise():
    assert not Utterance(lead_ms=500, silence_ms=200).shows(Partial(utterance_id=0, text="hm", end_sample=0))


@given(st.lists(st.sampled_from(["speak", "commit", "final", "end", "take", "audio", "restart", "lose"])))
def test_whatever_happens_no_text_is_taken_twice_and_utterances_go_forward(events: list[str]):
    utterance = Utterance(lead_ms=500, silence_ms=200)
    texts: list[str] = []
    begins: list[tuple[int, int]] = []
    commit: Commit | None = None
    for number, event in enumerate(events):
        match event:
            case "commit":
                commit = utterance.commit()
            case "final" if commit:
                utterance.hear(answer(commit, f"text {number}"))
            case "audio":
                utterance.sent(bytes(32 * 700))
            case "take" if taken := utterance.take():
                texts.append(taken.text)
                begins.append((taken.next.utterance_id, taken.next.from_sample))
            case "restart":
                utterance.restart()
                begins.clear()
            case "speak" | "end" | "lose":
                getattr(utterance, event)()
            case _:
                pass
    said = [text for text in texts if text]
    assert len(said) == len(set(said))
    assert begins == sorted(begins)


def test_an_early_commit_knows_of_less_silence():
    utterance = Utterance(lead_ms=0, silence_ms=210, hangover_ms=10)
    utterance.speak()
    utterance.sent(bytes(32 * 1_000))
    assert utterance.commit(silence_ms=96).speech_end_sample == 16 * (1_000 - 96 - 10)


def test_words_are_known_before_the_turn_is_over():
    utterance = spoken()
    utterance.hear(answer(utterance.commit(), "hello"))
    assert utterance.words == "hello"


def test_words_that_are_not_sure_are_none():
    utterance = spoken()
    utterance.hear(answer(utterance.commit(), "hello", confidence=0.2))
    assert utterance.words == ""


def test_a_later_answer_that_is_sure_makes_up_for_an_earlier_one():
    utterance = spoken()
    utterance.hear(answer(utterance.commit(), "halo", confidence=0.2))
    utterance.hear(answer(utterance.commit(), "hello", confidence=0.9))
    assert utterance.words == "hello"


def test_words_are_none_when_the_caller_goes_on():
    utterance = spoken()
    utterance.hear(answer(utterance.commit(), "hello"))
    utterance.speak()
    assert utterance.words == ""
