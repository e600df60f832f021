import pytest
from hypothesis import given, strategies as st

from agent.interruptions import NODDING_MS, Interruption, Verdict, Words, weigh

STOP_AFTER_MS = 700
ALL_MS, NO_MS = 200, 0


def spoken(interruption: Interruption, ms: int, caller_ms: int | None = None) -> Verdict:
    """So much more of the caller; the last verdict, or the first that is one."""
    for _ in range(ms // 20):
        verdict = interruption.hear(20, 20 if caller_ms is None else caller_ms, ALL_MS)
        if verdict is not Verdict.GO_ON:
            return verdict
    return Verdict.GO_ON


def begun(text: str = "") -> Interruption:
    """The caller has spoken for 200 ms."""
    interruption = Interruption(STOP_AFTER_MS)
    assert interruption.begin(ALL_MS) is Verdict.DUCK
    interruption.read(text)
    return interruption


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", Words.NONE),
        ("mhm", Words.NODDING),
        ("uh huh", Words.NODDING),
        ("okay yes", Words.NODDING),
        ("Okay, yes.", Words.NODDING),
        ("i see", Words.NODDING),
        ("yeah got it", Words.NODDING),
        ("that's right", Words.NODDING),
        ("five", Words.UNSURE),
        ("are you", Words.UNSURE),
        ("stop", Words.CLEAR),
        ("okay stop", Words.CLEAR),
        ("no", Words.CLEAR),
        ("no no no", Words.CLEAR),
        ("no karen", Words.UNSURE),
        ("what time", Words.CLEAR),
        ("yes and book a table", Words.CLEAR),
    ],
)
def test_words_are_weighed(text: str, words: Words):
    assert weigh(text)[0] is words


def test_the_caller_makes_the_agent_quieter():
    assert Interruption(STOP_AFTER_MS).begin(ALL_MS) is Verdict.DUCK


def test_an_echo_does_not():
    assert Interruption(STOP_AFTER_MS).begin(NO_MS) is Verdict.GO_ON


def test_a_caller_who_is_heard_through_the_echo_later_does():
    interruption = Interruption(STOP_AFTER_MS)
    interruption.begin(NO_MS)
    assert interruption.hear(20, 20, ALL_MS) is Verdict.DUCK


def test_a_short_sound_is_a_false_alarm():
    interruption = begun()
    spoken(interruption, 200)
    assert interruption.end() is Verdict.FALSE_ALARM


def test_a_short_sound_is_one_too_where_the_vad_goes_on_hearing_the_echo():
    interruption = begun()
    spoken(interruption, 200)
    assert spoken(interruption, 400, caller_ms=0) is Verdict.FALSE_ALARM
    assert interruption.hear(20, 20, ALL_MS) is Verdict.DUCK  # and who speaks again is heard again


def test_long_speech_interrupts_whatever_is_said():
    assert spoken(begun(), STOP_AFTER_MS) is Verdict.STOP


def test_a_clear_word_interrupts_at_once():
    interruption = begun("stop")
    assert spoken(interruption, 140) is Verdict.STOP
    assert interruption.caller_ms < STOP_AFTER_MS


def test_a_word_that_is_taken_back_does_not():
    interruption = begun("no")
    spoken(interruption, 80)
    interruption.read("okay")
    assert spoken(interruption, 600) is Verdict.GO_ON


def test_more_words_than_could_be_said_are_not_believed():
    assert spoken(begun("two people you book for friday"), 300) is Verdict.GO_ON


def test_nodding_does_not_interrupt_however_slow():
    interruption = begun("okay")
    assert spoken(interruption, NODDING_MS - 300) is Verdict.GO_ON
    assert interruption.end() is Verdict.FALSE_ALARM


def test_a_word_at_the_pause_that_is_settled_interrupts():
    interruption = begun("wait")
    verdicts = [interruption.hear(20, 0, NO_MS) for _ in range(7)]
    assert verdicts[-1] is Verdict.STOP


def test_the_agents_own_words_do_not_count():
    interruption = Interruption(STOP_AFTER_MS)
    interruption.begin(NO_MS)
    interruption.read("your table is booked")
    interruption.hear(200, 0, NO_MS)
    interruption.hear(20, 20, ALL_MS)
    assert interruption.conclude("your table is booked") is Verdict.GO_ON


def test_words_that_are_known_only_after_the_pause_count():
    interruption = begun()
    spoken(interruption, 100)
    interruption.end()
    assert interruption.conclude("stop") is Verdict.STOP


def test_words_of_a_noise_do_not():
    interruption = Interruption(STOP_AFTER_MS)
    interruption.begin(NO_MS)
    interruption.end()
    assert interruption.conclude("stop that please") is Verdict.GO_ON


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 200), st.text(max_size=20))))
def test_after_an_end_nothing_is_left_open(sounds: list[tuple[int, int, str]]):
    interruption = Interruption(STOP_AFTER_MS)
    interruption.begin(ALL_MS)
    for caller_ms, onset_ms, text in sounds:
        interruption.read(text)
        interruption.hear(20, caller_ms, onset_ms)
    interruption.end()
    assert interruption.hear(20, 20, ALL_MS) is Verdict.GO_ON
