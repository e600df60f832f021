"""The rate limit, by a clock of its own."""

from wire.connection import TokenBucket


def test_a_burst_is_let_through_and_no_more():
    bucket = TokenBucket(5, now_s=0)
    assert [bucket.take(0) for _ in range(11)] == [True] * 10 + [False]


def test_what_was_refused_costs_nothing():
    bucket = TokenBucket(5, now_s=0)
    for _ in range(1_000):
        bucket.take(0)
    assert bucket.take(0.2)


def test_a_slow_rate_lets_one_through():
    assert TokenBucket(0.1, now_s=0).take(0)
