"""Vaults and the credentials in them."""

from anthropic.types.beta.vaults import BetaManagedAgentsCredential

from tests.conformance.world import World


async def vault(world: World) -> str:
    """The id of a fresh vault."""
    return (await world.client.beta.vaults.create(display_name="Keys", metadata={"team": "desk"})).id


async def credential(
    world: World, vault_id: str, server: str = "https://mcp.example.com/a"
) -> BetaManagedAgentsCredential:
    """A fresh credential in a vault."""
    return await world.client.beta.vaults.credentials.create(
        vault_id,
        auth={"type": "static_bearer", "token": "top-secret", "mcp_server_url": server},
        display_name="Tickets",
    )


async def create(world: World) -> None:
    made = await world.client.beta.vaults.create(display_name="Keys")
    assert (made.display_name, made.archived_at) == ("Keys", None)


async def retrieve(world: World) -> None:
    vault_id = await vault(world)
    assert (await world.client.beta.vaults.retrieve(vault_id)).metadata == {"team": "desk"}


async def update(world: World) -> None:
    changed = await world.client.beta.vaults.update(await vault(world), display_name="Other", metadata={"team": None})
    assert (changed.display_name, changed.metadata) == ("Other", {})


async def list_all(world: World) -> None:
    vault_id = await vault(world)
    page = await world.client.beta.vaults.list(include_archived=False, limit=1)
    assert [listed.id for listed in page.data] == [vault_id]


async def archive(world: World) -> None:
    assert (await world.client.beta.vaults.archive(await vault(world))).archived_at is not None


async def delete(world: World) -> None:
    vault_id = await vault(world)
    deleted = await world.client.beta.vaults.delete(vault_id)
    assert (deleted.id, deleted.type) == (vault_id, "vault_deleted")


async def create_credential(world: World) -> None:
    made = await credential(world, await vault(world))
    assert made.auth.type == "static_bearer"
    assert "top-secret" not in made.to_json()


async def retrieve_credential(world: World) -> None:
    vault_id = await vault(world)
    made = await credential(world, vault_id)
    read = await world.client.beta.vaults.credentials.retrieve(made.id, vault_id=vault_id)
    assert (read.vault_id, read.display_name) == (vault_id, "Tickets")


async def update_credential(world: World) -> None:
    vault_id = await vault(world)
    made = await credential(world, vault_id)
    changed = await world.client.beta.vaults.credentials.update(
        made.id, vault_id=vault_id, display_name="Other", auth={"type": "static_bearer", "token": "newer-secret"}
    )
    assert changed.display_name == "Other"
    assert "newer-secret" not in changed.to_json()


async def list_credentials(world: World) -> None:
    vault_id = await vault(world)
    made = await credential(world, vault_id)
    page = await world.client.beta.vaults.credentials.list(vault_id, include_archived=True)
    assert [listed.id for listed in page.data] == [made.id]


async def archive_credential(world: World) -> None:
    vault_id = await vault(world)
    made = await credential(world, vault_id)
    archived = await world.client.beta.vaults.credentials.archive(made.id, vault_id=vault_id)
    assert archived.archived_at is not None


async def delete_credential(world: World) -> None:
    vault_id = await vault(world)
    made = await credential(world, vault_id)
    deleted = await world.client.beta.vaults.credentials.delete(made.id, vault_id=vault_id)
    assert (deleted.id, deleted.type) == (made.id, "vault_credential_deleted")


async def validate_credential(world: World) -> None:
    vault_id = await vault(world)
    made = await world.client.beta.vaults.credentials.create(
        vault_id, auth={"type": "mcp_oauth", "access_token": "t", "mcp_server_url": "https://mcp.example.com/b"}
    )
    answer = await world.client.beta.vaults.credentials.mcp_oauth_validate(made.id, vault_id=vault_id)
    assert (answer.credential_id, answer.has_refresh_token) == (made.id, False)


EXERCISES = {
    "vaults.create": create,
    "vaults.retrieve": retrieve,
    "vaults.update": update,
    "vaults.list": list_all,
    "vaults.archive": archive,
    "vaults.delete": delete,
    "vaults.credentials.create": create_credential,
    "vaults.credentials.retrieve": retrieve_credential,
    "vaults.credentials.update": update_credential,
    "vaults.credentials.list": list_credentials,
    "vaults.credentials.archive": archive_credential,
    "vaults.credentials.delete": delete_credential,
    "vaults.credentials.mcp_oauth_validate": validate_credential,
}
