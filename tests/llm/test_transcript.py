from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from llm.transcript import History, Placement, already_holds, common_prefix, place, reusable

TOKENS = st.lists(st.integers(0, 2), max_size=12)


@given(TOKENS, TOKENS)
def test_the_common_prefix_is_what_comparing_one_by_one_finds(one: list[int], other: list[int]):
    different = [i for i, (left, right) in enumerate(zip(one, other, strict=False)) if left != right]
    assert common_prefix(one, other) == (different[0] if different else min(len(one), len(other)))


def histories(
    *tokens: Sequence[int], busy: Sequence[int] = (), used_s: Sequence[float] = ()
) -> list[History]:
    ages = used_s or [0.0] * len(tokens)
    return [History(i, held, i in busy, ages[i]) for i, held in enumerate(tokens)]


def test_a_rewinding_memory_reuses_what_is_common_but_for_the_last_token():
    assert reusable([1, 2, 3], [1, 2, 3], rewinds=True) == 2


def test_a_recurrent_memory_reuses_all_of_a_history_that_goes_on():
    assert reusable([1, 2], [1, 2, 3], rewinds=False) == 2


@pytest.mark.parametrize("prompt", [[1, 2, 3], [1, 2, 4, 5], [1, 2], [9]])
def test_a_recurrent_memory_reuses_nothing_of_any_other(prompt: list[int]):
    assert reusable([1, 2, 3], prompt, rewinds=False) == 0


def test_a_prefill_may_reuse_the_whole_prompt():
    assert reusable([1, 2, 3], [1, 2, 3], rewinds=False, room=0) == 3


def test_a_conversation_goes_on_where_it_was():
    kept = histories([1, 2, 3], [1, 2, 3, 4, 5], [])
    assert place(kept, [1, 2, 3, 4, 5, 6], rewinds=True, now_s=0) == Placement(1, 1, 5)


def test_a_new_conversation_copies_the_common_beginning_to_an_empty_sequence():
    kept = histories([1, 2, 3, 4, 5, 6, 7], [])
    assert place(kept, [1, 2, 3, 9], rewinds=True, now_s=0) == Placement(1, 0, 3)


def test_a_busy_sequence_is_copied_from_and_left_alone():
    kept = histories([1, 2, 3], [], busy=[0])
    assert place(kept, [1, 2, 3, 4], rewinds=True, now_s=0) == Placement(1, 0, 3)


def test_the_conversation_that_was_left_long_ago_makes_room():
    kept = histories([1] * 50, [2] * 400, used_s=[590, 0])
    assert place(kept, [3], rewinds=True, now_s=600).sequence == 1


def test_of_two_that_were_just_used_the_shorter_makes_room():
    kept = histories([1] * 400, [2] * 50, used_s=[10, 10])
    assert place(kept, [3], rewinds=True, now_s=11).sequence == 1


@given(st.lists(st.tuples(TOKENS, st.booleans(), st.floats(0, 99)), min_size=1), TOKENS, st.booleans())
def test_every_placement_is_free_and_as_good_as_the_best(
    kept: list[tuple[list[int], bool, float]], prompt: list[int], rewinds: bool
):
    held = [History(i, tokens, busy, used_s) for i, (tokens, busy, used_s) in enumerate(kept)]
    held.append(History(len(held), []))
    spot = place(held, [*prompt, 7], rewinds=rewinds, now_s=100)
    best = max(reusable(history.tokens, [*prompt, 7], rewinds=rewinds) for history in held)
    assert not held[spot.sequence].busy
    assert reusable(held[spot.source].tokens, [*prompt, 7], rewinds=rewinds) == spot.kept == best


def test_a_history_that_reaches_further_holds_the_prompt():
    assert already_holds(histories([], [1, 2, 3]), [1, 2])
    assert not already_holds(histories([1], [1, 3]), [1, 2])
