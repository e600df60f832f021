from agent.speculation import Speculation


def test_what_was_gained_is_what_went_on_before_the_verdict():
    speculation = Speculation()
    speculation.begin("hello", 10.0)
    speculation.confirm(10.15)
    assert speculation.account().gained_ms == 150


def test_audio_that_waits_gains_no_more():
    speculation = Speculation()
    speculation.begin("hello", 10.0)
    assert speculation.pending
    speculation.pending.ready_s = 10.1
    speculation.confirm(10.5)
    assert speculation.account().gained_ms == 100


def test_tokens_of_what_is_dropped_are_wasted():
    speculation = Speculation()
    speculation.begin("hello", 10.0)
    assert speculation.pending
    speculation.pending.tokens = 7
    speculation.withdraw()
    assert speculation.account()[:2] == (None, 7)


def test_tokens_of_what_is_heard_are_not_wasted():
    speculation = Speculation()
    speculation.begin("hello", 10.0)
    assert speculation.pending
    speculation.pending.tokens = 7
    speculation.confirm(10.2)
    assert speculation.account().wasted_tokens == 0


def test_another_answer_takes_the_place_of_the_first():
    speculation = Speculation()
    speculation.begin("hello", 10.0)
    speculation.begin("hello there", 10.1)
    assert (speculation.wants("hello"), speculation.wants("hello there")) == (False, True)


def test_an_answer_that_is_confirmed_is_still_wanted():
    speculation = Speculation()
    speculation.begin("hello", 10.0)
    speculation.confirm(10.1)
    assert (speculation.pending, speculation.wants("hello")) == (None, True)


def test_an_answer_that_was_withdrawn_is_not_wanted():
    speculation = Speculation()
    speculation.begin("hello", 10.0)
    speculation.withdraw()
    assert not speculation.wants("hello")


def test_words_that_were_not_all_are_no_words_that_an_answer_is_to():
    speculation = Speculation()
    speculation.heard(10.0)
    speculation.unheard()
    assert speculation.account().heard_s is None


def test_an_account_is_of_one_turn():
    speculation = Speculation()
    speculation.begin("hello", 10.0)
    speculation.confirm(10.1)
    speculation.account()
    assert speculation.account() == (None, 0, None)
