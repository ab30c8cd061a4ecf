"""Reading of agent session files in the formats people already have; each format is found by content.

A format is one :class:`Importer`, listed in :mod:`reverie.sessions.importers.registry` or brought by another package.

The names below are loaded when first used: all formats together take longer to load than a program that records its
own sessions, which needs a few of their parts, is willing to wait.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reverie.sessions.import_problem import ImportProblem
    from reverie.sessions.importers.draft import Draft, EventLog
    from reverie.sessions.importers.importer import Importer, Keys, Members, UsualPlace, Whole
    from reverie.sessions.importers.parser import parse_record
    from reverie.sessions.importers.reader import read_records
    from reverie.sessions.importers.record import RawRecord, SkippedFile
    from reverie.sessions.importers.registry import formats
    from reverie.sessions.importers.reverie_lines import encode_line

__all__ = [
    "Draft",
    "EventLog",
    "ImportProblem",
    "Importer",
    "Keys",
    "Members",
    "RawRecord",
    "SkippedFile",
    "UsualPlace",
    "Whole",
    "encode_line",
    "formats",
    "parse_record",
    "read_records",
]

_HOMES = {
    "Draft": "reverie.sessions.importers.draft",
    "EventLog": "reverie.sessions.importers.draft",
    "ImportProblem": "reverie.sessions.import_problem",
    "Importer": "reverie.sessions.importers.importer",
    "Keys": "reverie.sessions.importers.importer",
    "Members": "reverie.sessions.importers.importer",
    "RawRecord": "reverie.sessions.importers.record",
    "SkippedFile": "reverie.sessions.importers.record",
    "UsualPlace": "reverie.sessions.importers.importer",
    "Whole": "reverie.sessions.importers.importer",
    "encode_line": "reverie.sessions.importers.reverie_lines",
    "formats": "reverie.sessions.importers.registry",
    "parse_record": "reverie.sessions.importers.parser",
    "read_records": "reverie.sessions.importers.reader",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
