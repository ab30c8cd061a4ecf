"""Where sessions go that come in by themselves: the database of this home, or a server."""

import asyncio
import hashlib
import secrets
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import httpx2
import msgspec

from reverie.api.records import SessionImport
from reverie.cli.remote import Remote, speaking
from reverie.cli.run import run
from reverie.clock import SystemClock
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.installation import installation_id
from reverie.storage.sessions import ingest
from reverie.storage.sessions.import_summary import ImportOptions, ImportSummary

_KEY_BYTES = 32
_ARCHIVE = "sessions.tar.gz"


class Batch(msgspec.Struct, frozen=True):
    """Files to import together."""

    folder: Path
    """What holds them all."""
    paths: tuple[Path, ...]
    format: str | None = None
    agent: str | None = None


Met = Callable[[str | None], None]
"""Told once what tells the database that is imported into from others, where that can be known."""
Taken = Callable[[Batch, ImportSummary], None]
"""Told of each batch once its sessions are stored."""


class Sink(Protocol):
    """Takes batches of session files."""

    name: str
    """For people."""
    target: str
    """What tells it from others."""

    def take(self, batches: Sequence[Batch], met: Met, taken: Taken) -> None:
        """Import them in order, ``met`` first; without any, see that they could be.

        Raises:
            ReverieError: it is away, or declines; batches that ``taken`` was told of are stored.
        """
        ...


class HomeSink:
    """The database that the settings name. It is open while something is imported, and not between."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # The address of an external database may hold a password; what is kept of it is a hash.
        self.target = "home" if settings.database_url is None else f"database {settings.database_url}"
        self.name = str(settings.home) if settings.database_url is None else "the database of DATABASE_URL"

    def take(self, batches: Sequence[Batch], met: Met, taken: Taken) -> None:
        settings = self._settings

        async def work(database: Database) -> None:
            async with database.connection() as connection:
                met(await installation_id(connection, secrets.token_bytes(_KEY_BYTES)))
            for batch in batches:
                overrides = {} if batch.agent is None else {"agent": batch.agent}
                options = ImportOptions(format=batch.format, overrides=overrides, redact=settings.redaction, met=True)
                paths = list(batch.paths)
                summary = await ingest.import_sessions(
                    database, settings, paths, options, SystemClock(), lambda _: None
                )
                taken(batch, summary)

        run(work, settings)


class ServerSink:
    """A server, which gets each batch as an archive."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        key = hashlib.sha256((remote.key or "").encode()).hexdigest()
        self.target = f"server {remote.url.rstrip('/')} {key}"
        self.name = remote.url

    def take(self, batches: Sequence[Batch], met: Met, taken: Taken) -> None:
        async def send() -> None:
            async with speaking(self._remote) as client:
                met(None)
                for batch in batches:
                    with tempfile.TemporaryFile(prefix="reverie-watch-") as archive:
                        await asyncio.to_thread(_pack, batch, archive)
                        taken(batch, await _send(client, batch, archive))

        asyncio.run(send())


async def _send(client: Any, batch: Batch, archive: Any) -> ImportSummary:
    asked = {"filename": _ARCHIVE, "format": batch.format, "agent": batch.agent}
    options = {
        "params": {name: value for name, value in asked.items() if value is not None},
        "headers": {"content-type": "application/octet-stream"},
        "max_retries": 0,
    }
    content = await asyncio.to_thread(archive.read)
    answer = await client.post("/v1/session_imports", cast_to=httpx2.Response, content=content, options=options)
    summary = msgspec.json.decode(answer.content, type=SessionImport)
    errors = [msgspec.structs.replace(problem, path=_here(batch, problem.path)) for problem in summary.errors]
    return msgspec.structs.replace(summary, errors=errors)


def _here(batch: Batch, path: str) -> str:
    """The path of a file that the server knows by its place in the archive."""
    name, _, below = path.partition("/")
    return str(batch.folder / below) if name == _ARCHIVE and below else path


def _pack(batch: Batch, archive: Any) -> None:
    """Write the files, and the side files of each, into the archive by their paths below the folder."""
    with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=1) as packed:
        for path in batch.paths:
            packed.add(path, path.relative_to(batch.folder))
            beside = path.parent / path.stem / "subagents"
            if path.is_file() and beside.is_dir():
                packed.add(beside, beside.relative_to(batch.folder))
    archive.seek(0)
