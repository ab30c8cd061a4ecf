"""Vaults: sets of credentials that sessions may be given."""

from typing import Any

import msgspec

from reverie.api.endpoint import Call, Endpoint
from reverie.api.metadata import check_metadata, patch_metadata
from reverie.api.pages import decode_position, envelope, page_of
from reverie.api.wire_type import WireType
from reverie.errors import StateError
from reverie.ids import new_id
from reverie.storage.service import vaults as table
from reverie.storage.service.vaults import Vault

_TYPES = "anthropic.types.beta"
_VAULT = WireType(f"{_TYPES}.beta_managed_agents_vault:BetaManagedAgentsVault")


def wire_vault(vault: Vault) -> dict[str, Any]:
    """A vault as it is answered."""
    return {"type": "vault", **msgspec.structs.asdict(vault)}


async def create(call: Call) -> dict[str, Any]:
    """Make an empty vault."""
    vault = Vault(
        id=new_id("vlt", call.now),
        display_name=call.body["display_name"],
        metadata=check_metadata(call.body.get("metadata") or {}),
        created_at=call.now,
        updated_at=call.now,
    )
    await table.insert_vault(call.connection, vault)
    call.resource_id = vault.id
    call.notify("vault.created", vault.id)
    return wire_vault(vault)


async def retrieve(call: Call) -> dict[str, Any]:
    """One vault."""
    return wire_vault(await table.read_vault(call.connection, call.path["vault_id"]))


async def list_all(call: Call) -> dict[str, Any]:
    """Vaults, newest first."""
    limit = call.query.get("limit", 20)
    rows = await table.list_vaults(
        call.connection,
        before=decode_position(call.query.get("page")),
        include_archived=call.query.get("include_archived", False),
        limit=limit + 1,
    )
    shown, next_page = page_of(rows, limit, lambda row: (row.created_at, row.id))
    return envelope([wire_vault(row) for row in shown], next_page)


async def read_open_vault(call: Call) -> Vault:
    """The vault in the path, locked.

    Raises:
        StateError: it is archived.
    """
    vault = await table.read_vault(call.connection, call.path["vault_id"], lock=True)
    if vault.archived_at is not None:
        raise StateError(f"vault {vault.id} is archived; make another one")
    return vault


async def update(call: Call) -> dict[str, Any]:
    """Change a vault; what is left out is kept."""
    present = await read_open_vault(call)
    changed = msgspec.structs.replace(
        present,
        display_name=call.body.get("display_name") or present.display_name,
        metadata=patch_metadata(present.metadata, call.body.get("metadata")),
        updated_at=call.now,
    )
    await table.update_vault(call.connection, changed)
    return wire_vault(changed)


async def archive(call: Call) -> dict[str, Any]:
    """Archive a vault with its credentials for good and purge their secrets; doing it again changes nothing."""
    vault = await table.read_vault(call.connection, call.path["vault_id"], lock=True)
    if vault.archived_at is None:
        call.notify("vault.archived", vault.id)
        for credential_id in await table.archive_vault(call.connection, vault.id, call.now):
            call.notify("vault_credential.archived", credential_id, vault_id=vault.id)
    return await retrieve(call)


async def delete(call: Call) -> dict[str, Any]:
    """Delete a vault with its credentials."""
    vault_id = call.path["vault_id"]
    await table.delete_vault(call.connection, vault_id)
    call.notify("vault.deleted", vault_id)
    return {"id": vault_id, "type": "vault_deleted"}


_ONE = "/v1/vaults/{vault_id}"
ENDPOINTS = (
    Endpoint(
        "vaults.create",
        "POST",
        "/v1/vaults",
        create,
        "Make a vault.",
        body=WireType(f"{_TYPES}.vault_create_params:VaultCreateParams"),
        answer=_VAULT,
    ),
    Endpoint(
        "vaults.list",
        "GET",
        "/v1/vaults",
        list_all,
        "List vaults, newest first.",
        query=WireType(f"{_TYPES}.vault_list_params:VaultListParams"),
        answer=_VAULT,
        is_list=True,
    ),
    Endpoint("vaults.retrieve", "GET", _ONE, retrieve, "Read a vault.", answer=_VAULT),
    Endpoint(
        "vaults.update",
        "POST",
        _ONE,
        update,
        "Change a vault.",
        body=WireType(f"{_TYPES}.vault_update_params:VaultUpdateParams"),
        answer=_VAULT,
    ),
    Endpoint("vaults.archive", "POST", f"{_ONE}/archive", archive, "Archive a vault.", answer=_VAULT),
    Endpoint(
        "vaults.delete",
        "DELETE",
        _ONE,
        delete,
        "Delete a vault.",
        answer=WireType(f"{_TYPES}.beta_managed_agents_deleted_vault:BetaManagedAgentsDeletedVault"),
    ),
)
