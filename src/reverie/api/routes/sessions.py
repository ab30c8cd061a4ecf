"""Sessions: made, listed, changed, archived, deleted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reverie.agents.definition import with_overrides
from reverie.api.endpoint import endpoint
from reverie.api.late_stream import note_read
from reverie.api.metadata import check_metadata, patch_metadata
from reverie.api.pages import DEFAULT_LIMIT, decode_cursor, encode_cursor, envelope, two_way_page
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import SdkType
from reverie.errors import InputError, StateError
from reverie.ids import derived_id
from reverie.runtime.live_state import LiveState, Transition
from reverie.runtime.turn import terminate
from reverie.runtime.usage import usage_snapshot
from reverie.storage.live import sessions as table
from reverie.storage.live.creation import create_session
from reverie.storage.live.log import apply_transition
from reverie.storage.live.sessions import LiveSession, read_session, require_live
from reverie.storage.postgres.announcement import announce

_SESSION = SdkType("beta.BetaManagedAgentsSession")
_ONE = "/v1/sessions/{session_id}"


def wire_session(session: LiveSession, now: datetime) -> dict[str, Any]:
    """A session as it is answered."""
    running = 0.0 if session.running_since is None else (now - session.running_since).total_seconds()
    active = session.active_seconds + max(running, 0.0)
    ended = session.archived_at or (now if session.status != "terminated" else session.updated_at)
    return {
        "id": session.id,
        "type": "session",
        "status": session.status,
        "title": session.title,
        "environment_id": session.environment_id or derived_id("env", "imported"),
        "agent": wire_agent(session),
        "resources": session.resources,
        "vault_ids": session.vault_ids,
        "metadata": session.metadata,
        "budget": session.budget,
        "deployment_id": session.deployment_id,
        "outcome_evaluations": session.outcome_evaluations,
        "stats": {
            "active_seconds": active,
            "duration_seconds": max((ended - session.created_at).total_seconds(), 0.0),
        },
        "usage": usage_snapshot(session.usage, active),
        "created_at": session.created_at,
        "updated_at": session.updated_at,
        "archived_at": session.archived_at,
    }


def wire_agent(session: LiveSession) -> dict[str, Any]:
    """The agent of a session as it was when it began; one made from the tags of an imported session."""
    if session.agent is not None:
        return session.agent
    name = session.agent_tag or "unknown"
    return {
        "type": "agent",
        "id": derived_id("agent", "imported", name),
        "version": 1,
        "name": name,
        "description": None,
        "system": None,
        "model": {"id": session.model_tag or "unknown", "effort": None, "speed": "standard"},
        "tools": [],
        "mcp_servers": [],
        "skills": [],
        "multiagent": None,
        "execution_identity": {"type": "service_account"},
    }


@endpoint("sessions.create", "POST", "/v1/sessions", body=SdkType("beta.SessionCreateParams"), answer=_SESSION)
async def create(context: RequestContext) -> dict[str, Any]:
    """Make a session.

    With first events it is running at once.
    """
    check_metadata(context.body.get("metadata") or {})
    session = await create_session(context.connection, context.body, context.now)
    context.resource_id = session.id
    context.notify("session.created", session.id)
    if session.status == "running":
        context.notify("session.status_run_started", session.id)
    return wire_session(session, context.now)


@endpoint("sessions.retrieve", "GET", _ONE, answer=_SESSION, worker=True)
async def retrieve(context: RequestContext) -> dict[str, Any]:
    """Read a session."""
    session = await read_session(context.connection, context.path["session_id"])
    await note_read(context.service.live.shown, context.connection, session, context.now)
    return wire_session(session, context.now)


@endpoint(
    "sessions.list", "GET", "/v1/sessions", query=SdkType("beta.SessionListParams"), answer=_SESSION, is_list=True
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List sessions, imported ones included.

    By creation; a cursor keeps its order and knows the way back.
    """
    query = context.query
    if query.get("agent_version") is not None and query.get("agent_id") is None:
        raise InputError("agent_version: goes with agent_id alone")
    limit, ascending = query.get("limit", DEFAULT_LIMIT), query.get("order") == "asc"
    backwards, position = _read_cursor(query)
    found = await table.list_sessions(
        context.connection, query, position=position, ascending=ascending != backwards, limit=limit + 1
    )
    page = two_way_page(found, limit, backwards=backwards, begun=position is not None)
    word = "asc" if ascending else "desc"
    next_page = _cursor(word, page.rows[-1], backwards=False) if page.has_after else None
    prev_page = _cursor(word, page.rows[0], backwards=True) if page.has_before else None
    return {**envelope([wire_session(row, context.now) for row in page.rows], next_page), "prev_page": prev_page}


