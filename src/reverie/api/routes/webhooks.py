"""Webhook endpoints, where the SDK's client manages an organization's; here each belongs to the key's workspace.

The paths and fields are the SDK's. Its types list other events than those of managed agents, so ours are typed here.
"""

import base64
import secrets
from datetime import datetime
from functools import cache
from typing import Any, Literal, NotRequired, get_args

import msgspec
from typing_extensions import TypedDict

from reverie.api.endpoint import Call, Endpoint
from reverie.api.pages import envelope
from reverie.api.webhook_target import check_url
from reverie.api.wire_type import WireType, resolve
from reverie.errors import InputError
from reverie.ids import new_id
from reverie.storage.postgres.secret_box import open_secret_box
from reverie.storage.service import webhooks as table
from reverie.storage.service.webhooks import WebhookEndpoint

_SECRET_BYTES = 32
_DEFAULT_LIMIT = 20
_HERE = "reverie.api.routes.webhooks"

State = Literal["disabled", "enabled"]


class WebhookEndpointCreateParams(TypedDict):
    """An endpoint to make."""

    url: str
    enabled_events: list[str]
    """The types of events to deliver to it."""
    name: NotRequired[str]
    description: NotRequired[str]


class WebhookEndpointUpdateParams(TypedDict):
    """What to change of an endpoint."""

    url: NotRequired[str]
    enabled_events: NotRequired[list[str]]
    """Replaces the whole set; an empty list leaves it as it is."""
    name: NotRequired[str]
    description: NotRequired[str]
    state: NotRequired[State]


class WebhookEndpointAnswer(TypedDict):
    """An endpoint as it is answered."""

    id: str
    name: str
    description: str
    url: str
    enabled_events: list[str]
    state: State
    disabled_reason: str
    """Why the server disabled it; empty when it is enabled or a user did."""
    created_at: datetime
    updated_at: datetime


class NewWebhookEndpointAnswer(WebhookEndpointAnswer):
    """A fresh endpoint."""

    signing_secret: str
    """Told once."""


@cache
def known_events() -> frozenset[str]:
    """The types of events that the SDK's clients understand."""
    union = get_args(resolve("anthropic.types.beta.beta_webhook_event_data:BetaWebhookEventData"))[0]
    return frozenset(name for member in get_args(union) for name in get_args(member.model_fields["type"].annotation))


