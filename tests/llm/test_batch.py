from hypothesis import given, strategies as st

from llm.batch import shares

WANTED = st.lists(st.integers(0, 500), max_size=10)


@given(WANTED, st.integers(0, 300))
def test_nothing_is_wasted_and_nobody_gets_more_than_wanted(wanted: list[int], budget: int):
    granted = shares(wanted, budget)
    assert all(0 <= share <= want for share, want in zip(granted, wanted, strict=True))
    assert sum(granted) == min(budget, sum(wanted))


def test_a_short_prompt_is_read_at_once_beside_a_long_one():
    assert shares([3000, 20], 128) == [108, 20]


@given(st.lists(st.integers(128, 500), min_size=1, max_size=10))
def test_long_prompts_share_alike(wanted: list[int]):
    granted = shares(wanted, 128)
    assert max(granted) - min(granted) <= 1
