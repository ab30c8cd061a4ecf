"""The events of an import, sorted into sessions: of one they may lie in a file each, in a list, or in lines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import msgspec

from reverie.errors import ImportFormatError
from reverie.sessions.import_problem import ImportProblem
from reverie.sessions.importers.importer import Kinship, Read
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.record import RawRecord

NAME = "openhands"

_EVENT_FOLDERS = ("events", "event_cache")
_canonical = msgspec.json.Encoder(order="deterministic")


class JoinedEvents(msgspec.Struct, frozen=True):
    """A session's events, as they are handed to where they are read."""

    session_id: str
    """As its folder is called; empty where the events are in no folder of their own."""
    events: list[Any]
    state: dict[str, Any] = {}
    """What the conversation's ``base_state.json`` says."""


def is_event(value: Any) -> bool:
    """Whether a JSON value is one event."""
    return isinstance(value, dict) and ("action" in value or "observation" in value or "kind" in value)


def is_state(value: Any) -> bool:
    """Whether a JSON value is a conversation's state."""
    return isinstance(value, dict) and "execution_status" in value and "agent" in value


def events_of(value: Any) -> list[Any] | None:
    """The events that a JSON value holds as a list; None for any other."""
    if isinstance(value, Mapping) and isinstance(value.get("trajectory"), list):
        value = value["trajectory"]
    return value if isinstance(value, list) and any(is_event(item) for item in value) else None


def _join(items: Iterable[Read], _: Sequence[Any]) -> Iterator[Read]:
    """The items, with single events in place of which come the sessions that they belong to."""
    files: dict[str, list[Any]] = {}
    firsts: dict[str, RawRecord] = {}
    for item in items:
        if not isinstance(item, RawRecord) or item.format != NAME:
            yield item
            continue
        try:
            value = decode_json(item.data)
        except ImportFormatError as error:
            yield ImportProblem(item.path, item.line, str(error))
            continue
        if is_event(value) or is_state(value) or events_of(value) is not None:
            firsts.setdefault(item.path, item)
            files.setdefault(item.path, []).extend(events_of(value) or [value])
        else:
            yield item
    yield from _records(files, firsts)


def _records(files: Mapping[str, list[Any]], firsts: Mapping[str, RawRecord]) -> Iterator[RawRecord]:
    sessions: dict[str, list[str]] = {}
    for path, values in files.items():
        sessions.setdefault(_place(path, alone=len(values) == 1), []).append(path)
    for place, paths in sessions.items():
        values = [value for path in paths for value in files[path]]
        state: dict[str, Any] = next((value for value in values if is_state(value)), {})
        events = _in_order(_once(value for value in values if is_event(value) and not is_state(value)))
        name = "" if place in files else PurePath(place).name
        joined = JoinedEvents(name, events, state)
        if events:
            yield msgspec.structs.replace(firsts[paths[0]], data=_canonical.encode(joined))


def _place(path: str, *, alone: bool) -> str:
    """What holds a session: the folder above that of its events, the folder of files with one event each, the file."""
    folder = PurePath(path).parent
    if folder.name in _EVENT_FOLDERS:
        return str(folder.parent)
    return str(folder) if alone else path


def _once(events: Iterable[Any]) -> list[Any]:
    met: set[Any] = set()
    kept = []
    for event in events:
        key = event.get("id") if isinstance(event.get("id"), str) else _canonical.encode(event)
        if key not in met:
            met.add(key)
            kept.append(event)
    return kept


def _in_order(events: list[Any]) -> list[Any]:
    """By number, where all have one; newer versions have other ids, and files whose names tell the order."""
    if all(type(event.get("id")) is int for event in events):
        return sorted(events, key=lambda event: int(event["id"]))
    return events


def _possible(_: str) -> bool:
    return False


def _nothing(_: str, __: bytes) -> None:
    return None


KINSHIP = Kinship(possible=_possible, look=_nothing, join=_join)
