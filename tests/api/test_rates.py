"""How often a key may call in a moving minute."""

import pytest

from reverie.api.rates import RateLimiter
from reverie.errors import RateError


class Clock:
    """A clock that stands still until it is set."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_key_may_call_as_often_as_agreed_and_again_once_its_first_call_is_a_minute_old() -> None:
    clock = Clock()
    limiter = RateLimiter(2, clock)
    limiter.count("key")
    clock.seconds = 20.0
    limiter.count("key")
    with pytest.raises(RateError) as refusal:
        limiter.count("key")
    assert refusal.value.retry_after_seconds == 40.0
    clock.seconds = 60.0
    limiter.count("key")


def test_keys_are_counted_apart() -> None:
    limiter = RateLimiter(1, Clock())
    limiter.count("first")
    limiter.count("second")
    with pytest.raises(RateError, match="more than 1 requests in a minute"):
        limiter.count("first")


def test_without_a_limit_nobody_waits() -> None:
    limiter = RateLimiter(None, Clock())
    for _ in range(1_000):
        limiter.count("key")
