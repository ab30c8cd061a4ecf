"""Making a session: its agent resolved and kept as it is now, its resources mounted, its first events taken in."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from reverie.agents.definition import with_overrides
from reverie.agents.guidance_block import has_block, without_advice
from reverie.agents.mounts import check_mounts, check_resources, mount_file, mount_repository, mount_store
from reverie.errors import InputError, NotFoundError, StateError
from reverie.ids import new_id
from reverie.runtime.briefing import lesson_text
from reverie.runtime.content import MOST_RUBRIC_CHARACTERS, check_content, file_sources
from reverie.runtime.inbox import receive
from reverie.storage.live.briefings import note_answered_reads
from reverie.storage.live.log import apply_transition
from reverie.storage.live.self_changes import choose_version, note_draw, trial_of_asked
from reverie.storage.live.session_views import hidden_lessons, make_views, stores_of
from reverie.storage.live.sessions import LiveSession, NewSession, insert_session, read_session, update_session
from reverie.storage.live.work import enqueue_work
from reverie.storage.memory.store_places import read_places, require_open
from reverie.storage.memory.stores import hold_stores
from reverie.storage.postgres.database import Connection
from reverie.storage.service.agents import AgentVersion, resolve_agent, snapshot_agent
from reverie.storage.service.environments import read_environment
from reverie.storage.service.files import read_file, read_text, require_unexpired
from reverie.storage.service.vaults import read_vault
from reverie.teams.membership import why_not_written

MOST_INITIAL_EVENTS = 50
RUNTIME, EXTERNAL = "reverie_runtime", "external"
"""Metadata of an agent or a session whose turns are run, and recorded, by somebody else."""
_INITIAL_TYPES = ("user.message", "user.define_outcome", "system.message")


async def create_session(
    connection: Connection, request: Mapping[str, Any], now: datetime, *, deployment_id: str | None = None
) -> LiveSession:
    """Make the session that ``request`` (the wire API's creation parameters) describes, or nothing at all.

    Raises:
        InputError: the request breaks a rule.
        NotFoundError: it names something that does not exist, or a store that is private to another agent.
        StateError: it names something that is archived.
    """
    initial = list(request.get("initial_events") or ())
    check_initial(initial)
    environment = await read_environment(connection, request["environment_id"], hold=True)
    if environment.archived_at is not None:
        raise StateError(f"environment {environment.id} is archived", code="environment_archived")
    self_hosted = environment.config["type"] == "self_hosted"
    wanted = list(request.get("resources") or ())
    check_resources(wanted, self_hosted=self_hosted)
    session_id = new_id("sesn", now)
    tried = await trial_of_asked(connection, request["agent"])  # held before the agent, as whoever decides it does
    metadata = dict(request.get("metadata") or {})
    present = await resolve_agent(connection, request["agent"])
    chosen = await choose_version(connection, tried, present, session_id, metadata)
    new = NewSession(
        id=session_id,
        title=request.get("title"),
        environment_id=environment.id,
        agent=await snapshot_agent(connection, request["agent"], chosen.agent),
        metadata=metadata,
        resources=await _seen(connection, await mount_all(connection, session_id, wanted, now), wanted, chosen.agent),
        vault_ids=await check_vaults(connection, list(request.get("vault_ids") or ())),
        budget=request.get("budget"),
        deployment_id=deployment_id,
        run_here=_runs_here(chosen.agent, request),
    )
    session = await insert_session(connection, new, now)
    await note_draw(connection, chosen, session, now)
    await make_views(connection, session)
    await _leave_out_hidden(connection, session, now)
    if initial:
        await send_events(connection, session.id, initial, now, field="initial_events")
    return await read_session(connection, session.id)


async def _seen(
    connection: Connection, mounted: list[dict[str, Any]], wanted: Sequence[Mapping[str, Any]], agent: AgentVersion
) -> list[dict[str, Any]]:
    """What a session is to mount, if its agent may see it; a team's store is read only.

    Raises:
        InputError: a team's store is asked for to write to.
        NotFoundError: a store is private to another agent.
    """
    stores = stores_of(mounted)
    await require_open(connection, stores, agent.definition["name"])
    places = await read_places(connection, stores)
    shared = {store_id: place for store_id, place in places.items() if place.team is not None}
    for one in wanted:
        place = shared.get(one.get("memory_store_id", ""))
        if place is not None and one.get("access") == "read_write":
            why = why_not_written(one["memory_store_id"], place, untrusted=False)
            raise InputError(f"resources.access: {why}; attach it with read_only")
    return [one | {"access": "read_only"} if one.get("memory_store_id") in shared else one for one in mounted]


async def _leave_out_hidden(connection: Connection, session: LiveSession, now: datetime) -> None:
    """Take the lessons that a session does without out of its agent's block, so that it does without them."""
    agent = session.agent or {}
    if not has_block(agent["system"]):
        return
    lessons = await hidden_lessons(connection, session.key)
    hidden = [lesson_text(lesson, lesson.advice, agent["name"], None) for lesson in lessons]
    system = without_advice(agent["system"], hidden)
    if system == agent["system"]:
        return
    await update_session(
        connection,
        session,
        title=session.title,
        metadata=session.metadata,
        agent=with_overrides(agent, {"system": system}),
        budget=session.budget,
        now=now,
    )


def _runs_here(agent: AgentVersion, request: Mapping[str, Any]) -> bool:
    """Whether this server's side runs the session's turns; the session or its agent may say that somebody else does."""
    metadata = {**agent.definition["metadata"], **(request.get("metadata") or {})}
    return metadata.get(RUNTIME) != EXTERNAL


async def send_events(
    connection: Connection,
    session_id: str,
    events: Sequence[Mapping[str, Any]],
    now: datetime,
    *,
    field: str = "events",
) -> tuple[LiveSession, Any]:
    """Take in what a client sends; a self-hosted session that starts work gets a worker.

    Args:
        field: what the events are called where they were sent.

    Raises:
        InputError: an event holds nothing, or names a file that is not there; the message says where.
    """
    for number, event in enumerate(events):
        check_content(f"{field}.{number}", event)
        for place, file_id in file_sources(f"{field}.{number}", event):
            await _check_file(connection, place, file_id, now)
    events = await resolve_rubrics(connection, events, now, field)
    session, transition = await apply_transition(connection, session_id, lambda state: receive(state, events, now), now)
    if transition.state.self_hosted:
        await note_answered_reads(connection, session, events, now)
        if transition.state.goes_on:
            await enqueue_work(connection, str(session.environment_id), session_id, now)
    return session, transition


def check_initial(events: Sequence[Mapping[str, Any]]) -> None:
    """Accept a session's first events.

    Raises:
        InputError: there are too many, or some do not start a session.
    """
    if len(events) > MOST_INITIAL_EVENTS:
        raise InputError(f"initial_events: {len(events)} events; at most {MOST_INITIAL_EVENTS} are allowed")
    for place, event in enumerate(events):
        if event["type"] not in _INITIAL_TYPES:
            raise InputError(f"initial_events.{place}: a session does not start with {event['type']}")
    if sum(event["type"] == "user.define_outcome" for event in events) > 1:
        raise InputError("initial_events: at most one outcome can be defined")


async def _check_file(connection: Connection, place: str, file_id: str, now: datetime) -> None:
    try:
        require_unexpired(await read_file(connection, file_id), now)
    except NotFoundError as error:
        raise InputError(f"{place}: {error}", code=error.code) from error


async def resolve_rubrics(
    connection: Connection, events: Sequence[Mapping[str, Any]], now: datetime, field: str
) -> list[Mapping[str, Any]]:
    """The events with rubrics that are files as text, so that they stay what they were.

    Raises:
        InputError: there is no such file, or it is too long for a rubric, or no text.
    """
    resolved = []
    for number, event in enumerate(events):
        rubric = event.get("rubric") or {}
        if rubric.get("type") == "file":
            await _check_file(connection, f"{field}.{number}.rubric.file_id", rubric["file_id"], now)
            content = await read_text(connection, rubric["file_id"], MOST_RUBRIC_CHARACTERS)
            event = {**event, "rubric": {"type": "text", "content": content}}
        resolved.append(event)
    return resolved


async def check_vaults(connection: Connection, vault_ids: list[str]) -> list[str]:
    """The ids of vaults that a session may use.

    Raises:
        NotFoundError: one does not exist.
        StateError: one is archived.
    """
    # Always in the same order, so that nobody waits in a circle.
    for vault_id in sorted(set(vault_ids)):
        if (await read_vault(connection, vault_id, hold=True)).archived_at is not None:
            raise StateError(f"vault {vault_id} is archived; sessions cannot use it", code="vault_archived")
    return vault_ids


async def mount_all(
    connection: Connection, session_id: str, wanted: Sequence[Mapping[str, Any]], now: datetime
) -> list[dict[str, Any]]:
    """The resources of a session as it keeps them."""
    mounted: list[dict[str, Any]] = []
    stores = await hold_stores(
        connection, (resource["memory_store_id"] for resource in wanted if resource["type"] == "memory_store")
    )
    for number, resource in enumerate(wanted):
        if resource["type"] == "memory_store":
            store = stores[resource["memory_store_id"]]
            mounted.append(mount_store(resource, store, [other["mount_path"] for other in mounted]))
        elif resource["type"] == "file":
            require_unexpired(await read_file(connection, resource["file_id"]), now)
            mounted.append(mount_file(resource, session_id, number, now))
        else:
            mounted.append(mount_repository(resource, session_id, number, now))
    check_mounts(mounted)
    return mounted
