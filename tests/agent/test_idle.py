from agent.idle import Silence, Step


def test_a_silent_caller_is_asked_then_told_goodbye_then_hung_up_on():
    silence = Silence()
    steps = [silence.lasts(expected=False) for _ in range(4)]
    assert steps == [Step.ASK, Step.SAY_GOODBYE, Step.HANG_UP, Step.HANG_UP]


def test_who_answers_is_asked_again_another_time():
    silence = Silence()
    silence.lasts(expected=False)
    silence.broken()
    assert silence.lasts(expected=False) is Step.ASK


def test_who_answers_the_goodbye_has_not_left():
    silence = Silence()
    for _ in range(2):
        silence.lasts(expected=False)
    silence.broken()
    assert not silence.said_goodbye


def test_who_waits_for_something_is_left_in_peace():
    assert Silence().lasts(expected=True) is Step.WAIT
