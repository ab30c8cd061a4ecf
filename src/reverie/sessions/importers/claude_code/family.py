"""Which files of an import belong to one Claude Code session, and which sessions share lines: see design/012."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath

import msgspec

from reverie.sessions.importers.importer import Kinship, Read
from reverie.sessions.importers.record import RawRecord, RecordPart, SkippedFile

_SESSION = re.compile(rb'"session(?:Id|_id)"\s*:\s*"([^"\\]+)"')
_LINE_ID = re.compile(rb'"uuid"\s*:\s*"([^"\\]+)"')
_TIME = re.compile(rb'"timestamp"\s*:\s*"([^"\\]+)"')
_FORKED = re.compile(rb'"forkedFrom"\s*:\s*\{[^{}]*?"sessionId"\s*:\s*"([^"\\]+)"')
_SIDE = re.compile(rb'"isSidechain"\s*:\s*(true|false)')
_INTERNAL = re.compile(r"agent-a?(?:compact|prompt_suggestion)\b|agent-.*prompt_suggestion")
"""Files in which the program talks to itself: it sums up the session, or suggests the next prompt."""
_OTHER = re.compile(r"\.(?:json|csv|txt|md)(?:\.(?:gz|bz2|xz|zst))?$", re.IGNORECASE)
"""Names of files that are never one of a session's several files."""


class FileFacts(msgspec.Struct, frozen=True):
    """What the beginning of a session file tells of its kin."""

    path: str
    own: str
    """The session it is, or for a side agent's file the one it belongs to; empty when it does not say."""
    side: bool
    root: str
    """The id of its first line, which copies of it keep."""
    source: str
    """The session that its first lines were copied from, if they say; else empty."""


def file_facts(path: str, head: bytes) -> FileFacts | None:
    """The facts of the file at ``path`` that begins with ``head``; None when it names no session."""
    folder, _, name = path.replace("\\", "/").rpartition("/")
    stem = name.partition(".")[0]
    first = _SESSION.search(head)
    if first is None:
        return None
    # A copied beginning names the session it is from, first of all or as forkedFrom: else one look is enough.
    copied = first[1].decode(errors="replace") != stem or b'"forkedFrom"' in head
    found = dict.fromkeys(_SESSION.findall(head)) if copied else (first[1],)
    sessions = [one.decode(errors="replace") for one in found]
    first_side = _SIDE.search(head)
    marked = first_side is not None and first_side[1] == b"true"
    side = marked and (stem.startswith("agent-") or "subagents" in folder.split("/"))
    own = stem if stem in sessions else sessions[0]
    forked = _FORKED.search(head) if copied else None
    source = forked[1].decode(errors="replace") if forked else next((one for one in sessions if one != own), "")
    root = _LINE_ID.search(head)
    return FileFacts(path, own, side, root[1].decode(errors="replace") if root else "", "" if side else source)


def families(facts: Iterable[FileFacts]) -> dict[str, tuple[str, ...]]:
    """Path → paths of all files that must be read together with it, for those that have any kin."""
    facts = list({fact.path: fact for fact in facts}.values())
    group: dict[str, str] = {}

    def root_of(name: str) -> str:
        while group.setdefault(name, name) != name:
            name = group[name]
        return name

    mains = {fact.own for fact in facts if not fact.side}
    for fact in facts:
        links = [f"session {fact.own}"] if fact.own in mains else []
        links += [f"line {fact.root}"] if fact.root and not fact.side else []
        links += [f"session {fact.source}"] if fact.source in mains else []
        for link in links:
            group[root_of(link)] = root_of(fact.path)
    members: dict[str, list[str]] = {}
    for fact in facts:
        members.setdefault(root_of(fact.path), []).append(fact.path)
    return {path: tuple(paths) for paths in members.values() if len(paths) > 1 for path in paths}


