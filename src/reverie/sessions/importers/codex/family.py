"""Which rollouts of an import belong together: a session with its side agents, and what was forked from it.

A fork, and a side agent that was given its caller's history, begin with a copy of the other's lines after their own
header. Where the other is there, too, the copy is left out.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from reverie.errors import ImportFormatError
from reverie.sessions.importers.importer import Kinship, Read
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.record import RawRecord, RecordPart, SkippedFile

NAME = "codex"

_META = re.compile(rb'"type"\s*:\s*"session_meta"')
_ID = re.compile(rb'"id"\s*:\s*"([^"\\]+)"')
_PARENT = re.compile(rb'"parent_thread_id"\s*:\s*"([^"\\]+)"')
_FORKED = re.compile(rb'"forked_from_id"\s*:\s*"([^"\\]+)"')
_ITEM = re.compile(rb'"type"\s*:\s*"response_item"')
_NO_ROLLOUT = re.compile(r"\.(?:csv|txt|md|py|traj|toml|yaml)(?:\.(?:gz|bz2|xz|zst))?$", re.IGNORECASE)
_LOOKED_AT = 1 << 16
"""Bytes of a header in which kin are named; the instructions come after."""
_OF_THE_FILE = ("id", "internal_chat_message_metadata_passthrough", "metadata")
"""Fields of an item that a copy of it may have otherwise."""
_canonical = msgspec.json.Encoder(order="deterministic")


class FileFacts(msgspec.Struct, frozen=True):
    """What the beginning of a rollout tells of its kin."""

    path: str
    own: str
    parent: str
    """The session whose side agent it is; empty for none."""
    source: str
    """The session whose lines it begins with; empty for none."""


def file_facts(path: str, head: bytes) -> FileFacts | None:
    """The facts of the file at ``path`` that begins with ``head``; None when it is no rollout of a newer form."""
    headers = [line[:_LOOKED_AT] for line in head.split(b"\n", 2)[:2]]
    own = _found(_ID, headers[0]) if _META.search(headers[0]) else ""
    if not own:
        return None
    copied = _found(_ID, headers[1]) if len(headers) > 1 and _META.search(headers[1]) else ""
    source = _found(_FORKED, headers[0]) or (copied if copied != own else "")
    return FileFacts(path, own, _found(_PARENT, headers[0]), source)


def _found(pattern: re.Pattern[bytes], text: bytes) -> str:
    match = pattern.search(text)
    return match[1].decode(errors="replace") if match else ""


def families(facts: Iterable[FileFacts]) -> dict[str, tuple[FileFacts, ...]]:
    """Path → all files that must be read together with it, for those that have any kin."""
    by_id = {fact.own: fact for fact in facts}
    roots: dict[str, list[FileFacts]] = {}
    for fact in by_id.values():
        at, met = fact, {fact.own}
        while (
            up := next((by_id[name] for name in (at.parent, at.source) if name in by_id), None)
        ) and up.own not in met:
            met.add(up.own)
            at = up
        roots.setdefault(at.own, []).append(fact)
    return {fact.path: tuple(members) for members in roots.values() if len(members) > 1 for fact in members}


def joined(items: Iterable[Read], kin: Mapping[str, tuple[FileFacts, ...]]) -> Iterator[Read]:
    """The items, with the files of one family held back until all are there."""
    held: dict[tuple[FileFacts, ...], dict[str, RawRecord]] = {}
    for item in items:
        family = kin.get(item.path) if isinstance(item, RawRecord) and item.format == NAME else None
        if family is None or not isinstance(item, RawRecord):
            yield item
            continue
        waiting = held.setdefault(family, {})
        waiting[item.path] = item
        if len(waiting) == len(family):
            yield from _resolved(family, held.pop(family))
    for family, waiting in held.items():
        yield from _resolved(family, waiting)


def _resolved(family: Sequence[FileFacts], records: Mapping[str, RawRecord]) -> Iterator[Read]:
    present = {fact.own: fact for fact in family if fact.path in records}
    main = {own: _main(fact, present) for own, fact in present.items()}
    data = {own: _own_part(fact, present, records) for own, fact in present.items()}
    for own, fact in present.items():
        record = records[fact.path]
        if main[own] != own:
            continue
        if not _ITEM.search(data[own]) and _ITEM.search(record.data):
            yield SkippedFile(fact.path, f"a copy of session {fact.source} with nothing of its own")
            continue
        sides = sorted(other.path for other in present.values() if main[other.own] == own and other is not fact)
        paths = {other.path: other.own for other in present.values()}
        parts = tuple(RecordPart(path, data[paths[path]]) for path in sides)
        context = record.context | ({"forked_from": fact.source} if fact.source else {})
        yield msgspec.structs.replace(record, data=data[own], parts=parts, context=context)


def _main(fact: FileFacts, present: Mapping[str, FileFacts]) -> str:
    """The session of which a file is a part: its own, for what is no side agent's."""
    met = {fact.own}
    while fact.parent in present and fact.parent not in met:
        met.add(fact.parent)
        fact = present[fact.parent]
    return fact.own


def _own_part(fact: FileFacts, present: Mapping[str, FileFacts], records: Mapping[str, RawRecord]) -> bytes:
    """A rollout with the lines emptied that it has from another one."""
    data = records[fact.path].data
    other = present.get(fact.source)
    if other is None or other.own == fact.own:
        return data
    told = {item for line in records[other.path].data.split(b"\n") if (item := _item(line))}
    lines = data.split(b"\n")
    end = 1
    for number, line in enumerate(lines[1:], start=1):
        item = _item(line)
        if item and item not in told:
            break
        end = number + 1 if item else end
    return b"\n".join((lines[0], *(b"" for _ in lines[1:end]), *lines[end:]))


def _item(line: bytes) -> bytes:
    """An item of the conversation, as every copy of it has it; empty for any other line."""
    if not _ITEM.search(line):
        return b""
    try:
        payload = decode_json(line).get("payload")
    except (ImportFormatError, AttributeError):
        return b""
    if not isinstance(payload, dict):
        return b""
    return _canonical.encode({name: value for name, value in payload.items() if name not in _OF_THE_FILE})


def _possible(name: str) -> bool:
    return _NO_ROLLOUT.search(name) is None


def _join(items: Iterable[Read], told: Sequence[Any]) -> Iterator[Read]:
    return joined(items, families(told))


KINSHIP = Kinship(possible=_possible, look=file_facts, join=_join)
