from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.api.credential_auth import CredentialAuth, changed_auth, new_auth
from reverie.errors import InputError

NOW = datetime(2026, 3, 1, tzinfo=UTC)
REFRESH = {
    "client_id": "me",
    "refresh_token": "r",
    "token_endpoint": "https://login.example.com",
    "token_endpoint_auth": {"type": "none"},
}


def oauth(**more: Any) -> dict[str, Any]:
    return {"type": "mcp_oauth", "mcp_server_url": "https://mcp.example.com", "access_token": "a", **more}


@given(st.text(min_size=12), st.text(min_size=12))
def test_what_is_shown_holds_no_secret_however_it_was_set(first: str, second: str) -> None:
    first, second = f"secret {first}", f"secret {second}"
    auth = new_auth(oauth(access_token=first, refresh=REFRESH | {"refresh_token": first}), NOW)
    change = {"type": "mcp_oauth", "access_token": second, "refresh": {"refresh_token": second}}
    changed = changed_auth(auth, change, NOW)
    assert set(auth.secrets.values()) == {first} and set(changed.secrets.values()) == {second}
    assert first not in repr(auth.shown) and second not in repr(changed.shown)


def test_a_change_that_gives_nothing_changes_nothing() -> None:
    auth = new_auth(oauth(refresh=REFRESH), NOW)
    assert changed_auth(auth, {"type": "mcp_oauth", "access_token": None, "refresh": None}, NOW) == auth


@pytest.mark.parametrize(
    ("present", "change", "named"),
    [
        (oauth(), {"type": "static_bearer", "token": "t"}, "auth.type"),
        (oauth(), {"type": "mcp_oauth", "refresh": {"refresh_token": "r"}}, "auth.refresh"),
        (oauth(), {"type": "mcp_oauth", "expires_at": NOW}, "auth.expires_at"),
        (
            oauth(refresh=REFRESH),
            {
                "type": "mcp_oauth",
                "refresh": {"token_endpoint_auth": {"type": "client_secret_post", "client_secret": "s"}},
            },
            "token_endpoint_auth",
        ),
    ],
)
def test_a_change_of_what_cannot_change_is_refused_by_name(
    present: dict[str, Any], change: dict[str, Any], named: str
) -> None:
    with pytest.raises(InputError, match=named):
        changed_auth(new_auth(present, NOW), change, NOW)


@pytest.mark.parametrize("url", ["", "mcp.example.com", "ftp://mcp.example.com", "https://", "https://[half"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="mcp_server_url"):
        new_auth({"type": "static_bearer", "mcp_server_url": url, "token": "t"}, NOW)


def test_a_bearer_token_is_all_secret() -> None:
    auth = new_auth({"type": "static_bearer", "mcp_server_url": "https://mcp.example.com", "token": "t"}, NOW)
    assert auth == CredentialAuth(
        {"type": "static_bearer", "mcp_server_url": "https://mcp.example.com"}, {"token": "t"}
    )
