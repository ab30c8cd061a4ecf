"""How often a provider is asked, on a clock of our own."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from reverie.errors import ContextOverflow, ModelRateLimited, ModelUnavailable
from reverie.language_model import ModelUsage
from reverie.models.allowance import Allowance, AllowedTurnModel, Limits, strictest
from reverie.models.estimate import estimate_tokens
from reverie.models.route import ModelRoute
from reverie.turn_model import SilentPiece, TurnMessage, TurnPiece, TurnReply, TurnRequest
from tests.models.turning import ASKED, pieces_of


class Time:
    """A clock that goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class Provider:
    """Answers with these errors, and then with a reply of so many tokens."""

    provider = "anthropic"
    model = "m"

    def __init__(self, *errors: Exception, usage: ModelUsage | None = None) -> None:
        self._errors = list(errors)
        self._usage = usage or ModelUsage()
        self.under_way = self.most_under_way = 0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.reached = {number: asyncio.Event() for number in range(1, 7)}
        """Set once so many requests are under way."""

    async def stream(self, _request: TurnRequest) -> AsyncIterator[TurnPiece]:
        if self._errors:
            raise self._errors.pop(0)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        self.reached[self.under_way].set()
        try:
            yield SilentPiece()
            await self.go_on.wait()
            yield TurnReply((), "end_turn", self._usage, "anthropic", "m")
        finally:
            self.under_way -= 1


def allowance(time: Time, requests: int | None = None, tokens: int | None = None, concurrency: int = 64) -> Allowance:
    return Allowance(Limits(requests, tokens, concurrency), time.monotonic, time.sleep)


async def admitted_at(time: Time, allowed: Allowance, *tokens: int) -> list[float]:
    """When each of some requests was let through."""
    moments = []
    for each in tokens:
        async with allowed.admit(each):
            moments.append(time.now)
    return moments


async def test_a_minute_s_requests_go_at_once_and_the_next_ones_at_the_rate() -> None:
    time = Time()
    moments = await admitted_at(time, allowance(time, requests=6), *[0] * 8)
    assert moments == pytest.approx([0.0] * 6 + [10.0, 20.0])


async def test_tokens_are_counted_too_and_the_longer_wait_counts() -> None:
    time = Time()
    moments = await admitted_at(time, allowance(time, requests=60, tokens=600), 600, 100, 1)
    assert moments == pytest.approx([0.0, 10.0, 10.1])


async def test_a_request_that_is_larger_than_a_minute_s_tokens_is_made_all_the_same() -> None:
    time = Time()
    moments = await admitted_at(time, allowance(time, tokens=600), 6000, 6000)
    assert moments == pytest.approx([0.0, 600.0])


async def test_a_bucket_does_not_fill_beyond_a_minute() -> None:
    time = Time()
    allowed = allowance(time, requests=2)
    time.now = 3600.0
    assert await admitted_at(time, allowed, 0, 0, 0) == pytest.approx([3600.0, 3600.0, 3630.0])


async def test_no_limits_are_no_waits() -> None:
    time = Time()
    assert await admitted_at(time, allowance(time), *[10**9] * 100) == [0.0] * 100


async def test_what_a_reply_took_is_settled_and_reads_of_the_cache_are_free() -> None:
    time = Time()
    allowed = allowance(time, tokens=6000)
    usage = ModelUsage(input_tokens=5000, output_tokens=900, cache_read_tokens=70_000, cache_write_tokens=100)
    model = AllowedTurnModel(Provider(usage=usage), allowed)
    await pieces_of(model)
    assert await admitted_at(time, allowed, 1000) == pytest.approx([10.0])


async def test_a_request_that_failed_took_what_is_known_of_it() -> None:
    time = Time()
    allowed = allowance(time, tokens=600)
    model = AllowedTurnModel(Provider(ContextOverflow("no", input_tokens=100, output_tokens=20)), allowed)
    with pytest.raises(ContextOverflow):
        await pieces_of(model)
    assert await admitted_at(time, allowed, 480, 1) == pytest.approx([0.0, 0.1])


async def test_an_image_is_not_estimated_by_its_length() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 10**6}}
    shot = {"type": "tool_result", "tool_use_id": "t", "content": [image]}
    assert estimate_tokens(TurnRequest((TurnMessage("user", (image, shot)),))) == 3200


async def test_when_one_is_told_to_come_back_later_all_wait() -> None:
    time = Time()
    allowed = allowance(time)
    model = AllowedTurnModel(Provider(ModelRateLimited("no", retry_after_seconds=30.0)), allowed)
    with pytest.raises(ModelRateLimited):
        await pieces_of(model)
    other = AllowedTurnModel(Provider(), allowed)
    await pieces_of(other)
    assert time.now == 30.0


async def test_a_shorter_rest_does_not_end_a_longer_one() -> None:
    time = Time()
    allowed = allowance(time)
    allowed.rest(30.0)
    allowed.rest(5.0)
    assert await admitted_at(time, allowed, 0) == [30.0]


async def test_no_more_requests_are_under_way_than_is_said_and_failed_ones_make_room() -> None:
    provider = Provider(ModelUnavailable("no"))
    model = AllowedTurnModel(provider, allowance(Time(), concurrency=2))
    with pytest.raises(ModelUnavailable):
        await pieces_of(model)
    provider.go_on.clear()
    tasks = [asyncio.create_task(pieces_of(model)) for _ in range(6)]
    await provider.reached[2].wait()
    provider.go_on.set()
    await asyncio.gather(*tasks)
    assert (provider.most_under_way, provider.under_way) == (2, 0)


async def test_a_turn_that_is_cancelled_makes_room() -> None:
    provider = Provider()
    provider.go_on.clear()
    model = AllowedTurnModel(provider, allowance(Time(), concurrency=1))
    task = asyncio.create_task(pieces_of(model))
    await provider.reached[1].wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    provider.go_on.set()
    assert isinstance((await pieces_of(model, ASKED))[-1], TurnReply)


def test_of_routes_to_one_address_the_smallest_figure_counts() -> None:
    routes = [
        ModelRoute("a", "openai", requests_per_minute=60, concurrency=8),
        ModelRoute("b", "openai", requests_per_minute=50, tokens_per_minute=1000),
        ModelRoute("c", "openai"),
    ]
    assert strictest(routes) == Limits(50, 1000, 8)
    assert strictest(routes[2:]) == Limits(None, None, 64)
