"""What is mounted into a session."""

from typing import Any, NotRequired

from typing_extensions import TypedDict

from reverie.agents.mounts import MOST_FILES, check_mounts, check_resources, mount_file
from reverie.api.endpoint import Call, Endpoint
from reverie.api.pages import decode_cursor, encode_cursor, envelope
from reverie.api.wire_type import WireType
from reverie.errors import InputError, NotFoundError, StateError
from reverie.ids import new_id
from reverie.storage.live.sessions import LiveSession, read_session, replace_resources, require_live
from reverie.storage.service.environments import read_environment
from reverie.storage.service.files import read_file, require_unexpired

_TYPES = "anthropic.types.beta.sessions"
_RESOURCE = WireType(f"{_TYPES}.beta_managed_agents_session_resource:BetaManagedAgentsSessionResource")
_FILE = WireType(f"{_TYPES}.beta_managed_agents_file_resource:BetaManagedAgentsFileResource")


class ResourceUpdateBody(TypedDict):
    """A new token for a repository."""

    authorization_token: str


class ResourceListQuery(TypedDict):
    """A page of resources; all of them without a limit."""

    limit: NotRequired[int]
    page: NotRequired[str]


def _find(session: LiveSession, resource_id: str) -> dict[str, Any]:
    for resource in session.resources:
        if resource.get("id") == resource_id:
            return resource
    raise NotFoundError(f"session {session.id} has no resource {resource_id!r}")


async def list_all(call: Call) -> dict[str, Any]:
    """The resources of a session, in the order they were attached."""
    session = await read_session(call.connection, call.path["session_id"])
    (start,) = decode_cursor(call.query["page"], tuple[int]) if "page" in call.query else (0,)
    limit = call.query.get("limit", 1000)
    shown = session.resources[start : start + limit]
    more = start + limit < len(session.resources)
    return envelope(shown, encode_cursor(start + limit) if more else None)


async def retrieve(call: Call) -> dict[str, Any]:
    """One resource."""
    return _find(await read_session(call.connection, call.path["session_id"]), call.path["resource_id"])


async def add(call: Call) -> dict[str, Any]:
    """Attach a file to a session."""
    session = _changeable(await read_session(call.connection, call.path["session_id"], lock=True))
    environment = await read_environment(call.connection, str(session.environment_id))
    wanted = call.body
    check_resources([wanted], self_hosted=environment.config["type"] == "self_hosted")
    if sum(resource["type"] == "file" for resource in session.resources) >= MOST_FILES:
        raise InputError(f"resources: the session has {MOST_FILES} files already; remove one first")
    require_unexpired(await read_file(call.connection, wanted["file_id"]), call.now)
    mounted = mount_file(wanted, session.id, 0, call.now) | {"id": new_id("sesrsc", call.now)}
    check_mounts([*session.resources, mounted])
    await replace_resources(call.connection, session, [*session.resources, mounted], call.now)
    call.resource_id = mounted["id"]
    return mounted


async def update(call: Call) -> dict[str, Any]:
    """Take a new token for a repository; it is checked for being one and not kept, as when it was attached."""
    session = _changeable(await read_session(call.connection, call.path["session_id"], lock=True))
    resource = _find(session, call.path["resource_id"])
    if resource["type"] != "github_repository":
        raise InputError(f"{resource['id']} is a {resource['type']}; only repositories have a token")
    changed = {**resource, "updated_at": call.now.isoformat().replace("+00:00", "Z")}
    others = [changed if other is resource else other for other in session.resources]
    await replace_resources(call.connection, session, others, call.now)
    return changed


async def delete(call: Call) -> dict[str, Any]:
    """Take a file or repository away from a session; memory stores stay for its life."""
    session = _changeable(await read_session(call.connection, call.path["session_id"], lock=True))
    resource = _find(session, call.path["resource_id"])
    others = [other for other in session.resources if other is not resource]
    await replace_resources(call.connection, session, others, call.now)
    return {"id": resource["id"], "type": "session_resource_deleted"}


def _changeable(session: LiveSession) -> LiveSession:
    if require_live(session).archived_at is not None:
        raise StateError(f"session {session.id} is archived and cannot be changed")
    return session


_ALL = "/v1/sessions/{session_id}/resources"
_ONE = f"{_ALL}/{{resource_id}}"
ENDPOINTS = (
    Endpoint(
        "sessions.resources.list",
        "GET",
        _ALL,
        list_all,
        "List what is mounted into a session.",
        query=WireType("reverie.api.routes.session_resources:ResourceListQuery"),
        answer=_RESOURCE,
        is_list=True,
        worker=True,
    ),
    Endpoint(
        "sessions.resources.add",
        "POST",
        _ALL,
        add,
        "Attach a file to a session.",
        body=WireType(f"{_TYPES}.resource_add_params:ResourceAddParams"),
        answer=_FILE,
    ),
    Endpoint(
        "sessions.resources.retrieve",
        "GET",
        _ONE,
        retrieve,
        "Read a resource of a session.",
        answer=WireType(f"{_TYPES}.resource_retrieve_response:ResourceRetrieveResponse"),
        worker=True,
    ),
    Endpoint(
        "sessions.resources.update",
        "POST",
        _ONE,
        update,
        "Rotate a repository's token.",
        body=WireType("reverie.api.routes.session_resources:ResourceUpdateBody"),
        answer=WireType(f"{_TYPES}.resource_update_response:ResourceUpdateResponse"),
    ),
    Endpoint(
        "sessions.resources.delete",
        "DELETE",
        _ONE,
        delete,
        "Detach a resource.",
        answer=WireType(f"{_TYPES}.beta_managed_agents_delete_session_resource:BetaManagedAgentsDeleteSessionResource"),
    ),
)
