"""Every method of the SDK is called, with the async client and with the sync one."""

import asyncio

import pytest
from anthropic import Anthropic

from reverie.testing.patience import PATIENCE_SECONDS
from tests.conformance.exercises import EXERCISES
from tests.conformance.sdk_methods import sdk_methods
from tests.conformance.served import Served
from tests.conformance.world import World

SYNC_METHODS = set(sdk_methods(Anthropic(api_key="unused")))


def test_every_method_of_the_sdk_has_an_exercise_and_no_exercise_lacks_its_method() -> None:
    assert sorted(EXERCISES) == sorted(sdk_methods())


@pytest.mark.parametrize("method", EXERCISES)
async def test_the_async_client_calls(method: str, world: World) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await EXERCISES[method](world)


@pytest.mark.parametrize("method", [method for method in EXERCISES if method in SYNC_METHODS])
async def test_the_sync_client_calls(method: str, served: Served, world: World) -> None:
    async with served.sync_client(await served.key()) as client:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await EXERCISES[method](World(served, client, world.http))
