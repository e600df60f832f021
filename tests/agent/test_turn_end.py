from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from agent.turn_end import Act, TurnEnd

LONGEST_MS = 1_200
PAUSE_MS = 200


def turn(early_ms: int = 96) -> TurnEnd:
    """Somebody has begun to speak."""
    end = TurnEnd(LONGEST_MS, early_ms)
    end.turn_started()
    end.speech()
    return end


def paused(words: str = "hello there") -> TurnEnd:
    """And has paused, and it is known what they have said."""
    end = turn()
    end.paused(PAUSE_MS)
    end.words(words)
    return end


def test_a_first_silence_is_committed():
    assert turn().silence(96) == [Act.COMMIT_EARLY]


def test_a_silence_is_committed_once():
    end = turn()
    end.silence(96)
    assert end.silence(128) == []


def test_a_shorter_silence_is_not_committed():
    assert turn().silence(64) == []


def test_nothing_is_committed_before_the_pause_where_that_is_switched_off():
    assert turn(early_ms=0).silence(192) == []


def test_silence_between_turns_is_nobodys():
    end = turn()
    end.turn_stopped()
    assert end.silence(200) == []


def test_a_pause_is_judged():
    assert turn().paused(PAUSE_MS) == [Act.JUDGE]


def test_words_are_answered_ahead():
    end = turn()
    end.silence(96)
    assert (end.words("hello"), end.ahead) == ([Act.SPECULATE], "hello")


def test_words_that_plainly_go_on_are_not_answered_ahead():
    end = turn()
    end.silence(96)
    assert (end.words("i would like um"), end.ahead) == ([], None)


def test_speech_that_starts_no_turn_is_not_answered_ahead():
    end = TurnEnd(LONGEST_MS, 96)
    end.speech()
    end.silence(96)
    assert end.words("mhm yes") == []


def test_words_of_a_silence_that_is_over_are_not_answered():
    end = turn()
    end.silence(96)
    end.silence(0)
    assert end.words("hello") == []


def test_who_goes_on_before_the_pause_is_not_answered():
    end = turn()
    end.silence(96)
    end.words("hello")
    assert (end.silence(0), end.ahead) == ([Act.GO_ON, Act.WITHDRAW], None)


@pytest.mark.complaint("pipecat-ai/pipecat#4950")
def test_who_goes_on_after_the_pause_is_not_answered():
    assert paused().speech() == [Act.WITHDRAW]


def test_other_words_are_answered_instead():
    assert paused("hello").words("hello there") == [Act.WITHDRAW, Act.SPECULATE]


def test_the_same_words_again_are_not_answered_again():
    assert paused("hello").words("hello") == []


def test_a_complete_turn_asks_for_its_text():
    end = paused()
    assert end.verdict(end.pause, complete=True) == [Act.ASK]


def test_nobody_ends_on_an_um_however_it_sounds():
    end = paused("i would like um")
    assert end.verdict(end.pause, complete=True) == []
    assert end.waited(LONGEST_MS - PAUSE_MS) == [Act.ASK]


def test_a_verdict_that_comes_after_the_caller_went_on_says_nothing():
    end = paused()
    pause = end.pause
    end.speech()
    assert end.verdict(pause, complete=True) == []
    end.paused(PAUSE_MS)
    assert end.verdict(pause, complete=True) == []


def test_a_verdict_is_not_acted_on_while_there_is_a_sound():
    end = paused()
    assert end.verdict(end.pause, complete=True, silent=False) == []


def test_a_verdict_that_came_with_a_sound_is_acted_on_in_the_silence_after_it():
    end = paused()
    end.verdict(end.pause, complete=True, silent=False)
    assert end.waited(20) == [Act.ASK]


def test_a_verdict_that_came_with_a_sound_that_was_speech_says_nothing():
    end = paused()
    end.verdict(end.pause, complete=True, silent=False)
    end.speech()
    assert end.paused(PAUSE_MS) + end.waited(20) == [Act.JUDGE]


def test_the_text_that_was_answered_ahead_confirms_it():
    end = paused("hello")
    end.verdict(end.pause, complete=True)
    assert (end.text("hello"), end.ahead) == ([Act.END], "hello")


def test_another_text_drops_what_was_answered_ahead():
    end = paused("hello")
    end.verdict(end.pause, complete=True)
    assert (end.text("hello there"), end.ahead) == ([Act.WITHDRAW, Act.END], None)


