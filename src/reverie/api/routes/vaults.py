"""Vaults: sets of credentials that sessions may be given."""

from typing import Any

import msgspec

from reverie.api.endpoint import endpoint
from reverie.api.metadata import check_metadata, patch_metadata
from reverie.api.pages import answer_page
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import SdkType
from reverie.errors import StateError
from reverie.ids import new_id
from reverie.storage.service import vaults as table
from reverie.storage.service.vaults import Vault

_VAULT = SdkType("beta.BetaManagedAgentsVault")
_ONE = "/v1/vaults/{vault_id}"


def wire_vault(vault: Vault) -> dict[str, Any]:
    """A vault as it is answered."""
    return {"type": "vault", **msgspec.structs.asdict(vault)}


@endpoint("vaults.create", "POST", "/v1/vaults", body=SdkType("beta.VaultCreateParams"), answer=_VAULT)
async def create(context: RequestContext) -> dict[str, Any]:
    """Make a vault.

    It is empty.
    """
    vault = Vault(
        id=new_id("vlt", context.now),
        display_name=context.body["display_name"],
        metadata=check_metadata(context.body.get("metadata") or {}),
        created_at=context.now,
        updated_at=context.now,
    )
    await table.insert_vault(context.connection, vault)
    context.resource_id = vault.id
    context.notify("vault.created", vault.id)
    return wire_vault(vault)


@endpoint("vaults.retrieve", "GET", _ONE, answer=_VAULT)
async def retrieve(context: RequestContext) -> dict[str, Any]:
    """Read a vault."""
    return wire_vault(await table.read_vault(context.connection, context.path["vault_id"]))


@endpoint("vaults.list", "GET", "/v1/vaults", query=SdkType("beta.VaultListParams"), answer=_VAULT, is_list=True)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List vaults, newest first."""
    return await answer_page(
        context.query,
        wire_vault,
        lambda before, limit: table.list_vaults(
            context.connection,
            before=before,
            include_archived=context.query.get("include_archived", False),
            limit=limit,
        ),
    )


async def read_open_vault(context: RequestContext) -> Vault:
    """The vault in the path, locked.

    Raises:
        StateError: it is archived.
    """
    vault = await table.read_vault(context.connection, context.path["vault_id"], lock=True)
    if vault.archived_at is not None:
        raise StateError(f"vault {vault.id} is archived; make another one")
    return vault


@endpoint("vaults.update", "POST", _ONE, body=SdkType("beta.VaultUpdateParams"), answer=_VAULT)
async def update(context: RequestContext) -> dict[str, Any]:
    """Change a vault.

    What is left out is kept.
    """
    present = await read_open_vault(context)
    changed = msgspec.structs.replace(
        present,
        display_name=context.body.get("display_name") or present.display_name,
        metadata=patch_metadata(present.metadata, context.body.get("metadata")),
        updated_at=context.now,
    )
    await table.update_vault(context.connection, changed)
    return wire_vault(changed)


@endpoint("vaults.archive", "POST", f"{_ONE}/archive", answer=_VAULT)
async def archive(context: RequestContext) -> dict[str, Any]:
    """Archive a vault.

    For good, with its credentials, whose secrets are purged; doing it again changes nothing.
    """
    vault = await table.read_vault(context.connection, context.path["vault_id"], lock=True)
    if vault.archived_at is None:
        context.notify("vault.archived", vault.id)
        for credential_id in await table.archive_vault(context.connection, vault.id, context.now):
            context.notify("vault_credential.archived", credential_id, vault_id=vault.id)
    return await retrieve(context)


@endpoint("vaults.delete", "DELETE", _ONE, answer=SdkType("beta.BetaManagedAgentsDeletedVault"))
async def delete(context: RequestContext) -> dict[str, Any]:
    """Delete a vault.

    Its credentials go with it.
    """
    vault_id = context.path["vault_id"]
    await table.delete_vault(context.connection, vault_id)
    context.notify("vault.deleted", vault_id)
    return {"id": vault_id, "type": "vault_deleted"}
