"""What all pulls do: hand what was fetched to its importer, a few sessions at a time, and note what has been brought.

A pull that is cut off goes on where it was: what was stored is noted with it, and asked for again only when it has
changed.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from reverie.clock import Clock
from reverie.jobs.bounded_http import MOST_BYTES
from reverie.sessions.import_problem import ImportProblem
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.import_summary import ImportCounts, ImportOptions, ImportSummary, added
from reverie.storage.sessions.ingest import import_sessions
from reverie.storage.sessions.pulled import read_marks, write_marks


class Source(msgspec.Struct, frozen=True):
    """Where sessions come from, and where to."""

    database: Database
    settings: Settings
    clock: Clock
    way: str
    """Such as ``pull langfuse``."""
    place: str
    """Its address."""
    format: str
    """The importer's name."""

    async def marks(self) -> dict[str, str]:
        """What was brought before."""
        async with self.database.connection() as connection:
            return await read_marks(connection, self.way, self.place)

    async def store(self, lines: bytes, marks: Mapping[str, str]) -> ImportSummary:
        """Import documents, one a line of JSON, and note that the things with these marks have been brought."""
        if not lines:
            return ImportSummary()
        options = ImportOptions(format=self.format, redact=self.settings.redaction)
        with tempfile.TemporaryDirectory(prefix="reverie-pulled-") as folder:
            file = Path(folder) / f"{self.way.replace(' ', '-')}.jsonl"
            file.write_bytes(lines)
            summary = await import_sessions(self.database, self.settings, [file], options, self.clock, lambda _: None)
        async with self.database.connection() as connection:
            await write_marks(connection, self.way, self.place, marks, self.clock.now())
        return summary


class Pulled:
    """What a pull has brought: a few things at a time, as many as :data:`MOST_BYTES` hold."""

    def __init__(self, source: Source, together: int) -> None:
        self.total = ImportSummary()
        self._source = source
        self._together = together
        self._waiting: list[bytes] = []
        self._marks: dict[str, str] = {}

    async def add(self, lines: bytes, marks: Mapping[str, str]) -> bool:
        """Store one thing, sooner or later, and say whether it was now."""
        self._waiting.append(lines)
        self._marks |= marks
        is_full = len(self._waiting) >= self._together or sum(map(len, self._waiting)) > MOST_BYTES
        if is_full:
            await self.flush()
        return is_full

    async def flush(self) -> None:
        """Store what waits."""
        self.total = added(self.total, await self._source.store(b"".join(self._waiting), self._marks))
        self._waiting, self._marks = [], {}

    def fail(self, problem: ImportProblem) -> None:
        """Note one thing that was left out; it is asked for again by the next pull."""
        self.total = added(self.total, ImportSummary(ImportCounts(failed=1), errors=[problem]))