def test_no_text_drops_what_was_answered_ahead():
    end = paused("hello")
    end.verdict(end.pause, complete=True)
    assert end.nothing() == [Act.WITHDRAW, Act.END]


def test_a_text_that_comes_when_the_caller_speaks_again_begins_what_they_say():
    end = paused("a table for two")
    end.verdict(end.pause, complete=True)
    end.speech()
    end.text("a table for two")
    end.paused(PAUSE_MS)
    end.words("on friday")
    assert end.ahead == "a table for two on friday"


def test_a_turn_that_somebody_else_ends_drops_what_was_answered_ahead():
    assert paused("hello").turn_stopped() == [Act.WITHDRAW]


def test_a_confirmed_answer_is_not_dropped_by_the_end_of_the_turn():
    end = paused("hello")
    end.confirm()
    assert end.turn_stopped() == []


def test_what_somebody_else_has_withdrawn_is_answered_at_the_end():
    end = paused("hello")
    end.forget_ahead()
    end.verdict(end.pause, complete=True)
    assert (end.text("hello"), end.ahead) == ([Act.END], None)


def waited_ms(end: TurnEnd) -> int:
    """The silence at which the turn ends."""
    for silence_ms in range(PAUSE_MS + 20, 5_000, 20):
        if end.waited(20) == [Act.ASK]:
            return silence_ms
    raise AssertionError("for ever")


@pytest.mark.parametrize(
    ("words", "silence_ms"),
    [("what time is it", 500), ("book a table for two", 900), ("my number is", 1_200), ("", 900)],
)
@pytest.mark.complaint("pipecat-ai/nemotron-january-2026, docs/v2v-latency-testing.md")
def test_the_words_tell_how_long_to_wait_after_an_incomplete(words: str, silence_ms: int):
    end = paused(words)
    end.verdict(end.pause, complete=False)
    assert waited_ms(end) == silence_ms


def test_a_verdict_that_never_comes_is_not_waited_for():
    assert waited_ms(paused("what time is it")) == LONGEST_MS


def test_a_late_incomplete_ends_at_once_what_was_silent_for_long_enough():
    end = paused("what time is it")
    end.waited(400)
    assert end.verdict(end.pause, complete=False) == [Act.ASK]


def test_the_clock_ends_what_no_audio_ends():
    end = paused()
    assert end.run_out(end.pause) == [Act.ASK]


def test_the_clock_of_another_pause_ends_nothing():
    end = paused()
    end.speech()
    assert end.run_out(end.pause) == []


Event = Callable[[TurnEnd], list[Act]]
TEXTS = st.sampled_from(["hello", "what time is it", "my number is", ""])
EVENTS = st.one_of(
    st.sampled_from([TurnEnd.speech, TurnEnd.nothing, TurnEnd.turn_stopped]),
    st.sampled_from([0.0, 96.0, 128.0]).map(lambda ms: lambda end: end.silence(ms)),
    st.just(lambda end: end.paused(PAUSE_MS)),
    st.just(lambda end: end.waited(400)),
    st.booleans().map(lambda complete: lambda end: end.verdict(end.pause, complete)),
    st.just(lambda end: end.run_out(end.pause)),
    TEXTS.map(lambda text: lambda end: end.words(text)),
    TEXTS.map(lambda text: lambda end: end.text(text)),
)


@given(st.lists(EVENTS, max_size=40))
def test_whatever_happens_an_answer_ahead_is_confirmed_or_withdrawn_once(events: list[Event]):
    end, pending = turn(), False
    for event in events:
        for act in event(end):
            if act is Act.SPECULATE:
                assert not pending
                pending = True
            elif act is Act.WITHDRAW:
                assert pending
                pending = False
        assert pending == (end.ahead is not None)


@given(st.lists(EVENTS, max_size=40))
def test_whatever_happens_a_pause_asks_for_its_text_once_at_most(events: list[Event]):
    end, asked = turn(), set[int]()
    for event in events:
        if Act.ASK in event(end):
            assert end.pause not in asked
            asked.add(end.pause)


@given(st.lists(EVENTS, max_size=40))
def test_whatever_happened_silence_ends_the_turn(events: list[Event]):
    end = turn()
    for event in events:
        event(end)
    end.speech()
    end.paused(PAUSE_MS)
    assert waited_ms(end) <= LONGEST_MS
