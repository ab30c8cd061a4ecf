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

from reverie.api.endpoint import endpoint
from reverie.api.pages import DEFAULT_LIMIT, envelope
from reverie.api.request_context import RequestContext
from reverie.api.webhook_target import check_url
from reverie.api.wire_type import SdkType, WireType
from reverie.errors import InputError
from reverie.ids import new_id
from reverie.jobs.charters import ALARM
from reverie.storage.postgres.secret_box import open_secret_box
from reverie.storage.service import webhooks as table
from reverie.storage.service.webhooks import WebhookEndpoint
from reverie.trials.trial import TrialState

_SECRET_BYTES = 32

State = Literal["disabled", "enabled"]
_ALL = "/v1/organizations/webhooks"
_ONE = f"{_ALL}/{{webhook_endpoint_id}}"


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
    """Shown once, when it is made."""


_ANSWER = WireType(WebhookEndpointAnswer)


_EVENT_DATA = SdkType("beta.BetaWebhookEventData")


TRIAL_EVENTS = frozenset(
    f"trial.{became}" for became in (*get_args(TrialState), "decision_needed", "needs_review") if became != "trial"
)
"""Of live trials: what became of one, and that a person is needed."""
CHARTER_EVENTS = frozenset({ALARM})
"""Of charters: that an agent does not keep to one."""


@cache
def known_events() -> frozenset[str]:
    """The types of events that the SDK's clients understand, and ours."""
    union = get_args(_EVENT_DATA.source)[0]
    names = (name for member in get_args(union) for name in get_args(member.model_fields["type"].annotation))
    return frozenset(names) | TRIAL_EVENTS | CHARTER_EVENTS


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


@endpoint(
    "organization.webhooks.create",
    "POST",
    _ALL,
    body=WireType(WebhookEndpointCreateParams),
    answer=WireType(NewWebhookEndpointAnswer),
    role="admin",
)
async def create(context: RequestContext) -> dict[str, Any]:
    """Make a webhook endpoint.

    Its signing secret is in this answer alone.
    """
    body, secret = context.body, _fresh_secret()
    check_url(body["url"], private=context.service.options.private_webhooks)
    endpoint = WebhookEndpoint(
        id=new_id("whep", context.now),
        name=body.get("name", ""),
        description=body.get("description", ""),
        url=body["url"],
        event_types=_check_events(body["enabled_events"]),
        secret=open_secret_box(context.service.settings).seal(secret),
        enabled=True,
        disabled_reason=None,
        created_at=context.now,
        updated_at=context.now,
    )
    await table.insert_endpoint(context.connection, endpoint)
    context.resource_id = endpoint.id
    return {**wire_endpoint(endpoint), "signing_secret": secret}


async def _read(context: RequestContext, *, lock: bool = False) -> WebhookEndpoint:
    return await table.read_endpoint(context.connection, context.path["webhook_endpoint_id"], lock=lock)


@endpoint("organization.webhooks.retrieve", "GET", _ONE, answer=_ANSWER, role="admin")
async def retrieve(context: RequestContext) -> dict[str, Any]:
    """Read a webhook endpoint."""
    return wire_endpoint(await _read(context))


@endpoint(
    "organization.webhooks.list",
    "GET",
    _ALL,
    query=SdkType("beta.organization.WebhookListParams"),
    answer=_ANSWER,
    is_list=True,
    role="admin",
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List webhook endpoints.

    Newest first unless asked otherwise.
    """
    limit = context.query.get("limit") or DEFAULT_LIMIT
    ends = [context.query.get("after_id"), context.query.get("before_id")]
    after, before = [end and await table.read_endpoint(context.connection, end) for end in ends]
    order: Literal["asc", "desc"] = context.query.get("order") or "desc"
    rows = await table.list_endpoints(context.connection, order=order, after=after, before=before, limit=limit + 1)
    return {**envelope([wire_endpoint(row) for row in rows[:limit]], None), "has_more": len(rows) > limit}


@endpoint(
    "organization.webhooks.update",
    "POST",
    _ONE,
    body=WireType(WebhookEndpointUpdateParams),
    answer=_ANSWER,
    role="admin",
)
async def update(context: RequestContext) -> dict[str, Any]:
    """Change a webhook endpoint.

    What is left out is kept.
    """
    present, body = await _read(context, lock=True), context.body
    if "url" in body:
        check_url(body["url"], private=context.service.options.private_webhooks)
    changed = msgspec.structs.replace(
        present,
        name=body.get("name", present.name),
        description=body.get("description", present.description),
        url=body.get("url", present.url),
        event_types=_check_events(body.get("enabled_events", [])) or present.event_types,
        enabled=body["state"] == "enabled" if "state" in body else present.enabled,
        disabled_reason=None if "state" in body else present.disabled_reason,
        updated_at=context.now,
    )
    await table.update_endpoint(context.connection, changed)
    return wire_endpoint(changed)


@endpoint(
    "organization.webhooks.delete",
    "DELETE",
    _ONE,
    answer=SdkType("beta.organization.BetaDeletedOrganizationWebhookEndpoint"),
    role="admin",
)
async def delete(context: RequestContext) -> dict[str, Any]:
    """Delete a webhook endpoint.

    What waits for it is dropped.
    """
    endpoint_id = context.path["webhook_endpoint_id"]
    await table.delete_endpoint(context.connection, endpoint_id)
    return {"id": endpoint_id, "type": "webhook_endpoint_deleted"}


@endpoint(
    "organization.webhooks.regenerate_signing_secret",
    "POST",
    f"{_ONE}/regenerate_signing_secret",
    answer=SdkType("beta.organization.BetaOrganizationWebhookEndpointSigningSecret"),
    role="admin",
)
async def regenerate_signing_secret(context: RequestContext) -> dict[str, Any]:
    """Sign a webhook endpoint's deliveries with a fresh secret.

    The secret is in this answer alone.
    """
    present, secret = await _read(context, lock=True), _fresh_secret()
    sealed = open_secret_box(context.service.settings).seal(secret)
    await table.update_endpoint(
        context.connection, msgspec.structs.replace(present, secret=sealed, updated_at=context.now)
    )
    return {"signing_secret": secret}
