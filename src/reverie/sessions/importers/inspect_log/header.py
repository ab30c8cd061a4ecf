"""What is true of all samples of a log: in an archive it is a member of its own, ``header.json`` or the journal's."""

import contextlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import ijson
import msgspec

from reverie.errors import ImportFormatError
from reverie.sessions.importers.importer import Kinship, Read
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.record import RawRecord, SkippedFile

NAME = "inspect"
EVAL = "eval"
"""The key of what is true of all; in a log in JSON it stands beside the samples."""

_HEADER = re.compile(r"(?P<log>.*)/(?:header|_journal/start)\.json$", re.DOTALL)
_SAMPLE = re.compile(r"(?P<log>.*)/samples/[^/]*$", re.DOTALL)
_BOOKS = re.compile(r"(?P<log>.*)/(?:(?:header|summaries|reductions)\.json|_journal/.*)$", re.DOTALL)
"""Members of an archive that repeat what samples say, or sum it up."""
_PLAIN = re.compile(r"(?<!^header)(?<!^start)\.(?:jsonl?|csv|txt|md)(?:\.(?:gz|bz2|xz|zst))?$", re.IGNORECASE)
"""Names of files that neither are such a member nor hold one."""


class _Header(msgspec.Struct, frozen=True):
    """The header of one log."""

    log: str
    """The archive's path, or the folder's."""
    told: str
    """What it says, as JSON text."""


def _look(path: str, head: bytes) -> _Header | None:
    found = _HEADER.match(path)
    if found is None:
        return None
    told: dict[str, Any] = {}
    with contextlib.suppress(ijson.JSONError):  # longer than the beginning, or broken: what was read stays
        told.update(ijson.kvitems(io.BytesIO(head), EVAL, use_float=True))
    return _Header(found["log"], msgspec.json.encode({n: told[n] for n in _NAMES if n in told}).decode())


_NAMES = (
    *("eval_id", "run_id", "created", "task", "task_id", "task_version", "solver", "model", "dataset"),
    *("tags", "model_roles"),
)


def _join(items: Iterable[Read], told: Sequence[_Header]) -> Iterator[Read]:
    """The items, samples with their log's header; members that only keep books are no news."""
    headers = {header.log: header.told for header in told}
    for item in items:
        if isinstance(item, SkippedFile) and (books := _BOOKS.match(item.path)) and books["log"] in headers:
            continue
        sample = _SAMPLE.match(item.path) if isinstance(item, RawRecord) and item.format == NAME else None
        if isinstance(item, RawRecord) and sample and sample["log"] in headers and EVAL not in item.context:
            yield msgspec.structs.replace(item, context=item.context | {EVAL: headers[sample["log"]]})
        else:
            yield item


def _may_hold_header(name: str) -> bool:
    return _PLAIN.search(name) is None


KINSHIP = Kinship(possible=_may_hold_header, look=_look, join=_join)


def header_of(record: RawRecord) -> dict[str, Any]:
    """What the record's log says of all its samples; empty where the log's header is not at hand."""
    try:
        told = decode_json(record.context.get(EVAL, "{}"))
    except ImportFormatError:
        return {}
    return told if isinstance(told, dict) else {}
