"""Which events belong to one session: those of one thread, whose runs may lie in one file or in several."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from reverie.sessions.importers.importer import Kinship, Read
from reverie.sessions.importers.record import RawRecord, RecordPart

NAME = "ag-ui"

_STARTED = re.compile(rb'"type"\s*:\s*"RUN_STARTED"')
_THREAD = re.compile(rb'"thread(?:Id|_id)"\s*:\s*"([^"\\]+)"')
_TIME = re.compile(rb'"timestamp"\s*:\s*(\d+)')


def _join(items: Iterable[Read], _: Sequence[Any]) -> Iterator[Read]:
    """The items, in place of the files of this format those of each thread, in order of time."""
    threads: dict[tuple[bytes, str], list[RawRecord]] = {}
    for item in items:
        if not isinstance(item, RawRecord) or item.format != NAME:
            yield item
            continue
        for thread, data in _by_thread(item.data).items():
            alone = item.path if not thread else ""
            threads.setdefault((thread, alone), []).append(msgspec.structs.replace(item, data=data))
    for records in threads.values():
        first, *others = sorted(records, key=lambda record: _time(record.data))
        yield msgspec.structs.replace(first, parts=tuple(RecordPart(one.path, one.data) for one in others))


def _by_thread(data: bytes) -> dict[bytes, bytes]:
    """The data of each thread, each with empty lines in place of the others', so that lines keep their numbers."""
    names = {found[1] for found in _THREAD.finditer(data)}
    if len(names) < 2 or data.lstrip().startswith(b"["):
        return {next(iter(names), b""): data}
    lines: dict[bytes, dict[int, bytes]] = {}
    split = data.split(b"\n")
    thread = b""
    for number, line in enumerate(split):
        if _STARTED.search(line) and (found := _THREAD.search(line)):
            thread = found[1]
        lines.setdefault(thread, {})[number] = line
    return {
        name: b"\n".join(own.get(number, b"") for number in range(len(split)))
        for name, own in lines.items()
        if any(line.strip() for line in own.values())
    }


def _time(data: bytes) -> int:
    found = _TIME.search(data)
    return int(found[1]) if found else 0


def _alone(_: str) -> bool:
    return False


def _nothing(_: str, __: bytes) -> None:
    return None


KINSHIP = Kinship(possible=_alone, look=_nothing, join=_join)
