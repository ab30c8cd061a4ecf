import httpx2
import pytest
from anthropic import AsyncAnthropic, BadRequestError, NotFoundError


async def test_an_environment_without_configuration_is_a_cloud_one_with_an_open_network(client: AsyncAnthropic) -> None:
    environment = await client.beta.environments.create(name="desk")
    assert environment.config.type == "cloud"
    assert environment.config.networking.type == "unrestricted"
    assert environment.config.packages.pip == []


async def test_listing_pages_through_all_environments_newest_first(client: AsyncAnthropic) -> None:
    made = [(await client.beta.environments.create(name=f"e{i}")).id for i in range(5)]
    listed = [environment.id async for environment in client.beta.environments.list(limit=2)]
    assert listed == made[::-1]


async def test_an_empty_metadata_value_deletes_the_key(client: AsyncAnthropic) -> None:
    environment = await client.beta.environments.create(name="e", metadata={"a": "1", "b": "2"})
    changed = await client.beta.environments.update(environment.id, metadata={"a": ""})
    assert changed.metadata == {"b": "2"}


async def test_the_type_of_a_configuration_cannot_change(client: AsyncAnthropic) -> None:
    environment = await client.beta.environments.create(name="e", config={"type": "self_hosted"})
    with pytest.raises(BadRequestError) as refused:
        await client.beta.environments.update(environment.id, config={"type": "cloud"})
    assert refused.value.body["error"]["details"]["error_code"] == "invalid_config_type_change"  # type: ignore[index]


async def test_archiving_twice_keeps_the_first_time_and_forbids_changes(client: AsyncAnthropic) -> None:
    environment = await client.beta.environments.create(name="e")
    first = await client.beta.environments.archive(environment.id)
    again = await client.beta.environments.archive(environment.id)
    assert first.archived_at == again.archived_at is not None
    with pytest.raises(BadRequestError):
        await client.beta.environments.update(environment.id, name="other")


async def test_a_deleted_environment_is_gone(client: AsyncAnthropic) -> None:
    environment = await client.beta.environments.create(name="e")
    await client.beta.environments.delete(environment.id)
    with pytest.raises(NotFoundError):
        await client.beta.environments.retrieve(environment.id)


async def test_what_older_clients_add_to_addresses_is_ignored_and_the_unknown_is_not(http: httpx2.AsyncClient) -> None:
    assert (await http.get("/v1/environments?beta=true&limit=1")).status_code == 200
    refused = await http.get("/v1/environments?limt=1")
    assert refused.status_code == 400
    assert "limt" in refused.json()["error"]["message"]
