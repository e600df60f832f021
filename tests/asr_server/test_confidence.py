from hypothesis import given, strategies as st

from asr_server.confidence import Evidence, confidence

scores = st.floats(-1e6, 0)


@given(scores, scores, st.floats(0, 5))
def test_it_is_a_share(acoustic: float, language: float, length: float):
    assert 0 <= confidence(Evidence(acoustic, language, length)) <= 1


@given(st.floats(-20, 0), st.floats(-200, 0), st.floats(0, 3))
def test_better_evidence_makes_it_no_less_sure(acoustic: float, language: float, length: float):
    good, bad = Evidence(acoustic, language, length), Evidence(acoustic - 1, language - 1, length)
    assert confidence(good) >= confidence(bad)
