"""Sessions of the Managed Agents API as it gives them: a session with its events, those of its threads among them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

import msgspec

from reverie.errors import ImportFormatError
from reverie.sessions.event import EventType, stored_event
from reverie.sessions.importers.draft import TAG_FIELDS, Draft, EventLog, as_text
from reverie.sessions.importers.importer import Importer, Keys
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.payload import check_payloads
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.session import Session

SESSION_FIELD = "managed_agents_session"
_ENVELOPE = ("id", "type", "processed_at", "session_thread_id", "thread")
_THREADED = ("session.thread_created",)
_BOOKS = (
    "session.status_",
    "session.thread_status_",
    "session.updated",
    "span.",
    "workflow_run.",
    "user.tool_confirmation",
)
_BOOKED = ("agent.thread_context_compacted",)
_KNOWN = frozenset(get_args(EventType))
_OUTCOMES = {"satisfied": 1.0, "failed": 0.0, "max_iterations_reached": 0.0}
"""What a grader's last word on an outcome is worth; of the others nothing is known."""


def parse_managed_agents(record: RawRecord) -> Draft:
    """Read one session.

    Raises:
        ImportFormatError: it has no session or no list of events.
    """
    row = decode_json(record.data)
    session, events = (row.get(SESSION_FIELD), row.get("events")) if isinstance(row, dict) else (None, None)
    if not isinstance(session, dict) or not isinstance(events, list):
        raise ImportFormatError(f"{SESSION_FIELD} must be an object, and events a list")
    log = EventLog()
    _record(log, events)
    draft = Draft(_session(session, log), log)
    results = [one.get("result") for one in session.get("outcome_evaluations") or () if isinstance(one, dict)]
    told = [_OUTCOMES[result] for result in results if result in _OUTCOMES]
    if told:
        draft.score("outcome", sum(told) / len(told), "outcome_evaluations")
    return draft


def _record(log: EventLog, events: Sequence[Any]) -> None:
    positions: dict[str, int] = {}
    left: Counter[str] = Counter()
    for number, wire in enumerate(events):
        if not isinstance(wire, dict):
            log.warn(f"events[{number}] is not an object; it is left out")
            continue
        kind = as_text(wire.get("type"))
        payload = {name: value for name, value in wire.items() if name not in _ENVELOPE and value is not None}
        if kind in _THREADED and wire.get("session_thread_id"):
            payload["session_thread_id"] = as_text(wire["session_thread_id"])
        at = log.time(wire.get("processed_at"), f"events[{number}].processed_at") if wire.get("processed_at") else None
        event = stored_event(kind, payload, at, as_text(wire.get("thread")) or None)
        if event.type not in _KNOWN:
            left[kind] += not kind.startswith(_BOOKS) and kind not in _BOOKED
            continue
        try:
            check_payloads([event])
        except ImportFormatError as error:
            log.warn(f"events[{number}], {kind}: {error}; it is left out")
            continue
        position = log.add(cast(EventType, event.type), event.payload, event.at, event.thread_id)
        call = positions.get(as_text(event.payload.get("tool_use_id")))
        if call is not None:
            log.answered[position] = call
            event.payload.setdefault("name", log.events[call].payload.get("name", ""))
        if wire.get("id"):
            positions[as_text(wire["id"])] = position
    for kind, count in sorted((+left).items()):
        log.warn(f"{count} × event {kind[:80] or 'without a type'}: not known, left out")


def _session(session: Mapping[str, Any], log: EventLog) -> Session:
    agent: Any = session.get("agent") if isinstance(session.get("agent"), dict) else {}
    model = agent.get("model")
    metadata: Any = session.get("metadata") if isinstance(session.get("metadata"), dict) else {}
    tags = {str(name): as_text(value) for name, value in metadata.items() if value is not None}
    tags |= {name: as_text(session[name]) for name in ("title", "status", "deployment_id") if session.get(name)}
    named = {name: tags.pop(name) for name in TAG_FIELDS if name in tags}
    times = [event.at for event in log.events if event.at is not None]
    made = Session(
        id=as_text(session.get("id")),
        source="managed-agents",
        agent=as_text(agent.get("name")) or None,
        agent_version=as_text(agent.get("version")) or None,
        model=as_text(model.get("id") if isinstance(model, dict) else model) or None,
        started_at=log.time(session.get("created_at"), "created_at") if session.get("created_at") else None,
        ended_at=max(times, default=None),
        metadata=tags,
    )
    return msgspec.structs.replace(made, **named)


def _has_keys(keys: Keys) -> bool:
    return {SESSION_FIELD, "events"} <= keys.top


IMPORTER = Importer("managed-agents", parse_managed_agents, has_keys=_has_keys)
