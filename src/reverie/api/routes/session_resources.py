"""What is mounted into a session."""

from typing import Any, NotRequired

from typing_extensions import TypedDict

from reverie.agents.mounts import MOST_FILES, check_mounts, check_resources, mount_file
from reverie.api.endpoint import endpoint
from reverie.api.pages import answer_slice
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import SdkType, WireType
from reverie.errors import InputError, NotFoundError, StateError
from reverie.ids import new_id
from reverie.storage.live.sessions import LiveSession, read_session, replace_resources, require_live
from reverie.storage.service.environments import read_environment
from reverie.storage.service.files import read_file, require_unexpired

_RESOURCE = SdkType("beta.sessions.BetaManagedAgentsSessionResource")
_FILE = SdkType("beta.sessions.BetaManagedAgentsFileResource")
_ALL = "/v1/sessions/{session_id}/resources"
_ONE = f"{_ALL}/{{resource_id}}"


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


@endpoint(
    "sessions.resources.list",
    "GET",
    _ALL,
    query=WireType(ResourceListQuery),
    answer=_RESOURCE,
    is_list=True,
    worker=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List what is mounted into a session.

    In the order they were attached.
    """
    session = await read_session(context.connection, context.path["session_id"])
    return answer_slice(context.query, session.resources)


@endpoint(
    "sessions.resources.retrieve", "GET", _ONE, answer=SdkType("beta.sessions.ResourceRetrieveResponse"), worker=True
)
async def retrieve(context: RequestContext) -> dict[str, Any]:
    """Read a resource of a session."""
    return _find(await read_session(context.connection, context.path["session_id"]), context.path["resource_id"])


@endpoint("sessions.resources.add", "POST", _ALL, body=SdkType("beta.sessions.ResourceAddParams"), answer=_FILE)
async def add(context: RequestContext) -> dict[str, Any]:
    """Attach a file to a session."""
    session = _changeable(await read_session(context.connection, context.path["session_id"], lock=True))
    environment = await read_environment(context.connection, str(session.environment_id))
    wanted = context.body
    check_resources([wanted], self_hosted=environment.config["type"] == "self_hosted")
    if sum(resource["type"] == "file" for resource in session.resources) >= MOST_FILES:
        raise InputError(f"resources: the session has {MOST_FILES} files already; remove one first")
    require_unexpired(await read_file(context.connection, wanted["file_id"]), context.now)
    mounted = mount_file(wanted, session.id, 0, context.now) | {"id": new_id("sesrsc", context.now)}
    check_mounts([*session.resources, mounted])
    await replace_resources(context.connection, session, [*session.resources, mounted], context.now)
    context.resource_id = mounted["id"]
    return mounted


@endpoint(
    "sessions.resources.update",
    "POST",
    _ONE,
    body=WireType(ResourceUpdateBody),
    answer=SdkType("beta.sessions.ResourceUpdateResponse"),
)
async def update(context: RequestContext) -> dict[str, Any]:
    """Rotate a repository's token.

    The new one is checked for being one and not kept, as when it was attached.
    """
    session = _changeable(await read_session(context.connection, context.path["session_id"], lock=True))
    resource = _find(session, context.path["resource_id"])
    if resource["type"] != "github_repository":
        raise InputError(f"{resource['id']} is a {resource['type']}; only repositories have a token")
    changed = {**resource, "updated_at": context.now.isoformat().replace("+00:00", "Z")}
    others = [changed if other is resource else other for other in session.resources]
    await replace_resources(context.connection, session, others, context.now)
    return changed


@endpoint(
    "sessions.resources.delete", "DELETE", _ONE, answer=SdkType("beta.sessions.BetaManagedAgentsDeleteSessionResource")
)
async def delete(context: RequestContext) -> dict[str, Any]:
    """Detach a resource.

    Files and repositories only; memory stores stay for the life of the session.
    """
    session = _changeable(await read_session(context.connection, context.path["session_id"], lock=True))
    resource = _find(session, context.path["resource_id"])
    others = [other for other in session.resources if other is not resource]
    await replace_resources(context.connection, session, others, context.now)
    return {"id": resource["id"], "type": "session_resource_deleted"}


def _changeable(session: LiveSession) -> LiveSession:
    if require_live(session).archived_at is not None:
        raise StateError(f"session {session.id} is archived and cannot be changed")
    return session
