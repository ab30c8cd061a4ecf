"""Sessions: made, listed, changed, archived, deleted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reverie.agents.definition import with_overrides
from reverie.api.endpoint import Call, Endpoint
from reverie.api.metadata import check_metadata, patch_metadata
from reverie.api.pages import decode_cursor, encode_cursor, envelope
from reverie.api.wire_type import WireType
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

_TYPES = "anthropic.types.beta"
_SESSION = WireType(f"{_TYPES}.beta_managed_agents_session:BetaManagedAgentsSession")


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


async def create(call: Call) -> dict[str, Any]:
    """Make a session; with first events it is running at once."""
    check_metadata(call.body.get("metadata") or {})
    session = await create_session(call.connection, call.body, call.now)
    call.resource_id = session.id
    call.notify("session.created", session.id)
    if session.status == "running":
        call.notify("session.status_run_started", session.id)
    return wire_session(session, call.now)


async def retrieve(call: Call) -> dict[str, Any]:
    """One session, imported ones included."""
    return wire_session(await read_session(call.connection, call.path["session_id"]), call.now)


async def list_all(call: Call) -> dict[str, Any]:
    """Sessions by creation; a cursor keeps its order and knows the way back."""
    query = call.query
    if query.get("agent_version") is not None and query.get("agent_id") is None:
        raise InputError("agent_version: goes with agent_id alone")
    limit, ascending = query.get("limit", 20), query.get("order") == "asc"
    backwards, position = _read_cursor(query)
    found = await table.list_sessions(
        call.connection, query, position=position, ascending=ascending != backwards, limit=limit + 1
    )
    more, rows = len(found) > limit, found[:limit]
    if backwards:
        rows.reverse()
    word = "asc" if ascending else "desc"
    has_before = (more if backwards else position is not None) and bool(rows)
    has_after = (True if backwards else more) and bool(rows)
    answer = envelope(
        [wire_session(row, call.now) for row in rows],
        encode_cursor(word, False, rows[-1].created_at, rows[-1].key) if has_after else None,
    )
    return answer | {"prev_page": encode_cursor(word, True, rows[0].created_at, rows[0].key) if has_before else None}


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


async def update(call: Call) -> dict[str, Any]:
    """Change title, metadata, the tools of an idle session, or its budget."""
    body = call.body
    if body.get("vault_ids"):
        raise InputError("vault_ids: is fixed when a session is made")
    session = require_live(await read_session(call.connection, call.path["session_id"], lock=True))
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
            call.connection, session, title=title, metadata=metadata, agent=agent, budget=budget, now=call.now
        )

        def tell(state: LiveState) -> Transition:
            transition = Transition(state, call.now)
            transition.add("session.updated", changed)
            return transition

        await apply_transition(call.connection, session.id, tell, call.now)
        call.notify("session.updated", session.id)
    return wire_session(await read_session(call.connection, session.id), call.now)


def _changed_budget(session: LiveSession, body: Mapping[str, Any]) -> dict[str, Any] | None:
    if "budget" not in body:
        return session.budget
    if session.budget is None and body["budget"] is not None:
        raise InputError("budget: can be set when a session is made, and not later", code="budget_create_only")
    wished: dict[str, Any] | None = body["budget"]
    return wished


async def archive(call: Call) -> dict[str, Any]:
    """End a session for good and keep its history; doing it again changes nothing."""
    session = await read_session(call.connection, call.path["session_id"], lock=True)
    require_live(session)
    if session.archived_at is None:
        _refuse_while_running(session)

        def end(state: LiveState) -> Transition:
            transition = Transition(state, call.now)
            if state.status != "terminated":
                terminate(transition)
            return transition

        await apply_transition(call.connection, session.id, end, call.now)
        await table.archive_session(call.connection, session, call.now)
        call.notify("session.archived", session.id)
        call.notify("session.status_terminated", session.id)
    return wire_session(await read_session(call.connection, session.id), call.now)


async def delete(call: Call) -> dict[str, Any]:
    """Delete a session with its events; stores, files and agents stay."""
    session = await read_session(call.connection, call.path["session_id"], lock=True)
    _refuse_while_running(session)
    await table.delete_session(call.connection, session)
    await announce(call.connection, session.id)
    call.notify("session.deleted", session.id)
    return {"id": session.id, "type": "session_deleted"}


def _refuse_while_running(session: LiveSession) -> None:
    if session.status in ("running", "rescheduling"):
        raise StateError(f"session {session.id} is {session.status}; send user.interrupt and wait until it is idle")


_ONE = "/v1/sessions/{session_id}"
ENDPOINTS = (
    Endpoint(
        "sessions.create",
        "POST",
        "/v1/sessions",
        create,
        "Make a session.",
        body=WireType(f"{_TYPES}.session_create_params:SessionCreateParams"),
        answer=_SESSION,
    ),
    Endpoint(
        "sessions.list",
        "GET",
        "/v1/sessions",
        list_all,
        "List sessions, imported ones included.",
        query=WireType(f"{_TYPES}.session_list_params:SessionListParams"),
        answer=_SESSION,
        is_list=True,
    ),
    Endpoint("sessions.retrieve", "GET", _ONE, retrieve, "Read a session.", answer=_SESSION, worker=True),
    Endpoint(
        "sessions.update",
        "POST",
        _ONE,
        update,
        "Change a session.",
        body=WireType(f"{_TYPES}.session_update_params:SessionUpdateParams"),
        answer=_SESSION,
    ),
    Endpoint("sessions.archive", "POST", f"{_ONE}/archive", archive, "End a session for good.", answer=_SESSION),
    Endpoint(
        "sessions.delete",
        "DELETE",
        _ONE,
        delete,
        "Delete a session.",
        answer=WireType(f"{_TYPES}.beta_managed_agents_deleted_session:BetaManagedAgentsDeletedSession"),
    ),
)
