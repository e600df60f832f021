from hypothesis import given, strategies as st

from tts_server.fair_queue import FairQueue


def anything(_: object) -> bool:
    return True


def drained(queue: FairQueue[str]) -> list[str]:
    out: list[str] = []
    while (item := queue.pop(anything)) is not None:
        out.append(item)
    return out


def filled(*items: tuple[str, str]) -> FairQueue[str]:
    queue: FairQueue[str] = FairQueue()
    for owner, item in items:
        queue.push(owner, item)
    return queue


def test_owners_take_turns():
    queue = filled(("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("c", "c1"), ("c", "c2"))
    assert drained(queue) == ["a1", "b1", "c1", "a2", "c2", "a3"]


def test_what_is_not_allowed_waits_and_others_pass():
    queue = filled(("a", "a1"), ("a", "a2"), ("b", "b1"))
    assert queue.pop(lambda item: item != "a1") == "a2"
    assert drained(queue) == ["b1", "a1"]


def test_nothing_allowed_is_nothing():
    assert filled(("a", "a1")).pop(lambda _: False) is None


def test_what_is_dropped_is_not_served():
    queue = filled(("a", "a1"), ("a", "a2"), ("b", "b1"))
    queue.drop("a", lambda item: item == "a1")
    queue.drop("nobody", anything)
    assert drained(queue) == ["a2", "b1"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers())))
def test_each_owner_is_served_in_order_and_nothing_is_lost(items: list[tuple[str, int]]):
    queue: FairQueue[tuple[str, int]] = FairQueue()
    for owner, number in items:
        queue.push(owner, (owner, number))
    out = [item for item in iter(lambda: queue.pop(anything), None)]
    for owner in "abc":
        assert [item for item in out if item[0] == owner] == [item for item in items if item[0] == owner]
    assert len(out) == len(items)
    assert len(queue) == 0
