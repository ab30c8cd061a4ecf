"""From the files of one Claude Code session to its transcript."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from reverie.errors import ImportFormatError
from reverie.sessions.importers.claude_code.line import Line, Warn, read_lines
from reverie.sessions.importers.claude_code.order import abandoned, is_linear, ordered
from reverie.sessions.importers.claude_code.recording import NO_MODEL, Recorder, is_prompt, is_recorded
from reverie.sessions.importers.claude_code.threads import beginnings, threads_of
from reverie.sessions.importers.claude_code.usage import usages
from reverie.sessions.importers.draft import Draft, EventLog
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.session import Session


def parse_claude_code(record: RawRecord) -> Draft:
    """Read one session: its file, with the files of its side agents where it has any.

    Raises:
        ImportFormatError: no line holds anything of a conversation.
    """
    context = record.context
    log = EventLog()
    warn = partial(_warn, log)
    lines = list(read_lines(record.data, "", warn))
    for part in record.parts:
        lines.extend(read_lines(part.data, part.path, warn))
    stem = context.get("stem", "")
    own = _own_id(lines, stem)
    kept = [line for line in _once(lines) if line.uuid not in record.elsewhere]
    if context.get("parent_stored"):
        kept = [line for line in kept if not copied_from(line, own)]
    linear = is_linear(kept)
    chain = kept if linear else ordered(kept, _after_their_calls(kept))
    recorded = [line for line in chain if is_recorded(line)]
    if not recorded:
        raise ImportFormatError("no line holds a message of the user or the agent")
    _record(log, warn, chain, recorded, {} if linear else abandoned(chain, is_prompt, is_recorded))
    return Draft(_session(lines, recorded, own, context.get("forked_from")), log)


def copied_from(line: Line, own: str) -> str | None:
    """The session that a line of session ``own`` was copied from, when it began as a fork or went on from another."""
    source = line.forked_from.get("sessionId") if isinstance(line.forked_from, dict) else None
    found = source if isinstance(source, str) and source else line.session
    return found if found != own else None


def _warn(log: EventLog, reason: str, number: int, part: str) -> None:
    log.warn(reason, number, part)


def _once(lines: Iterable[Line]) -> list[Line]:
    """The lines that tell something or link others, each once: a resumed session may repeat its history."""
    seen: set[str] = set()
    kept = []
    for line in lines:
        if line.uuid in seen or not (line.uuid or is_recorded(line)):
            continue
        if line.uuid:
            seen.add(line.uuid)
        kept.append(line)
    return kept


def _after_their_calls(lines: Sequence[Line]) -> list[int | None]:
    """For each line with a tool's result, the position of the line with the call."""
    calls: dict[str, int] = {}
    results: dict[int, str] = {}
    for position, line in enumerate(lines):
        content = line.message.get("content") if line.message else None
        for block in content if isinstance(content, list) else ():
            if isinstance(block, dict):
                call, answered = block.get("id"), block.get("tool_use_id")
                if isinstance(call, str):
                    calls.setdefault(call, position)
                if isinstance(answered, str):
                    results.setdefault(position, answered)
    return [calls.get(results.get(position, "")) for position in range(len(lines))]


def _record(
    log: EventLog, warn: Warn, chain: Sequence[Line], recorded: Sequence[Line], rewound: Mapping[str, str]
) -> None:
    recorder = Recorder(log, warn)
    threads = threads_of(chain)
    thread_of = {id(line): thread for line, thread in zip(chain, threads, strict=True)}
    began = beginnings(chain, threads) if any(threads) else {}
    begun = set()
    for line, usage in zip(recorded, usages(recorded, warn), strict=True):
        thread = thread_of[id(line)]
        if thread is not None and thread not in begun:
            begun.add(thread)
            beginning = began[thread]
            call = recorder.call_of(beginning.call_id) if beginning.call_id else None
            recorder.begin_thread(thread, beginning.name, call, line.at)
        thread = thread or rewound.get(line.uuid or "")
        recorder.record(line, thread)
        if usage is not None:
            log.add("span.model_request_end", usage, line.at, thread)


def _own_id(lines: Sequence[Line], stem: str) -> str:
    ids = [line.session for line in lines if line.session]
    if not ids:
        return ""
    return stem if stem in ids else next((line.session for line in lines if line.session and is_recorded(line)), ids[0])


def _session(lines: Sequence[Line], recorded: Sequence[Line], own: str, parent: str | None) -> Session:
    speaking = [*(line for line in recorded if not line.part), *recorded]
    models = [line.message.get("model") for line in speaking if line.type == "assistant" and line.message]
    models += [line.model for line in lines if line.type == "system"]
    versions = [line.version for line in speaking] + [line.printed_version for line in lines]
    folders = [line.cwd for line in (*speaking, *lines) if line.cwd]
    metadata = {
        "cwd": re.split(r"[/\\]", folders[0].rstrip("/\\"))[-1] if folders else None,
        "git_branch": _first(line.git_branch for line in speaking),
        "num_turns": _first(str(line.num_turns) for line in reversed(lines) if isinstance(line.num_turns, int)),
        "forked_from": parent or _first(copied_from(line, own) for line in lines if not line.part),
    }
    session_id = own
    side = {line.agent_id for line in recorded}
    if own and len(side) == 1 and all(line.is_sidechain and not line.part for line in recorded):
        agent = side.pop() or "sidechain"
        session_id = f"{own}:{agent}"
        metadata |= {"part_of": own, "agent_id": agent, "forked_from": None}
    times = [line.at for line in recorded if line.at is not None]
    return Session(
        id=session_id,
        source="claude-code",
        agent=_first(line.agent_setting for line in lines) or "claude-code",
        agent_version=_first(version for version in versions if isinstance(version, str)),
        model=_first(model for model in models if isinstance(model, str) and model != NO_MODEL),
        started_at=min(times, default=None),
        ended_at=max(times, default=None),
        metadata={name: value for name, value in metadata.items() if value},
    )


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value), None)
