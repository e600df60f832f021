"""The rules find what is wrong; each test is one breach."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.end_to_end.judgement import breaches
from tests.end_to_end.unlucky_call import Observed, Sound, Utterance, Verdict
from tests.end_to_end.unlucky_servers import Stroke

LOST = Stroke(11.3, "asr: refuses")
SAID = Utterance(10.0, ("more", "tea"), 11.0)
SORRY = Sound(12.0, 12.2, ("sorry",))
WAIT = Sound(12.0, 12.6, ("one", "moment", "please"))
ANSWER = (Sound(12.0, 12.2, ("with",)), Sound(12.2, 12.4, ("pleasure",)))


def fine() -> Observed:
    """A conversation in which all is well."""
    return Observed(
        seed=0,
        utterances=[SAID],
        sounds=[*ANSWER],
        verdicts=[Verdict(11.4, True)],
        messages=[
            {"role": "user", "content": "Greet."},
            {"role": "user", "content": "more tea"},
            {"role": "assistant", "content": "With pleasure."},
        ],
        hung_up_s=14.0,
    )


def remembering(user: str = "more tea", assistant: str = "With pleasure.") -> Callable[[Observed], Observed]:
    contents = (("user", "Greet."), ("user", user), ("assistant", assistant))
    messages = [{"role": role, "content": content} for role, content in contents if content]
    return lambda seen: replace(seen, messages=messages)


def paused(seen: Observed) -> Observed:
    """The same, with a pause in it, at which Smart Turn is wrong."""
    said = replace(SAID, start_s=9.0, pauses=[(9.5, 10.0)], end_s=11.1)
    return replace(seen, utterances=[said], verdicts=[Verdict(9.8, True), Verdict(11.4, True)])


def late(at_s: float) -> list[Sound]:
    """The answer, some time later."""
    return [Sound(at_s, at_s + 0.2, ("with",)), Sound(at_s + 0.2, at_s + 0.4, ("pleasure",))]


def test_all_is_well():
    assert breaches(fine()) == []


def test_an_answer_in_a_pause_that_smart_turn_takes_for_the_end_is_no_breach():
    seen = paused(fine())
    assert breaches(replace(seen, sounds=[Sound(9.9, 10.1, ("with",)), *ANSWER])) == []


def test_who_is_asked_to_wait_in_time_waits_without_dead_air():
    assert breaches(replace(fine(), sounds=[WAIT, *late(16.0)], hung_up_s=18.0)) == []


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("early_audio", lambda seen: replace(seen, sounds=[Sound(11.2, 11.3, ("with",)), *ANSWER])),
        ("early_audio", lambda seen: replace(seen, sounds=[Sound(10.85, 10.95, ("with",)), *ANSWER])),
        ("dead_air", lambda seen: replace(remembering(assistant="")(seen), sounds=[])),
        ("dead_air", lambda seen: replace(seen, sounds=[Sound(13.2, 13.3, ("with", "pleasure"))])),
        ("lost_words", remembering(user="more")),
        ("lost_words", remembering(user="more tea tea")),
        ("lost_words", remembering(user="tea more")),
        ("lost_words", remembering(user="")),
        ("false_memory", remembering(assistant="With great pleasure.")),
        ("false_memory", remembering(assistant="Pleasure.")),
        ("false_memory", remembering(assistant="Pleasure with.")),
        ("early_audio", lambda seen: replace(paused(seen), sounds=[Sound(11.0, 11.1, ("with",)), *ANSWER])),
        (
            "talks_on",
            lambda seen: replace(seen, turns_s=[10.2], sounds=[Sound(10.5, 10.6, ("with",)), *ANSWER]),
        ),
        ("dead_air", lambda seen: replace(seen, sounds=[WAIT, *late(18.0)], hung_up_s=20.0)),
        ("lost_words", lambda seen: replace(remembering(user="more")(seen), sounds=[SORRY, *ANSWER])),
        ("hung_up", lambda seen: replace(seen, ended_by_itself=True)),
        ("left_tasks", lambda seen: replace(seen, tasks_left=["forgotten"])),
    ],
)
def test_a_breach_is_found(rule: str, change: Callable[[Observed], Observed]):
    assert {breach.split(":")[0] for breach in breaches(change(fine()))} == {rule}


def test_words_that_were_lost_may_be_apologised_for():
    seen = replace(remembering(user="", assistant="")(fine()), sounds=[SORRY])
    assert breaches(replace(seen, strokes=[LOST])) == []
    assert breaches(seen) == ["lost_words: lost by nobody's fault: more tea of more tea"]
    elsewhere = Stroke(5.0, "asr: refuses")
    assert breaches(replace(seen, strokes=[elsewhere])) != []


def test_an_apology_that_the_caller_cuts_short_is_not_missed():
    again = replace(SAID, words=("please",), start_s=12.5, end_s=12.8)
    seen = replace(
        remembering(user="please")(fine()),
        utterances=[SAID, again],
        verdicts=[Verdict(12.9, True)],
        strokes=[LOST],
    )
    late = [Sound(13.5, 13.7, ("with",)), Sound(13.7, 13.9, ("pleasure",))]
    assert breaches(replace(seen, sounds=late)) == []


def test_a_wrong_verdict_takes_its_time():
    late = Sound(14.0, 14.3, ("with", "pleasure"))
    wrong = [Stroke(11.2, "verdict: incomplete")]
    assert breaches(replace(fine(), sounds=[late], verdicts=[], strokes=wrong)) == []


def test_who_hears_no_apology_because_the_voice_refuses_it_as_well_hears_nothing():
    silent = replace(remembering(assistant="")(fine()), sounds=[])
    refused = [Stroke(11.5, "llm: status 500"), Stroke(11.6, "tts: refuses")]
    assert breaches(replace(silent, strokes=refused)) == []
    assert breaches(replace(silent, strokes=refused[1:])) != []


def test_a_word_that_was_cut_need_not_be_remembered():
    assert breaches(remembering(assistant="With")(fine())) == []


def test_nobody_waits_for_an_answer_when_the_caller_goes_on():
    again = replace(SAID, words=("please",), start_s=11.5, end_s=11.8)
    seen = replace(remembering(user="more tea please")(fine()), utterances=[SAID, again])
    assert breaches(replace(seen, verdicts=[Verdict(11.9, True)])) == []
