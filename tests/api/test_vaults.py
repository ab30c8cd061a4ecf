import httpx2
import msgspec
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic, BadRequestError, ConflictError, NotFoundError

from reverie.api.routes.credentials import MOST_CREDENTIALS, secrets_of
from reverie.api.service import ServiceOptions
from reverie.settings import Settings
from reverie.storage.postgres.secret_box import open_secret_box
from reverie.storage.service.vaults import Credential, match_credential
from tests.api.conftest import Server, running

MCP = "https://mcp.example.com/sse"


@pytest_asyncio.fixture
async def vault_id(client: AsyncAnthropic) -> str:
    return (await client.beta.vaults.create(display_name="keys")).id


async def stored(server: Server, *vault_ids: str) -> tuple[Credential, dict[str, str]]:
    """The credential that a session with these vaults would use, with its secrets."""
    async with server.service.database.connection() as connection:
        found = await match_credential(connection, list(vault_ids), MCP)
    assert found is not None
    return found, secrets_of(found, open_secret_box(server.service.settings))


async def put_oauth(client: AsyncAnthropic, vault_id: str) -> str:
    credential = await client.beta.vaults.credentials.create(
        vault_id,
        auth={
            "type": "mcp_oauth",
            "mcp_server_url": MCP,
            "access_token": "first-access",
            "expires_at": "2099-01-01T00:00:00Z",
            "refresh": {
                "client_id": "me",
                "refresh_token": "first-refresh",
                "token_endpoint": "https://login.example.com/token",
                "token_endpoint_auth": {"type": "client_secret_post", "client_secret": "first-client"},
                "scope": "read",
            },
        },
    )
    return credential.id


async def test_vaults_are_listed_newest_first_and_archived_ones_only_when_asked_for(client: AsyncAnthropic) -> None:
    made = [(await client.beta.vaults.create(display_name=f"v{i}")).id for i in range(4)]
    await client.beta.vaults.archive(made[0])
    assert [vault.id async for vault in client.beta.vaults.list(limit=2)] == made[:0:-1]
    assert [vault.id async for vault in client.beta.vaults.list(include_archived=True)] == made[::-1]


async def test_an_update_keeps_what_it_leaves_out(client: AsyncAnthropic, vault_id: str) -> None:
    await client.beta.vaults.update(vault_id, metadata={"a": "1", "b": "2"})
    changed = await client.beta.vaults.update(vault_id, display_name="renamed", metadata={"a": None})
    assert (changed.display_name, changed.metadata) == ("renamed", {"b": "2"})


async def test_no_answer_holds_a_secret_and_none_is_kept_in_the_clear(
    server: Server, client: AsyncAnthropic, http: httpx2.AsyncClient, vault_id: str
) -> None:
    credential_id = await put_oauth(client, vault_id)
    path = f"/v1/vaults/{vault_id}/credentials"
    answers = [(await http.get(path)).text, (await http.get(f"{path}/{credential_id}")).text]
    kept, secrets = await stored(server, vault_id)
    assert secrets == {
        "access_token": "first-access",
        "refresh_token": "first-refresh",
        "client_secret": "first-client",
    }
    assert not [text for text in (*answers, repr(kept)) if "first-" in text]


async def test_changing_a_credential_replaces_the_secrets_that_are_given(
    server: Server, client: AsyncAnthropic, vault_id: str
) -> None:
    credential_id = await put_oauth(client, vault_id)
    changed = await client.beta.vaults.credentials.update(
        credential_id,
        vault_id=vault_id,
        auth={
            "type": "mcp_oauth",
            "access_token": "second-access",
            "refresh": {
                "scope": "",
                "token_endpoint_auth": {"type": "client_secret_basic", "client_secret": "second-client"},
            },
        },
    )
    assert changed.auth.type == "mcp_oauth" and changed.auth.refresh is not None
    assert changed.auth.refresh.scope is None
    assert changed.auth.refresh.token_endpoint_auth.type == "client_secret_post"
    _, secrets = await stored(server, vault_id)
    assert secrets == {
        "access_token": "second-access",
        "refresh_token": "first-refresh",
        "client_secret": "second-client",
    }


