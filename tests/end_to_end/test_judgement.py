"""The rules find what is wrong; each test is one breach."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.end_to_end.judgement import breaches
from tests.end_to_end.unlucky_call import Observed, Sound, Utterance, Verdict
from tests.end_to_end.unlucky_servers import Stroke

SAID = Utterance(10.0, ("more", "tea"), 11.0)
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


def test_all_is_well():
    assert breaches(fine()) == []


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
        ("left_tasks", lambda seen: replace(seen, tasks_left=["forgotten"])),
    ],
)
def test_a_breach_is_found(rule: str, change: Callable[[Observed], Observed]):
    assert {breach.split(":")[0] for breach in breaches(change(fine()))} == {rule}


def test_words_that_were_lost_may_be_apologised_for():
    sorry = Sound(12.0, 12.2, ("sorry",))
    assert breaches(replace(remembering(user="", assistant="")(fine()), sounds=[sorry])) == []


def test_an_apology_that_the_caller_cuts_short_is_not_missed():
    again = replace(SAID, words=("please",), start_s=12.5, end_s=12.8)
    seen = replace(
        remembering(user="please")(fine()), utterances=[SAID, again], verdicts=[Verdict(11.9, True)]
    )
    late = [Sound(13.5, 13.7, ("with",)), Sound(13.7, 13.9, ("pleasure",))]
    assert breaches(replace(seen, sounds=late)) == []


def test_a_wrong_verdict_takes_its_time():
    late = Sound(14.0, 14.3, ("with", "pleasure"))
    wrong = [Stroke(11.2, "verdict: incomplete")]
    assert breaches(replace(fine(), sounds=[late], verdicts=[], strokes=wrong)) == []


def test_a_word_that_was_cut_need_not_be_remembered():
    assert breaches(remembering(assistant="With")(fine())) == []


def test_nobody_waits_for_an_answer_when_the_caller_goes_on():
    again = replace(SAID, words=("please",), start_s=11.5, end_s=11.8)
    seen = replace(remembering(user="more tea please")(fine()), utterances=[SAID, again])
    assert breaches(replace(seen, verdicts=[Verdict(11.9, True)])) == []
