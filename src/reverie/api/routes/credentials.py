"""Credentials in vaults. Their secrets are written only: no answer ever holds one."""

from typing import Any

import msgspec

from reverie.api.credential_auth import CredentialAuth, changed_auth, new_auth
from reverie.api.endpoint import Call, Endpoint
from reverie.api.metadata import check_metadata, patch_metadata
from reverie.api.pages import decode_position, envelope, page_of
from reverie.api.routes.vaults import read_open_vault
from reverie.api.wire_type import WireType
from reverie.errors import InputError, StateError
from reverie.ids import new_id
from reverie.storage.postgres.secret_box import SecretBox, open_secret_box
from reverie.storage.service import vaults as table
from reverie.storage.service.vaults import Credential

MOST_CREDENTIALS = 20
"""How many credentials of a vault may be in use."""

_TYPES = "anthropic.types.beta.vaults"
_CREDENTIAL = WireType(f"{_TYPES}.beta_managed_agents_credential:BetaManagedAgentsCredential")


def wire_credential(credential: Credential) -> dict[str, Any]:
    """A credential as it is answered."""
    return {
        "id": credential.id,
        "type": "vault_credential",
        "vault_id": credential.vault_id,
        "display_name": credential.display_name,
        "metadata": credential.metadata,
        "auth": credential.auth,
        "created_at": credential.created_at,
        "updated_at": credential.updated_at,
        "archived_at": credential.archived_at,
    }


async def create(call: Call) -> dict[str, Any]:
    """Put a credential into a vault."""
    vault = await read_open_vault(call)
    if await table.count_credentials(call.connection, vault.id) >= MOST_CREDENTIALS:
        raise StateError(f"vault {vault.id} has {MOST_CREDENTIALS} credentials, the most there may be; archive one")
    auth = new_auth(call.body["auth"], call.now)
    credential = Credential(
        id=new_id("vcrd", call.now),
        vault_id=vault.id,
        display_name=call.body.get("display_name"),
        metadata=check_metadata(call.body.get("metadata") or {}),
        mcp_server_url=auth.shown["mcp_server_url"],
        auth=auth.shown,
        sealed=open_secret_box(call.service.settings).seal(auth.secrets),
        created_at=call.now,
        updated_at=call.now,
    )
    await table.insert_credential(call.connection, credential)
    call.resource_id = credential.id
    call.notify("vault_credential.created", credential.id, vault_id=vault.id)
    return wire_credential(credential)


async def _read(call: Call, *, lock: bool = False) -> Credential:
    return await table.read_credential(call.connection, call.path["vault_id"], call.path["credential_id"], lock=lock)


async def retrieve(call: Call) -> dict[str, Any]:
    """One credential."""
    return wire_credential(await _read(call))


async def list_all(call: Call) -> dict[str, Any]:
    """A vault's credentials, newest first."""
    vault = await table.read_vault(call.connection, call.path["vault_id"])
    limit = call.query.get("limit", 20)
    rows = await table.list_credentials(
        call.connection,
        vault.id,
        before=decode_position(call.query.get("page")),
        include_archived=call.query.get("include_archived", False),
        limit=limit + 1,
    )
    shown, next_page = page_of(rows, limit, lambda row: (row.created_at, row.id))
    return envelope([wire_credential(row) for row in shown], next_page)


async def update(call: Call) -> dict[str, Any]:
    """Change a credential; what is left out is kept."""
    present, body = await _read(call, lock=True), call.body
    if present.archived_at is not None:
        raise StateError(f"credential {present.id} is archived; make another one")
    changed = msgspec.structs.replace(
        present,
        display_name=body.get("display_name", present.display_name),
        metadata=patch_metadata(present.metadata, body.get("metadata")),
        updated_at=call.now,
    )
    if "auth" in body:
        box = open_secret_box(call.service.settings)
        auth = changed_auth(CredentialAuth(present.auth, secrets_of(present, box)), body["auth"], call.now)
        changed = msgspec.structs.replace(changed, auth=auth.shown, sealed=box.seal(auth.secrets))
    await table.update_credential(call.connection, changed)
    return wire_credential(changed)


