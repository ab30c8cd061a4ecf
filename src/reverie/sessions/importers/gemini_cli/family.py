"""Which files of an import belong to one session: a side agent's lies in a folder named after the session it is in."""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from reverie.sessions.importers.importer import Kinship, Read
from reverie.sessions.importers.record import RawRecord, RecordPart

NAME = "gemini-cli"

_SESSION = re.compile(rb'"sessionId"\s*:\s*"([^"\\]+)"')
_SIDE = re.compile(rb'"kind"\s*:\s*"subagent"')
_HASH = b'"projectHash"'
_HEAD_BYTES = 1 << 16
_OTHER = re.compile(r"\.(?:json|csv|txt|md)(?:\.(?:gz|bz2|xz|zst))?$", re.IGNORECASE)
"""Names of files that have no kin: with side agents came lines."""


class _Facts(msgspec.Struct, frozen=True):
    """What the beginning of a file tells of its kin."""

    path: str
    own: str
    within: str
    """Of a side agent's file, the folder it is in, which is named after the session; else empty."""


def _look(path: str, head: bytes) -> _Facts | None:
    head = head[:_HEAD_BYTES]
    found = _SESSION.search(head)
    if found is None or _HASH not in head:
        return None
    folder = path.replace("\\", "/").rpartition("/")[0].rpartition("/")[2]
    return _Facts(path, found[1].decode(errors="replace"), folder if _SIDE.search(head) else "")


def _join(items: Iterable[Read], told: Sequence[_Facts]) -> Iterator[Read]:
    """The items, a session held back until its side agents' files are there, to be told of in it."""
    mains = {_file_safe(fact.own): fact.path for fact in told if not fact.within}
    of_main = {fact.path: mains[fact.within] for fact in told if fact.within in mains}
    waited = set(of_main.values())
    held: dict[str, RawRecord] = {}
    parts: dict[str, list[RecordPart]] = {}
    within = {fact.path: fact.within for fact in told if fact.within}
    for item in items:
        if not isinstance(item, RawRecord) or item.format != NAME:
            yield item
        elif item.path in of_main:
            parts.setdefault(of_main[item.path], []).append(RecordPart(item.path, item.data))
        elif item.path in waited:
            held[item.path] = item
        elif item.path in within:
            yield msgspec.structs.replace(item, context=item.context | {"part_of": within[item.path]})
        else:
            yield item
    for path, item in held.items():
        yield msgspec.structs.replace(item, parts=tuple(parts.get(path, ())))


def _file_safe(session_id: str) -> str:
    """A session's id as a folder is named after it."""
    return re.sub(r"[^a-zA-Z0-9._-]", "_", session_id)


def _may_have_kin(name: str) -> bool:
    return _OTHER.search(name) is None


KINSHIP = Kinship(possible=_may_have_kin, look=_look, join=_join)
