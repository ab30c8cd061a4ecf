"""What all pulls do: hand what was fetched to its importer, a few sessions at a time, and note what has been brought.

A pull that is cut off goes on where it was: what was stored is noted with it, and asked for again only when it has
changed.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from reverie.clock import Clock
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.import_summary import ImportOptions, ImportSummary
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

    async def store(self, documents: Sequence[Any], marks: Mapping[str, str]) -> ImportSummary:
        """Import documents, and note that the things with these marks have been brought."""
        if not documents:
            return ImportSummary()
        options = ImportOptions(format=self.format, redact=self.settings.redaction)
        with tempfile.TemporaryDirectory(prefix="reverie-pulled-") as folder:
            file = Path(folder) / f"{self.way.replace(' ', '-')}.jsonl"
            file.write_bytes(b"".join(msgspec.json.encode(document) + b"\n" for document in documents))
            summary = await import_sessions(self.database, self.settings, [file], options, self.clock, lambda _: None)
        async with self.database.connection() as connection:
            await write_marks(connection, self.way, self.place, marks, self.clock.now())
        return summary
