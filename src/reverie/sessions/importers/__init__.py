"""Reading of agent session files in the formats people already have; each format is found by content."""

from reverie.sessions.import_problem import ImportProblem
from reverie.sessions.importers.parser import parse_record
from reverie.sessions.importers.reader import read_records
from reverie.sessions.importers.record import FORMATS, RawRecord, SkippedFile
from reverie.sessions.importers.reverie_lines import encode_line

__all__ = ["FORMATS", "ImportProblem", "RawRecord", "SkippedFile", "encode_line", "parse_record", "read_records"]
