"""How often a key may call, per process; off unless asked for."""

import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from reverie.errors import RateError


class RateLimiter:
    """Counts calls by key in a moving window of a minute."""

    def __init__(self, requests_per_minute: int | None) -> None:
        self._item = None if requests_per_minute is None else RateLimitItemPerMinute(requests_per_minute)
        self._windows = MovingWindowRateLimiter(MemoryStorage())

    def count(self, key_id: str) -> None:
        """Count one call.

        Raises:
            RateError: the key has made as many as it may in this minute.
        """
        if self._item is None or self._windows.hit(self._item, key_id):
            return
        reset = self._windows.get_window_stats(self._item, key_id).reset_time
        raise RateError(
            f"more than {self._item.amount} requests in a minute; wait and try again",
            retry_after_seconds=max(1.0, reset - time.time()),
        )