def joined(items: Iterable[Read], kin: dict[str, tuple[str, ...]]) -> Iterator[Read]:
    """The items, with the files of one family held back until all are there, and told of each other."""
    held: dict[tuple[str, ...], dict[str, RawRecord]] = {}
    done: set[str] = set()
    for item in items:
        family = kin.get(item.path) if isinstance(item, RawRecord) and item.format == "claude-code" else None
        if family is None or not isinstance(item, RawRecord):
            yield item
        elif item.path not in done:
            waiting = held.setdefault(family, {})
            waiting[item.path] = item
            done.add(item.path)
            if len(waiting) == len(family):
                yield from _resolved(list(held.pop(family).values()))
    for waiting in held.values():
        yield from _resolved(list(waiting.values()))


def with_own_facts(record: RawRecord, facts: FileFacts | None) -> RawRecord:
    """A session file that is read alone, with the session it says it was forked from."""
    if facts is None or not facts.source or facts.side:
        return record
    return msgspec.structs.replace(record, context=record.context | {"forked_from": facts.source})


def _resolved(records: Sequence[RawRecord]) -> Iterator[Read]:
    facts = {record.path: file_facts(record.path, record.data) for record in records}
    sides: dict[str, list[RecordPart]] = {}
    mains: list[tuple[FileFacts, RawRecord]] = []
    own = {fact.own for fact in facts.values() if fact and not fact.side}
    for record in sorted(records, key=lambda record: record.path):
        fact = facts[record.path]
        if fact is None or (fact.side and fact.own not in own):
            yield record
        elif not fact.side:
            mains.append((fact, record))
        elif _INTERNAL.match(PurePath(record.path).name):
            yield SkippedFile(record.path, "what the program asked itself; it is no part of the session")
        else:
            sides.setdefault(fact.own, []).append(RecordPart(record.path, record.data))
    yield from _forks([(f, msgspec.structs.replace(r, parts=tuple(sides.get(f.own, ())))) for f, r in mains])


def _forks(mains: Sequence[tuple[FileFacts, RawRecord]]) -> Iterator[Read]:
    """Parents before forks: by what the lines say they were copied from, then the one that ended first."""
    sources = {fact.own: fact.source for fact, _ in mains}
    lines = {record.path: frozenset(_LINE_ID.findall(record.data)) for _, record in mains}

    def rank(main: tuple[FileFacts, RawRecord]) -> tuple[int, bytes, str, str]:
        fact, record = main
        depth, name = 0, fact.own
        while (name := sources.get(name, "")) and depth < len(sources):
            depth += 1
        return depth, max(_TIME.findall(record.data), default=b""), fact.own, record.path

    before: list[tuple[FileFacts, RawRecord]] = []
    for fact, record in sorted(mains, key=rank):
        kin = [(other.own, lines[record.path] & lines[one.path]) for other, one in before if other.own != fact.own]
        shared = frozenset[bytes]().union(*(ids for _, ids in kin))
        before.append((fact, record))
        if not shared:
            yield with_own_facts(record, fact)
            continue
        parent = max(kin, key=lambda pair: len(pair[1]))[0]
        if shared >= lines[record.path]:
            yield SkippedFile(record.path, f"a copy of session {parent} with nothing of its own")
            continue
        elsewhere = frozenset(line.decode(errors="replace") for line in shared)
        context = record.context | {"forked_from": parent}
        yield msgspec.structs.replace(record, context=context, elsewhere=elsewhere)


def _may_have_kin(name: str) -> bool:
    return _OTHER.search(name) is None


def _join(items: Iterable[Read], told: Sequence[FileFacts]) -> Iterator[Read]:
    facts = {fact.path: fact for fact in told}
    kin = families(facts.values())
    for item in joined(items, kin):
        alone = isinstance(item, RawRecord) and item.format == "claude-code" and item.path not in kin
        yield with_own_facts(item, facts.get(item.path)) if alone and isinstance(item, RawRecord) else item


KINSHIP = Kinship(possible=_may_have_kin, look=file_facts, join=_join)
