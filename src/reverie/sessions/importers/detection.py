"""Which session format a file is in, and how its sessions lie in it, found from its first bytes."""

import io
import re
from collections.abc import Sequence

import ijson

from reverie.sessions.importers.importer import Importer, Keys, Layout

_LINES_TRIED = 50
"""A file whose first lines are broken is still known by the next ones."""


def detect(head: bytes, importers: Sequence[Importer]) -> Layout | None:
    """The layout of the file that begins with ``head``, of the first importer that knows it.

    None when no importer does and it does not look like JSON.
    """
    by_keys = _by_keys(head.lstrip(), importers)
    if by_keys is None or by_keys.importer is None:
        begun = next((importer for importer in importers if importer.begins(head)), None)
        return by_keys if begun is None else assumed(head, begun)
    return by_keys


def _by_keys(text: bytes, importers: Sequence[Importer]) -> Layout | None:
    if text.startswith(b"["):
        keys = _keys_in(text)
        found = _importer_of(keys, importers)
        return Layout(found, "file" if found and found.unit == "file" else "list") if keys.top else None
    lines = text.split(b"\n", _LINES_TRIED)[:_LINES_TRIED]
    for line in lines:
        keys = _keys_in(line)
        found = _importer_of(keys, importers)
        # The first line of an indented object has keys, too, but is not whole; nor is a line longer than the head.
        if found and (keys.whole or len(lines) == 1):
            return _object_layout(found, keys, lines=True)
    late = _late(text, importers)
    if late:
        return Layout(late, "file")
    keys = _keys_in(text)
    return _object_layout(_importer_of(keys, importers), keys, lines=False) if keys.top else None


def _late(text: bytes, importers: Sequence[Importer]) -> Importer | None:
    for importer in importers:
        if importer.unit != "file":
            continue
        for line in text.split(b"\n")[_LINES_TRIED:]:
            if importer.late_sign(line):
                keys = _keys_in(line)
                if keys.whole and _importer_of(keys, importers) is importer:
                    return importer
    return None


def assumed(head: bytes, importer: Importer) -> Layout:
    """The likely layout of a file that is not known by its keys."""
    if importer.unit == "file":
        return Layout(importer, "file")
    if head.lstrip().startswith(b"["):
        return Layout(importer, "list")
    return Layout(importer, "mapping" if importer.unit == "member" else "lines")


def _object_layout(found: Importer | None, keys: Keys, *, lines: bool) -> Layout:
    if found and found.unit == "member":
        under = found.members.under
        return Layout(found, "mapping", prefix=under if under in keys.top else "")
    if found and _lists_sessions(found, keys):
        return Layout(found, "listed", prefix=found.members.under)
    if found and found.unit == "file":
        return Layout(found, "file")
    return Layout(found, "lines" if lines else "values")


def _lists_sessions(found: Importer, keys: Keys) -> bool:
    """Whether the object holds sessions in a list; of a session that is a file what is beside the list tells, too."""
    if found.members.under and found.members.under in keys.top - keys.objects:
        return True
    return found.unit == "file" and not keys.top.isdisjoint(found.members.beside)


def _importer_of(keys: Keys, importers: Sequence[Importer]) -> Importer | None:
    if not (keys.top or keys.deeper):
        return None
    return next((importer for importer in importers if importer.has_keys(keys)), None)


def _keys_in(text: bytes) -> Keys:
    top: set[str] = set()
    deeper: set[str] = set()
    holding: dict[bool, set[str]] = {True: set(), False: set()}
    depth, key, whole = 0, None, True
    try:
        for event, value in ijson.basic_parse(io.BytesIO(text)):
            if key is not None:
                holding[event == "start_map"].add(key)
            depth += {"start_map": 1, "end_map": -1}.get(event, 0)
            if event == "map_key":
                (top if depth == 1 else deeper).add(value)
            key = value if event == "map_key" and depth == 1 else None
    except ijson.JSONError:
        whole = False
    return Keys(top, deeper, holding[True] - holding[False], whole)


_UNREAD: tuple[tuple[str, frozenset[str]], ...] = (
    ("a Claude.ai export", frozenset({"chat_messages"})),
    ("a Cursor export", frozenset({"composerId"})),
    ("a Who&When failure", frozenset({"history", "mistake_agent", "mistake_step"})),
    ("a LoCoMo conversation", frozenset({"conversation", "qa"})),
    ("a LoCoMo conversation", frozenset({"conversation", "session_summary"})),
    ("a LoCoMo conversation", frozenset({"speaker_a", "speaker_b"})),
)
"""Formats that are known by their keys and not read."""


_JUNIT = re.compile(rb"<(\w+:)?testsuites?[\s>]")
_DELIMITERS = b",;\t"


def scores_hint(head: bytes) -> str | None:
    """What to do with a file that holds scores or results of tests, not sessions; None where it looks like neither."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        is_junit = _JUNIT.search(text) is not None
        return "it looks like results of tests (JUnit): reverie score SESSION --from-junit FILE" if is_junit else None
    if text[:1] in (b"{", b"[") or b"\0" in text:
        return None
    rows = text.splitlines()[:2]
    is_table = len(rows) == 2 and any(all(one in row for row in rows) for one in _DELIMITERS)
    return "it looks like a table; if it holds scores, reverie import SESSIONS --scores FILE" if is_table else None


def unread_format(head: bytes) -> str | None:
    """What to tell the user of a file in a format that is known and not read; None for any other file."""
    text = head.lstrip()
    if text.startswith(b"# aider chat"):
        found = "an Aider history"
    else:
        first = _keys_in(text.partition(b"\n")[0])
        keys = first if first.whole and first.top else _keys_in(text)
        names = keys.top | keys.deeper if text.startswith(b"[") else keys.top
        found = next((name for name, wanted in _UNREAD if wanted <= names), "")
    return f"looks like {found}; not supported yet: see docs/import.md#formats-that-are-not-read" if found else None
