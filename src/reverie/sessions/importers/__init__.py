"""Reading of agent session files in the formats people already have; each format is found by content.

A format is one :class:`Importer`, listed in :mod:`reverie.sessions.importers.registry` or brought by another package.
"""

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
