"""Credentials in vaults. Their secrets are written only: no answer ever holds one."""

from typing import Any

import msgspec

from reverie.api.credential_auth import CredentialAuth, changed_auth, new_auth
from reverie.api.endpoint import endpoint
from reverie.api.metadata import check_metadata, patch_metadata
from reverie.api.pages import answer_page
from reverie.api.request_context import RequestContext
from reverie.api.routes.vaults import read_open_vault
from reverie.api.wire_type import SdkType
from reverie.errors import InputError, StateError
from reverie.ids import new_id
from reverie.storage.postgres.secret_box import SecretBox, open_secret_box
from reverie.storage.service import vaults as table
from reverie.storage.service.vaults import Credential

MOST_CREDENTIALS = 20
"""How many credentials of a vault may be in use."""

_CREDENTIAL = SdkType("beta.vaults.BetaManagedAgentsCredential")
_ALL = "/v1/vaults/{vault_id}/credentials"
_ONE = f"{_ALL}/{{credential_id}}"


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


@endpoint(
    "vaults.credentials.create", "POST", _ALL, body=SdkType("beta.vaults.CredentialCreateParams"), answer=_CREDENTIAL
)
async def create(context: RequestContext) -> dict[str, Any]:
    """Put a credential into a vault."""
    vault = await read_open_vault(context)
    if await table.count_credentials(context.connection, vault.id) >= MOST_CREDENTIALS:
        raise StateError(f"vault {vault.id} has {MOST_CREDENTIALS} credentials, the most there may be; archive one")
    auth = new_auth(context.body["auth"], context.now)
    credential = Credential(
        id=new_id("vcrd", context.now),
        vault_id=vault.id,
        display_name=context.body.get("display_name"),
        metadata=check_metadata(context.body.get("metadata") or {}),
        mcp_server_url=auth.shown["mcp_server_url"],
        auth=auth.shown,
        sealed=open_secret_box(context.service.settings).seal(auth.secrets),
        created_at=context.now,
        updated_at=context.now,
    )
    await table.insert_credential(context.connection, credential)
    context.resource_id = credential.id
    context.notify("vault_credential.created", credential.id, vault_id=vault.id)
    return wire_credential(credential)


async def _read(context: RequestContext, *, lock: bool = False) -> Credential:
    return await table.read_credential(
        context.connection, context.path["vault_id"], context.path["credential_id"], lock=lock
    )


@endpoint("vaults.credentials.retrieve", "GET", _ONE, answer=_CREDENTIAL)
async def retrieve(context: RequestContext) -> dict[str, Any]:
    """Read a credential."""
    return wire_credential(await _read(context))


@endpoint(
    "vaults.credentials.list",
    "GET",
    _ALL,
    query=SdkType("beta.vaults.CredentialListParams"),
    answer=_CREDENTIAL,
    is_list=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List a vault's credentials, newest first."""
    vault = await table.read_vault(context.connection, context.path["vault_id"])
    return await answer_page(
        context.query,
        wire_credential,
        lambda before, limit: table.list_credentials(
            context.connection,
            vault.id,
            before=before,
            include_archived=context.query.get("include_archived", False),
            limit=limit,
        ),
    )


@endpoint(
    "vaults.credentials.update",
    "POST",
    _ONE,
    body=SdkType("beta.vaults.CredentialUpdateParams", leave_out=("vault_id",)),
    answer=_CREDENTIAL,
)
async def update(context: RequestContext) -> dict[str, Any]:
    """Change a credential.

    What is left out is kept.
    """
    present, body = await _read(context, lock=True), context.body
    if present.archived_at is not None:
        raise StateError(f"credential {present.id} is archived; make another one")
    changed = msgspec.structs.replace(
        present,
        display_name=body.get("display_name", present.display_name),
        metadata=patch_metadata(present.metadata, body.get("metadata")),
        updated_at=context.now,
    )
    if "auth" in body:
        box = open_secret_box(context.service.settings)
        auth = changed_auth(CredentialAuth(present.auth, secrets_of(present, box)), body["auth"], context.now)
        changed = msgspec.structs.replace(changed, auth=auth.shown, sealed=box.seal(auth.secrets))
    await table.update_credential(context.connection, changed)
    return wire_credential(changed)


def secrets_of(credential: Credential, box: SecretBox) -> dict[str, str]:
    """The secrets of a credential, by the name that the wire API gives each; none once it is archived.

    Raises:
        SettingsError: they were sealed with a key that is not there.
    """
    return {} if credential.sealed is None else dict(box.open(credential.sealed))


@endpoint("vaults.credentials.archive", "POST", f"{_ONE}/archive", answer=_CREDENTIAL)
async def archive(context: RequestContext) -> dict[str, Any]:
    """Archive a credential.

    For good, and its secrets are purged; doing it again changes nothing.
    """
    credential = await _read(context, lock=True)
    if credential.archived_at is None:
        changed = msgspec.structs.replace(credential, sealed=None, archived_at=context.now, updated_at=context.now)
        await table.update_credential(context.connection, changed)
        context.notify("vault_credential.archived", credential.id, vault_id=credential.vault_id)
    return await retrieve(context)


@endpoint("vaults.credentials.delete", "DELETE", _ONE, answer=SdkType("beta.vaults.BetaManagedAgentsDeletedCredential"))
async def delete(context: RequestContext) -> dict[str, Any]:
    """Delete a credential.

    Its secrets go with it.
    """
    credential = await _read(context, lock=True)
    await table.delete_credential(context.connection, credential.id)
    context.notify("vault_credential.deleted", credential.id, vault_id=credential.vault_id)
    return {"id": credential.id, "type": "vault_credential_deleted"}


@endpoint(
    "vaults.credentials.mcp_oauth_validate",
    "POST",
    f"{_ONE}/mcp_oauth_validate",
    answer=SdkType("beta.vaults.BetaManagedAgentsCredentialValidation"),
)
async def validate(context: RequestContext) -> dict[str, Any]:
    """Ask whether a credential works; this server answers that it does not know.

    A credential is tried when a turn of a session connects to its server.
    """
    credential = await _read(context)
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
        "validated_at": context.now,
    }
