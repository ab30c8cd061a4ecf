"""From the events of one OpenHands session to its transcript."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from reverie.errors import ImportFormatError
from reverie.ids import derived_id
from reverie.sessions.importers.draft import Draft, EventLog, as_text
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.openhands.conversation import Conversation
from reverie.sessions.importers.openhands.joining import NAME, JoinedEvents, events_of, is_event, is_state
from reverie.sessions.importers.openhands.stream import Stream
from reverie.sessions.importers.openhands.talk import Talk
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.session import Session
from reverie.sessions.stated_end import given_ends

_canonical = msgspec.json.Encoder(order="deterministic")


def parse_openhands(record: RawRecord) -> Draft:
    """Read one session: joined events, a list of them, or a line of an evaluation's output.

    Raises:
        ImportFormatError: there is no event that can be read.
    """
    value = decode_json(record.data)
    if isinstance(value, Mapping) and value.keys() >= {"events", "state", "session_id"}:
        return _read(JoinedEvents(value["session_id"], value["events"], value["state"]), {})
    history = value.get("history") if isinstance(value, Mapping) else None
    if isinstance(value, Mapping) and isinstance(history, list):
        return _read(JoinedEvents("", list(_flat(history))), value)
    events = events_of(value) or ([value] if is_event(value) and not is_state(value) else [])
    return _read(JoinedEvents("", events), {})


def _flat(history: Sequence[Any]) -> Iterator[Any]:
    """The events; earlier versions kept pairs of an action and its observation."""
    for item in history:
        yield from item if isinstance(item, list) else (item,)


def _read(joined: JoinedEvents, row: Mapping[str, Any]) -> Draft:
    log = EventLog()
    talk = Talk(log)
    stream, conversation = Stream(talk), Conversation(talk)
    if isinstance(row.get("instruction"), str) and not any(_by_user(event) for event in joined.events):
        talk.said("user.message", [row["instruction"]], None)
    for number, event in enumerate(joined.events):
        if not isinstance(event, Mapping):
            log.warn(f"event {number} is not an object; it is left out")
            continue
        at = log.time(event.get("timestamp"), f"event {number}.timestamp")
        (conversation if "kind" in event else stream).record(event, at)
    for kind, count in talk.unread.items():
        log.warn(f"{count} × {kind}: not kept, or by name only")
    if not log.events:
        raise ImportFormatError("no event holds anything of a conversation")
    draft = Draft(_session(joined, row, log, conversation), log)
    _take_score(draft, row)
    return draft


def _by_user(event: Any) -> bool:
    return isinstance(event, Mapping) and event.get("source") == "user" and ("args" in event or "llm_message" in event)


def _session(joined: JoinedEvents, row: Mapping[str, Any], log: EventLog, conversation: Conversation) -> Session:
    told = _object(row.get("metadata"))
    prompts = [_object(e.get("args")) for e in joined.events if isinstance(e, Mapping) and e.get("action") == "system"]
    agent = _object(joined.state.get("agent"))
    status = conversation.status or as_text(joined.state.get("execution_status"))
    task = as_text(row.get("instance_id"))
    models = (_object(told.get("llm_config")).get("model"), _object(agent.get("llm")).get("model"), conversation.model)
    classes = (told.get("agent_class"), *(prompt.get("agent_class") for prompt in prompts), NAME)
    times = [event.at for event in log.events if event.at is not None]
    return Session(
        id=as_text(joined.state.get("id")) or joined.session_id or _derived(joined.events, task),
        source=NAME,
        agent=next(as_text(name) for name in classes if name),
        agent_version=next((as_text(v) for p in prompts if (v := p.get("openhands_version"))), None),
        model=next((as_text(model) for model in (*models, _answering(joined.events)) if model), None),
        task_id=task or None,
        task_category=as_text(told.get("dataset")) or None,
        started_at=min(times, default=None),
        ended_at=max(times, default=None),
        metadata=given_ends({name: value for name, value in row.items() if name != "test_result"})
        | ({"run_status": status} if status else {}),
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _derived(events: Sequence[Any], task: str) -> str:
    """An id by which a session that goes on is known again: its first event with a time tells it from others."""
    first = next((event for event in events if isinstance(event, Mapping) and event.get("timestamp")), None)
    if first is None:
        return ""
    return derived_id("sesn", NAME, _canonical.encode((task, first.get("timestamp"), first.get("id"))).decode())


def _answering(events: Sequence[Any]) -> str:
    for event in events:
        metadata = _object(_object(event).get("tool_call_metadata"))
        if model := as_text(_object(metadata.get("model_response")).get("model")):
            return model
    return ""


def _take_score(draft: Draft, row: Mapping[str, Any]) -> None:
    """Whether the task was solved; of the tests' output nothing else is taken."""
    result = _object(row.get("test_result"))
    places = (row, row.get("report"), result.get("report"), result, result.get("result"))
    for place in places:
        for name in ("resolved", "success", "score"):
            value = _object(place).get(name)
            if isinstance(value, bool | int | float):
                draft.score("reward", value, f"{name} of the test's result")
                return
