import pytest
from anthropic import AsyncAnthropic, NotFoundError
from msgspec.structs import replace

from reverie.api.service import ServiceOptions
from reverie.settings import ModelSettings, Settings
from tests.api.conftest import running


async def test_without_a_model_the_list_is_empty(client: AsyncAnthropic) -> None:
    assert [model.id async for model in client.beta.models.list()] == []
    with pytest.raises(NotFoundError, match="REVERIE_MODEL"):
        await client.beta.models.retrieve("any")


async def test_the_configured_model_is_listed_and_read_even_with_a_slash_in_its_name(settings: Settings) -> None:
    named = replace(settings, model=ModelSettings("openai", "org/small", "http://127.0.0.1:1/v1"))
    async with running(named, ServiceOptions()) as server, server.client(await server.key()) as client:
        assert [model.id async for model in client.beta.models.list()] == ["org/small"]
        assert [model.id async for model in client.models.list(lifecycle=["retired"])] == []
        assert (await client.beta.models.retrieve("org/small")).lifecycle == "active"
