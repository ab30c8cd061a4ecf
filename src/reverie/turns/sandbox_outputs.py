"""What a session left under its outputs, given to clients as files of the session."""

import asyncio
import mimetypes
import os
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path, PurePosixPath

import structlog

from reverie.errors import NotFoundError
from reverie.ids import new_id
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.service.files import StoredFile, delete_file, insert_file
from reverie.turns.sandbox_folder import Output, SandboxFolder

MOST_FILES = 100
MOST_BYTES = 100 * 1024 * 1024
"""The largest file that is given to clients; larger ones stay in the folder."""

log = structlog.get_logger("reverie.sandbox")


async def publish(
    database: Database, folder: SandboxFolder, known: Mapping[str, Output], session_id: str, now: datetime
) -> dict[str, Output]:
    """Give clients what is new or changed, and take back what is gone; what they have now, by path."""
    there = await asyncio.to_thread(lambda: list(islice(folder.outputs(), MOST_FILES)))
    given: dict[str, Output] = {}
    for path, place in there:
        output = await _give(database, path, place, known.get(path), session_id, now)
        if output is not None:
            given[path] = output
    kept = {output.file_id for output in given.values()}
    async with database.connection() as connection:
        for output in known.values():
            if output.file_id not in kept:
                await _take_back(connection, output)
    return given


async def _give(
    database: Database, path: str, place: Path, before: Output | None, session_id: str, now: datetime
) -> Output | None:
    try:
        # A link that came there meanwhile is not followed.
        stream = os.fdopen(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    except OSError as error:
        log.warning("an output cannot be read", session_id=session_id, path=path, error=str(error))
        return None
    with stream:
        about = os.fstat(stream.fileno())
        if before is not None and (before.size, before.changed_ns) == (about.st_size, about.st_mtime_ns):
            return before
        if about.st_size > MOST_BYTES:
            log.warning("an output is too large to be given out", session_id=session_id, path=path)
            return None
        file = StoredFile(
            id=new_id("file", now),
            filename=PurePosixPath(path).name,
            mime_type=mimetypes.guess_type(path)[0] or "application/octet-stream",
            size_bytes=about.st_size,
            created_at=now,
            session_id=session_id,
        )
        async with database.connection() as connection:
            await insert_file(connection, file, stream)
    return Output(file.id, about.st_size, about.st_mtime_ns)


async def _take_back(connection: Connection, output: Output) -> None:
    try:
        await delete_file(connection, output.file_id)
    except NotFoundError:
        return  # A client has deleted it.
