"""A credential's authentication, split into what may be shown and what is secret, and changed part by part."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from reverie.agents.web_address import check_web_address
from reverie.errors import InputError


class CredentialAuth(msgspec.Struct, frozen=True):
    """How a credential authenticates."""

    shown: dict[str, Any]
    """As it is answered: no member of it is secret."""
    secrets: dict[str, str]
    """By the name that the wire API gives each."""


def new_auth(auth: Mapping[str, Any], now: datetime) -> CredentialAuth:
    """The authentication that a request describes.

    Raises:
        InputError: it cannot be kept: a secret for an environment variable, an address that is none, an expiry past.
    """
    if auth["type"] == "environment_variable":
        raise InputError(
            "auth.type: this server has no egress proxy to put environment_variable secrets into requests; "
            "use static_bearer or mcp_oauth, or set the variable where your worker runs"
        )
    check_web_address("auth.mcp_server_url", auth["mcp_server_url"], plain=True)
    shown = {"type": auth["type"], "mcp_server_url": auth["mcp_server_url"]}
    if auth["type"] == "static_bearer":
        return CredentialAuth(shown, {"token": auth["token"]})
    secrets = {"access_token": auth["access_token"]}
    shown["expires_at"] = _check_expiry(auth.get("expires_at"), now)
    refresh = auth.get("refresh")
    shown["refresh"] = refresh and _shown_refresh(refresh)
    if refresh:
        secrets["refresh_token"] = refresh["refresh_token"]
        secrets |= _client_secret(refresh["token_endpoint_auth"])
    return CredentialAuth(shown, secrets)


def changed_auth(present: CredentialAuth, change: Mapping[str, Any], now: datetime) -> CredentialAuth:
    """``present`` with what ``change`` gives; what it leaves out or gives as null is kept.

    Raises:
        InputError: it is of another type, or changes what the credential does not have.
    """
    if change["type"] != present.shown["type"]:
        raise InputError(f"auth.type: a credential stays {present.shown['type']}; make another one")
    shown, secrets = dict(present.shown), dict(present.secrets)
    for name in ("token", "access_token"):
        if change.get(name) is not None:
            secrets[name] = change[name]
    if "expires_at" in change:
        shown["expires_at"] = _check_expiry(change["expires_at"], now)
    if change.get("refresh") is None:
        return CredentialAuth(shown, secrets)
    if shown["refresh"] is None:
        raise InputError("auth.refresh: this credential was made without a refresh token; make another one")
    return _changed_refresh(CredentialAuth(shown, secrets), change["refresh"])


def _changed_refresh(present: CredentialAuth, change: Mapping[str, Any]) -> CredentialAuth:
    refresh, secrets = dict(present.shown["refresh"]), dict(present.secrets)
    if change.get("refresh_token") is not None:
        secrets["refresh_token"] = change["refresh_token"]
    if change.get("scope") is not None:
        refresh["scope"] = change["scope"] or None
    fresh = _client_secret(change.get("token_endpoint_auth") or {})
    if fresh and refresh["token_endpoint_auth"]["type"] == "none":
        raise InputError("auth.refresh.token_endpoint_auth: this credential has no client secret; make another one")
    return CredentialAuth(present.shown | {"refresh": refresh}, secrets | fresh)


def _shown_refresh(refresh: Mapping[str, Any]) -> dict[str, Any]:
    check_web_address("auth.refresh.token_endpoint", refresh["token_endpoint"], plain=True)
    return {
        "client_id": refresh["client_id"],
        "token_endpoint": refresh["token_endpoint"],
        "token_endpoint_auth": {"type": refresh["token_endpoint_auth"]["type"]},
        "resource": refresh.get("resource"),
        "scope": refresh.get("scope") or None,
    }


def _client_secret(endpoint_auth: Mapping[str, Any]) -> dict[str, str]:
    secret = endpoint_auth.get("client_secret")
    return {} if secret is None else {"client_secret": secret}


def _check_expiry(expires_at: datetime | None, now: datetime) -> str | None:
    if expires_at is None:
        return None
    if expires_at <= now:
        raise InputError("auth.expires_at: it is past; give a time in the future, or leave it out")
    return str(msgspec.to_builtins(expires_at))