def _cursor(order: str, row: LiveSession, *, backwards: bool) -> str:
    return encode_cursor(order, backwards, row.created_at, row.key)


def _read_cursor(query: Mapping[str, Any]) -> tuple[bool, tuple[datetime, int] | None]:
    """Whether the page goes backwards, and from where."""
    if query.get("page") is None:
        return False, None
    order, backwards, at, key = decode_cursor(query["page"], tuple[str, bool, datetime, int])
    if order != query.get("order", "desc"):
        raise InputError(f"page: this cursor is of order={order}; keep the order or begin anew")
    bounds = {
        "gt": query.get("created_at_gt"),
        "gte": query.get("created_at_gte"),
        "lt": query.get("created_at_lt"),
        "lte": query.get("created_at_lte"),
    }
    outside = (
        (bounds["gt"] and at <= bounds["gt"])
        or (bounds["gte"] and at < bounds["gte"])
        or (bounds["lt"] and at >= bounds["lt"])
        or (bounds["lte"] and at > bounds["lte"])
    )
    if outside:
        raise InputError("page: the created_at filter leaves out where this cursor stands; begin anew")
    return backwards, (at, key)


@endpoint("sessions.update", "POST", _ONE, body=SdkType("beta.SessionUpdateParams"), answer=_SESSION)
async def update(context: RequestContext) -> dict[str, Any]:
    """Change a session.

    Its title, metadata or budget, or while it is idle its tools.
    """
    body = context.body
    if body.get("vault_ids"):
        raise InputError("vault_ids: is fixed when a session is made")
    session = require_live(await read_session(context.connection, context.path["session_id"], lock=True))
    if session.archived_at is not None:
        raise StateError(f"session {session.id} is archived and cannot be changed")
    agent = dict(session.agent or {})
    if "agent" in body:
        if session.status != "idle":
            raise StateError(f"session {session.id} is {session.status}; its agent can be changed while it is idle")
        agent = with_overrides(agent, body["agent"])
    title = body.get("title", session.title)
    metadata = patch_metadata(session.metadata, body.get("metadata"))
    budget = _changed_budget(session, body)
    present = {"title": session.title, "metadata": session.metadata, "agent": session.agent, "budget": session.budget}
    wished = {"title": title, "metadata": metadata, "agent": agent, "budget": budget}
    changed = {name: value for name, value in wished.items() if value != present[name]}
    if changed:
        await table.update_session(
            context.connection, session, title=title, metadata=metadata, agent=agent, budget=budget, now=context.now
        )

        def note_change(state: LiveState) -> Transition:
            transition = Transition(state, context.now)
            transition.add("session.updated", changed)
            return transition

        await apply_transition(context.connection, session.id, note_change, context.now)
        context.notify("session.updated", session.id)
    return wire_session(await read_session(context.connection, session.id), context.now)


def _changed_budget(session: LiveSession, body: Mapping[str, Any]) -> dict[str, Any] | None:
    if "budget" not in body:
        return session.budget
    if session.budget is None and body["budget"] is not None:
        raise InputError("budget: can be set when a session is made, and not later", code="budget_create_only")
    wished: dict[str, Any] | None = body["budget"]
    return wished


@endpoint("sessions.archive", "POST", f"{_ONE}/archive", answer=_SESSION)
async def archive(context: RequestContext) -> dict[str, Any]:
    """End a session for good.

    Its history is kept; doing it again changes nothing.
    """
    session = await read_session(context.connection, context.path["session_id"], lock=True)
    require_live(session)
    if session.archived_at is None:
        _refuse_while_running(session)

        def end(state: LiveState) -> Transition:
            transition = Transition(state, context.now)
            if state.status != "terminated":
                terminate(transition)
            return transition

        await apply_transition(context.connection, session.id, end, context.now)
        await table.archive_session(context.connection, session, context.now)
        context.notify("session.archived", session.id)
        context.notify("session.status_terminated", session.id)
    return wire_session(await read_session(context.connection, session.id), context.now)


@endpoint("sessions.delete", "DELETE", _ONE, answer=SdkType("beta.BetaManagedAgentsDeletedSession"))
async def delete(context: RequestContext) -> dict[str, Any]:
    """Delete a session.

    Its events go with it; stores, files and agents stay.
    """
    session = await read_session(context.connection, context.path["session_id"], lock=True)
    _refuse_while_running(session)
    await table.delete_session(context.connection, session)
    await announce(context.connection, session.id)
    context.notify("session.deleted", session.id)
    return {"id": session.id, "type": "session_deleted"}


def _refuse_while_running(session: LiveSession) -> None:
    if session.status in ("running", "rescheduling"):
        raise StateError(f"session {session.id} is {session.status}; send user.interrupt and wait until it is idle")