async def test_a_vault_has_one_credential_in_use_for_a_server(client: AsyncAnthropic, vault_id: str) -> None:
    credential_id = await put_oauth(client, vault_id)
    with pytest.raises(ConflictError):
        await client.beta.vaults.credentials.create(
            vault_id, auth={"type": "static_bearer", "mcp_server_url": MCP, "token": "t"}
        )
    await client.beta.vaults.credentials.archive(credential_id, vault_id=vault_id)
    await put_oauth(client, vault_id)


async def test_the_first_vault_that_has_a_credential_for_the_server_wins(
    server: Server, client: AsyncAnthropic
) -> None:
    empty, second, third = [(await client.beta.vaults.create(display_name=f"v{i}")).id for i in range(3)]
    for vault_id in (second, third):
        await client.beta.vaults.credentials.create(
            vault_id, auth={"type": "static_bearer", "mcp_server_url": MCP, "token": f"of {vault_id}"}
        )
    assert (await stored(server, empty, third, second))[1] == {"token": f"of {third}"}


async def test_a_vault_holds_no_more_than_its_limit(client: AsyncAnthropic, vault_id: str) -> None:
    for number in range(MOST_CREDENTIALS):
        url = f"https://mcp{number}.example.com"
        await client.beta.vaults.credentials.create(
            vault_id, auth={"type": "static_bearer", "mcp_server_url": url, "token": "t"}
        )
    with pytest.raises(BadRequestError, match="20 credentials"):
        await put_oauth(client, vault_id)


async def test_archiving_a_vault_archives_its_credentials_and_purges_their_secrets(
    server: Server, client: AsyncAnthropic, vault_id: str
) -> None:
    credential_id = await put_oauth(client, vault_id)
    await client.beta.vaults.archive(vault_id)
    credential = await client.beta.vaults.credentials.retrieve(credential_id, vault_id=vault_id)
    assert credential.archived_at is not None
    async with server.service.database.connection() as connection:
        row = await connection.execute("SELECT count(*) FROM vault_credentials WHERE sealed IS NOT NULL")
        assert await row.fetchone() == (0,)
    with pytest.raises(BadRequestError, match="archived"):
        await put_oauth(client, vault_id)


async def test_what_is_deleted_is_gone(client: AsyncAnthropic, vault_id: str) -> None:
    credential_id = await put_oauth(client, vault_id)
    await client.beta.vaults.credentials.delete(credential_id, vault_id=vault_id)
    with pytest.raises(NotFoundError):
        await client.beta.vaults.credentials.retrieve(credential_id, vault_id=vault_id)
    await client.beta.vaults.delete(vault_id)
    with pytest.raises(NotFoundError):
        await client.beta.vaults.retrieve(vault_id)


async def test_validation_says_that_it_does_not_know(client: AsyncAnthropic, vault_id: str) -> None:
    credential_id = await put_oauth(client, vault_id)
    answer = await client.beta.vaults.credentials.mcp_oauth_validate(credential_id, vault_id=vault_id)
    assert (answer.status, answer.has_refresh_token, answer.mcp_probe) == ("unknown", True, None)


async def test_environment_variables_are_refused_since_there_is_no_egress_proxy(
    client: AsyncAnthropic, vault_id: str
) -> None:
    with pytest.raises(BadRequestError, match="egress proxy"):
        await client.beta.vaults.credentials.create(
            vault_id,
            auth={
                "type": "environment_variable",
                "secret_name": "TOKEN",
                "secret_value": "v",
                "networking": {"type": "unrestricted"},
            },
        )


async def test_without_a_key_for_an_external_database_the_server_says_what_is_missing(settings: Settings) -> None:
    keyless = msgspec.structs.replace(settings, secret_keys=())
    async with running(keyless, ServiceOptions()) as server, server.client(await server.key()) as client:
        vault = await client.beta.vaults.create(display_name="keys")
        with pytest.raises(BadRequestError, match="REVERIE_SECRET_KEY"):
            await put_oauth(client, vault.id)
