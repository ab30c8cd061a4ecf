"""What a provider's account may be asked: requests and tokens a minute, and how many requests at a time.

All routes to a provider's address share one allowance, so that many sessions together stay within what it takes.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing, asynccontextmanager

import msgspec

from reverie.errors import ModelError, ModelRateLimited
from reverie.models.estimate import estimate_tokens
from reverie.models.route import ModelRoute
from reverie.turn_model import TurnModel, TurnPiece, TurnReply, TurnRequest

_CONCURRENCY = 64
_MINUTE_SECONDS = 60.0
_AT_ONCE_SECONDS = 1e-6
"""Waits below this are rounding."""


class Limits(msgspec.Struct, frozen=True):
    """The figures; None where there is no limit."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int = _CONCURRENCY


def strictest(routes: Iterable[ModelRoute]) -> Limits:
    """The limits of routes that share an allowance: the smallest figure counts."""
    found = list(routes)
    return Limits(
        min((route.requests_per_minute for route in found if route.requests_per_minute is not None), default=None),
        min((route.tokens_per_minute for route in found if route.tokens_per_minute is not None), default=None),
        min((route.concurrency for route in found if route.concurrency is not None), default=_CONCURRENCY),
    )


class Bucket:
    """A token bucket that holds a minute's worth; below 0 where something took more than was asked for."""

    def __init__(self, per_minute: int, now: float) -> None:
        self._most = float(per_minute)
        self._level = self._most
        self._at = now

    def wait_seconds(self, amount: float, now: float) -> float:
        """How long until ``amount`` is there; more than the bucket holds is there when it is full."""
        self._fill(now)
        return max(0.0, min(amount, self._most) - self._level) * _MINUTE_SECONDS / self._most

    def take(self, amount: float, now: float) -> None:
        """Take ``amount``, or give it back if it is below 0."""
        self._fill(now)
        self._level = min(self._level - amount, self._most)

    def _fill(self, now: float) -> None:
        self._level = min(self._most, self._level + (now - self._at) * self._most / _MINUTE_SECONDS)
        self._at = now


class Allowance:
    """Lets requests through as the limits allow, in the order in which they came.

    Args:
        monotonic: seconds of a clock that only goes on.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self,
        limits: Limits,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        now = monotonic()
        self._requests = Bucket(limits.requests_per_minute, now) if limits.requests_per_minute else None
        self._tokens = Bucket(limits.tokens_per_minute, now) if limits.tokens_per_minute else None
        self._running = asyncio.Semaphore(limits.concurrency)
        self._queue = asyncio.Lock()
        self._resting_until = now

    @asynccontextmanager
    async def admit(self, tokens: int) -> AsyncIterator[None]:
        """Be one of the requests under way, as soon as that may be."""
        async with self._running:
            async with self._queue:
                # Anew after each pause: meanwhile the provider may have asked for a longer one.
                while (seconds := self._wait_seconds(tokens)) > _AT_ONCE_SECONDS:
                    await self._sleep(seconds)
                self._take(1, tokens)
            yield

    def settle(self, expected: int, used: int) -> None:
        """A request took other tokens than were taken for it."""
        self._take(0, used - expected)

    def rest(self, seconds: float) -> None:
        """The provider wants nobody to ask for so long."""
        self._resting_until = max(self._resting_until, self._monotonic() + seconds)

    def _wait_seconds(self, tokens: int) -> float:
        now = self._monotonic()
        waits = [self._resting_until - now]
        waits += [self._requests.wait_seconds(1, now)] if self._requests else []
        waits += [self._tokens.wait_seconds(tokens, now)] if self._tokens else []
        return max(waits)

    def _take(self, requests: int, tokens: int) -> None:
        now = self._monotonic()
        if self._requests is not None:
            self._requests.take(requests, now)
        if self._tokens is not None:
            self._tokens.take(tokens, now)


class AllowedTurnModel:
    """A :class:`TurnModel` that asks another one as an allowance lets it."""

    def __init__(self, model: TurnModel, allowance: Allowance) -> None:
        self._model = model
        self._allowance = allowance

    @property
    def provider(self) -> str:
        return self._model.provider

    @property
    def model(self) -> str:
        return self._model.model

    async def stream(self, request: TurnRequest) -> AsyncIterator[TurnPiece]:
        """The other one's pieces, when it may be asked."""
        expected = estimate_tokens(request)
        async with self._allowance.admit(expected):
            try:
                async with aclosing(self._model.stream(request)) as pieces:  # type: ignore[type-var]
                    async for piece in pieces:
                        if isinstance(piece, TurnReply):
                            # Providers do not count what they read from their caches.
                            used = piece.usage.total_tokens - piece.usage.cache_read_tokens
                            self._allowance.settle(expected, used)
                        yield piece
            except ModelError as error:
                self._allowance.settle(expected, error.input_tokens + error.output_tokens)
                if isinstance(error, ModelRateLimited) and error.retry_after_seconds is not None:
                    self._allowance.rest(error.retry_after_seconds)
                raise
