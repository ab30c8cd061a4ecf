"""How often a key may call, per process; off unless asked for."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from reverie.errors import RateError

_WINDOW_SECONDS = 60.0


class RateLimiter:
    """Counts calls by key in a moving window of a minute.

    ``now`` gives the time in seconds since any moment, and never goes back.
    """

    def __init__(self, requests_per_minute: int | None, now: Callable[[], float] = time.monotonic) -> None:
        self._most = requests_per_minute
        self._now = now
        self._calls: OrderedDict[str, deque[float]] = OrderedDict()

    def count(self, key_id: str) -> None:
        """Count one call.

        Raises:
            RateError: the key has made as many as it may in this minute.
        """
        if self._most is None:
            return
        now = self._now()
        self._forget(now - _WINDOW_SECONDS)
        calls = self._calls.setdefault(key_id, deque())
        while calls and calls[0] <= now - _WINDOW_SECONDS:
            calls.popleft()
        if len(calls) >= self._most:
            wait = calls[0] + _WINDOW_SECONDS - now if calls else _WINDOW_SECONDS
            raise RateError(
                f"more than {self._most} requests in a minute; wait and try again", retry_after_seconds=max(1.0, wait)
            )
        calls.append(now)
        self._calls.move_to_end(key_id)

    def _forget(self, before: float) -> None:
        """Drop the keys whose last call was too long ago to count; they stand first."""
        while self._calls:
            key, calls = next(iter(self._calls.items()))
            if calls and calls[-1] > before:
                return
            del self._calls[key]