def wire_endpoint(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """An endpoint as it is answered."""
    return {
        "id": endpoint.id,
        "name": endpoint.name,
        "description": endpoint.description,
        "url": endpoint.url,
        "enabled_events": endpoint.event_types,
        "state": "enabled" if endpoint.enabled else "disabled",
        "disabled_reason": endpoint.disabled_reason or "",
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
    }


def _check_events(events: list[str]) -> list[str]:
    unknown = sorted(set(events) - known_events())
    if unknown:
        raise InputError(
            f"enabled_events: there is no event {unknown[0]!r}; there are {', '.join(sorted(known_events()))}"
        )
    return sorted(set(events))


def _fresh_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


async def create(call: Call) -> dict[str, Any]:
    """Make an endpoint and tell its signing secret, once."""
    body, secret = call.body, _fresh_secret()
    check_url(body["url"], private=call.service.options.private_webhooks)
    endpoint = WebhookEndpoint(
        id=new_id("whep", call.now),
        name=body.get("name", ""),
        description=body.get("description", ""),
        url=body["url"],
        event_types=_check_events(body["enabled_events"]),
        secret=open_secret_box(call.service.settings).seal(secret),
        enabled=True,
        disabled_reason=None,
        created_at=call.now,
        updated_at=call.now,
    )
    await table.insert_endpoint(call.connection, endpoint)
    call.resource_id = endpoint.id
    return {**wire_endpoint(endpoint), "signing_secret": secret}


async def _read(call: Call, *, lock: bool = False) -> WebhookEndpoint:
    return await table.read_endpoint(call.connection, call.path["webhook_endpoint_id"], lock=lock)


async def retrieve(call: Call) -> dict[str, Any]:
    """One endpoint."""
    return wire_endpoint(await _read(call))


async def list_all(call: Call) -> dict[str, Any]:
    """Endpoints, newest first unless asked otherwise."""
    limit = call.query.get("limit") or _DEFAULT_LIMIT
    ends = [call.query.get("after_id"), call.query.get("before_id")]
    after, before = [end and await table.read_endpoint(call.connection, end) for end in ends]
    order: Literal["asc", "desc"] = call.query.get("order") or "desc"
    rows = await table.list_endpoints(call.connection, order=order, after=after, before=before, limit=limit + 1)
    return {**envelope([wire_endpoint(row) for row in rows[:limit]], None), "has_more": len(rows) > limit}


async def update(call: Call) -> dict[str, Any]:
    """Change an endpoint; what is left out is kept."""
    present, body = await _read(call, lock=True), call.body
    if "url" in body:
        check_url(body["url"], private=call.service.options.private_webhooks)
    changed = msgspec.structs.replace(
        present,
        name=body.get("name", present.name),
        description=body.get("description", present.description),
        url=body.get("url", present.url),
        event_types=_check_events(body.get("enabled_events", [])) or present.event_types,
        enabled=body["state"] == "enabled" if "state" in body else present.enabled,
        disabled_reason=None if "state" in body else present.disabled_reason,
        updated_at=call.now,
    )
    await table.update_endpoint(call.connection, changed)
    return wire_endpoint(changed)


async def delete(call: Call) -> dict[str, Any]:
    """Delete an endpoint with what waits for it."""
    endpoint_id = call.path["webhook_endpoint_id"]
    await table.delete_endpoint(call.connection, endpoint_id)
    return {"id": endpoint_id, "type": "webhook_endpoint_deleted"}


async def regenerate_signing_secret(call: Call) -> dict[str, Any]:
    """Sign with a fresh secret from now on, and tell it, once."""
    present, secret = await _read(call, lock=True), _fresh_secret()
    sealed = open_secret_box(call.service.settings).seal(secret)
    await table.update_endpoint(call.connection, msgspec.structs.replace(present, secret=sealed, updated_at=call.now))
    return {"signing_secret": secret}


_ALL = "/v1/organizations/webhooks"
_ONE = f"{_ALL}/{{webhook_endpoint_id}}"
_TYPES = "anthropic.types.beta.organization"
_ANSWER = WireType(f"{_HERE}:WebhookEndpointAnswer")
ENDPOINTS = (
    Endpoint(
        "organization.webhooks.create",
        "POST",
        _ALL,
        create,
        "Make a webhook endpoint.",
        body=WireType(f"{_HERE}:WebhookEndpointCreateParams"),
        answer=WireType(f"{_HERE}:NewWebhookEndpointAnswer"),
        role="admin",
    ),
    Endpoint(
        "organization.webhooks.list",
        "GET",
        _ALL,
        list_all,
        "List webhook endpoints.",
        query=WireType(f"{_TYPES}.webhook_list_params:WebhookListParams"),
        answer=_ANSWER,
        is_list=True,
        role="admin",
    ),
    Endpoint(
        "organization.webhooks.retrieve",
        "GET",
        _ONE,
        retrieve,
        "Read a webhook endpoint.",
        answer=_ANSWER,
        role="admin",
    ),
    Endpoint(
        "organization.webhooks.update",
        "POST",
        _ONE,
        update,
        "Change a webhook endpoint.",
        body=WireType(f"{_HERE}:WebhookEndpointUpdateParams"),
        answer=_ANSWER,
        role="admin",
    ),
    Endpoint(
        "organization.webhooks.delete",
        "DELETE",
        _ONE,
        delete,
        "Delete a webhook endpoint.",
        answer=WireType(f"{_TYPES}.beta_deleted_organization_webhook_endpoint:BetaDeletedOrganizationWebhookEndpoint"),
        role="admin",
    ),
    Endpoint(
        "organization.webhooks.regenerate_signing_secret",
        "POST",
        f"{_ONE}/regenerate_signing_secret",
        regenerate_signing_secret,
        "Sign a webhook endpoint's deliveries with a fresh secret.",
        answer=WireType(
            f"{_TYPES}.beta_organization_webhook_endpoint_signing_secret:BetaOrganizationWebhookEndpointSigningSecret"
        ),
        role="admin",
    ),
)