def secrets_of(credential: Credential, box: SecretBox) -> dict[str, str]:
    """The secrets of a credential, by the name that the wire API gives each; none once it is archived.

    Raises:
        SettingsError: they were sealed with a key that is not there.
    """
    return {} if credential.sealed is None else dict(box.open(credential.sealed))


async def archive(call: Call) -> dict[str, Any]:
    """Archive a credential for good and purge its secrets; doing it again changes nothing."""
    credential = await _read(call, lock=True)
    if credential.archived_at is None:
        changed = msgspec.structs.replace(credential, sealed=None, archived_at=call.now, updated_at=call.now)
        await table.update_credential(call.connection, changed)
        call.notify("vault_credential.archived", credential.id, vault_id=credential.vault_id)
    return await retrieve(call)


async def delete(call: Call) -> dict[str, Any]:
    """Delete a credential with its secrets."""
    credential = await _read(call, lock=True)
    await table.delete_credential(call.connection, credential.id)
    call.notify("vault_credential.deleted", credential.id, vault_id=credential.vault_id)
    return {"id": credential.id, "type": "vault_credential_deleted"}


async def validate(call: Call) -> dict[str, Any]:
    """Whether a credential works: not known, since this server does not call MCP servers itself."""
    credential = await _read(call)
    if credential.auth["type"] != "mcp_oauth":
        raise InputError(f"credential {credential.id} is {credential.auth['type']}; only mcp_oauth can be validated")
    if credential.archived_at is not None:
        raise StateError(f"credential {credential.id} is archived, so its secrets are gone")
    return {
        "type": "vault_credential_validation",
        "credential_id": credential.id,
        "vault_id": credential.vault_id,
        "status": "unknown",
        "has_refresh_token": credential.auth["refresh"] is not None,
        "mcp_probe": None,
        "refresh": None,
        "validated_at": call.now,
    }


_ALL = "/v1/vaults/{vault_id}/credentials"
_ONE = f"{_ALL}/{{credential_id}}"
ENDPOINTS = (
    Endpoint(
        "vaults.credentials.create",
        "POST",
        _ALL,
        create,
        "Put a credential into a vault.",
        body=WireType(f"{_TYPES}.credential_create_params:CredentialCreateParams"),
        answer=_CREDENTIAL,
    ),
    Endpoint(
        "vaults.credentials.list",
        "GET",
        _ALL,
        list_all,
        "List a vault's credentials, newest first.",
        query=WireType(f"{_TYPES}.credential_list_params:CredentialListParams"),
        answer=_CREDENTIAL,
        is_list=True,
    ),
    Endpoint("vaults.credentials.retrieve", "GET", _ONE, retrieve, "Read a credential.", answer=_CREDENTIAL),
    Endpoint(
        "vaults.credentials.update",
        "POST",
        _ONE,
        update,
        "Change a credential.",
        body=WireType(f"{_TYPES}.credential_update_params:CredentialUpdateParams", leave_out=("vault_id",)),
        answer=_CREDENTIAL,
    ),
    Endpoint(
        "vaults.credentials.archive", "POST", f"{_ONE}/archive", archive, "Archive a credential.", answer=_CREDENTIAL
    ),
    Endpoint(
        "vaults.credentials.delete",
        "DELETE",
        _ONE,
        delete,
        "Delete a credential.",
        answer=WireType(f"{_TYPES}.beta_managed_agents_deleted_credential:BetaManagedAgentsDeletedCredential"),
    ),
    Endpoint(
        "vaults.credentials.mcp_oauth_validate",
        "POST",
        f"{_ONE}/mcp_oauth_validate",
        validate,
        "Ask whether a credential works; this server answers that it does not know.",
        answer=WireType(f"{_TYPES}.beta_managed_agents_credential_validation:BetaManagedAgentsCredentialValidation"),
    ),
)
