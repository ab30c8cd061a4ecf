"""From the rollouts of one Codex session to its transcript."""

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reverie.errors import ImportFormatError
from reverie.sessions.importers.codex.family import NAME
from reverie.sessions.importers.codex.line import Line, Warn, read_lines
from reverie.sessions.importers.codex.printed import Printed
from reverie.sessions.importers.codex.recording import Recorder
from reverie.sessions.importers.draft import Draft, EventLog, as_text
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.session import Session


def parse_codex(record: RawRecord) -> Draft:
    """Read one session: its rollout, with those of its side agents where it has any.

    Raises:
        ImportFormatError: no line holds anything of a conversation.
    """
    log = EventLog()

    def warn(reason: str, number: int, path: str) -> None:
        log.warn(reason, number, path)

    own = list(read_lines(record.data, "", warn))
    sides = [list(read_lines(part.data, part.path, warn)) for part in record.parts]
    _record(log, warn, own, sides)
    if not log.events:
        raise ImportFormatError("no line holds a message of the user or the agent")
    return Draft(_session(own, log, record.context.get("forked_from", "")), log)


def _record(log: EventLog, warn: Warn, own: Sequence[Line], sides: Sequence[Sequence[Line]]) -> None:
    files = [_own_lines(lines) for lines in (own, *sides)]
    threads = [None, *(_id(lines) or f"agent-{number}" for number, lines in enumerate(sides, start=1))]
    recorders = [Recorder(log, warn, thread) for thread in threads]
    printed = Printed(recorders[0])
    for number, line in _in_time(files):
        recorder = recorders[number]
        if line.kind == "session_meta":
            if number:
                _begin(log, recorder, _calling(recorders, threads, line), line)
            recorder.instructions(line)
        elif line.kind.startswith("printed"):
            printed.record(line)
        else:
            recorder.record(line)
    for recorder in recorders:
        for kind, count in recorder.unread.items():
            log.warn(f"{count} × {kind}: not kept, or by name only")


def _in_time(files: Sequence[Sequence[Line]]) -> Iterator[tuple[int, Line]]:
    """The lines of all files by time, those of one file in their order; a line without a time follows at once."""
    if len(files) == 1:
        yield from ((0, line) for line in files[0])
        return
    dated = []
    for number, lines in enumerate(files):
        latest = 0.0
        rows = []
        for place, line in enumerate(lines):
            latest = max(latest, line.at.timestamp() if line.at else 0.0)
            rows.append((latest, number, place, line))
        dated.append(rows)
    yield from ((number, line) for _, number, _, line in heapq.merge(*dated, key=lambda row: row[:3]))


def _own_lines(lines: Sequence[Line]) -> list[Line]:
    """The lines without those that a fork was begun with where it says how many; the header once."""
    header = next((line for line in lines if line.kind == "session_meta"), None)
    start = header.payload.get("subagent_history_start_ordinal") if header else None
    first = start if type(start) is int else 0
    return [
        line
        for line in lines
        if line is header or (line.kind != "session_meta" and (line.ordinal is None or line.ordinal >= first))
    ]


def _calling(recorders: Sequence[Recorder], threads: Sequence[str | None], line: Line) -> int | None:
    parent = as_text(line.payload.get("parent_thread_id") or _spawn(line.payload).get("parent_thread_id"))
    caller = recorders[threads.index(parent)] if parent in threads else recorders[0]
    return caller.call_that_began(as_text(line.payload.get("id")))


def _begin(log: EventLog, recorder: Recorder, call: int | None, line: Line) -> None:
    names = (_agent_name(line.payload), recorder.thread or "")
    name = next(name for name in (*names, "agent") if name)
    payload = {"session_thread_id": recorder.thread, "agent_name": name}
    position = log.add("session.thread_created", payload, line.at)
    if call is not None:
        log.answered[position] = call


def _spawn(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    source = payload.get("source")
    found = source.get("subagent") if isinstance(source, dict) else None
    spawn = found.get("thread_spawn") if isinstance(found, dict) else None
    return spawn if isinstance(spawn, dict) else {}


def _agent_name(payload: Mapping[str, Any]) -> str:
    places = (payload, _spawn(payload))
    names = ("agent_path", "agent_nickname", "agent_role")
    return next((as_text(place[name]) for name in names for place in places if place.get(name)), "")


def _id(lines: Sequence[Line]) -> str:
    header = next((line for line in lines if line.kind == "session_meta"), None)
    printed = next((line for line in lines if line.kind == "printed thread.started"), None)
    return as_text(header.payload.get("id") if header else printed.payload.get("thread_id") if printed else "")


def _session(lines: Sequence[Line], log: EventLog, forked_from: str) -> Session:
    header = next((line.payload for line in lines if line.kind == "session_meta"), {})
    contexts = [line.payload for line in lines if line.kind == "turn_context"]
    git = header.get("git")
    folder = _text(as_text(place.get("cwd")) for place in (header, *contexts))
    metadata = {
        "cwd": re.split(r"[/\\]", folder.rstrip("/\\"))[-1] if folder else "",
        "git_branch": as_text(git.get("branch")) if isinstance(git, dict) else "",
        "originator": as_text(header.get("originator")),
        "forked_from": forked_from or as_text(header.get("forked_from_id")),
        "part_of": as_text(header.get("parent_thread_id") or _spawn(header).get("parent_thread_id")),
        "agent_id": _agent_name(header),
    }
    times = [event.at for event in log.events if event.at is not None]
    return Session(
        id=_id(lines),
        source=NAME,
        agent=NAME,
        agent_version=as_text(header.get("cli_version")) or None,
        model=_text(as_text(place.get("model")) for place in (*contexts, header)) or None,
        started_at=min(times, default=None),
        ended_at=max(times, default=None),
        metadata={name: value for name, value in metadata.items() if value},
    )


def _text(texts: Iterable[str]) -> str:
    return next((text for text in texts if text), "")
