"""Files in the database: what is known of each, and its bytes in pieces of a megabyte."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import BinaryIO

import msgspec
from psycopg.rows import class_row

from reverie.errors import InputError, NotFoundError
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.postgres.one_row import read_one

CHUNK_BYTES = 1024 * 1024
_COLUMNS = "id, filename, mime_type, size_bytes, created_at, session_id, expires_at"


class StoredFile(msgspec.Struct, frozen=True):
    """What is known of a file."""

    id: str
    filename: str
    mime_type: str
    size_bytes: int
    created_at: datetime
    session_id: str | None = None
    """The session that made it; None of an upload."""
    expires_at: datetime | None = None
    """When its bytes are given up; None keeps them."""


async def insert_file(connection: Connection, file: StoredFile, source: BinaryIO) -> None:
    """Keep a file with the bytes that ``source`` gives from where it stands."""
    await connection.execute(
        f"INSERT INTO files ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s)", msgspec.structs.astuple(file)
    )
    number = 0
    while data := await asyncio.to_thread(source.read, CHUNK_BYTES):
        query = "INSERT INTO file_chunks (file_id, number, data) VALUES (%s, %s, %b)"
        await connection.execute(query, [file.id, number, data])
        number += 1


async def read_file(connection: Connection, file_id: str) -> StoredFile:
    """What is known of one file.

    Raises:
        NotFoundError: there is none.
    """
    missing = NotFoundError(f"there is no file {file_id!r}", code="file_not_found")
    return await read_one(connection, StoredFile, f"{_COLUMNS} FROM files WHERE id = %s", [file_id], missing)


def require_unexpired(file: StoredFile, now: datetime) -> StoredFile:
    """The file, if its bytes are still there.

    Raises:
        NotFoundError: it has expired.
    """
    if file.expires_at is not None and file.expires_at <= now:
        raise NotFoundError(f"file {file.id} has expired", code="file_expired")
    return file


async def read_text(connection: Connection, file_id: str, most_characters: int) -> str:
    """A file that is a text of at most ``most_characters``.

    Raises:
        NotFoundError: there is no such file, or its bytes are gone.
        InputError: it is longer, or not UTF-8.
    """
    file = await read_file(connection, file_id)
    if file.size_bytes > 4 * most_characters:
        raise InputError(
            f"file {file_id} has {file.size_bytes:,} bytes; at most {most_characters:,} characters are taken"
        )
    rows = await connection.execute("SELECT data FROM file_chunks WHERE file_id = %s ORDER BY number", [file_id])
    data = b"".join([row[0] for row in await rows.fetchall()])
    if len(data) != file.size_bytes:
        raise NotFoundError(f"file {file_id} has expired", code="file_expired")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"file {file_id} is no UTF-8 text: {error}") from error
    if len(text) > most_characters:
        raise InputError(f"file {file_id} has {len(text):,} characters; at most {most_characters:,} are taken")
    return text


async def read_chunks(database: Database, file: StoredFile) -> AsyncIterator[bytes]:
    """The bytes of a file, piece by piece; no connection is held while a piece is on its way to a slow reader.

    Raises:
        NotFoundError: the file was deleted meanwhile.
    """
    for number in range((file.size_bytes + CHUNK_BYTES - 1) // CHUNK_BYTES):
        async with database.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute("SELECT data FROM file_chunks WHERE file_id = %s AND number = %s", [file.id, number])
            row = await cursor.fetchone()
        if row is None:
            raise NotFoundError(f"file {file.id} was deleted while it was read")
        yield row[0]


async def list_files(
    connection: Connection,
    *,
    session_id: str | None,
    before: tuple[datetime, str] | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[StoredFile]:
    """Files, newest first: the ones made next before the position ``before``, or the ones made next after ``after``."""
    order = "ASC" if after else "DESC"
    async with connection.cursor(row_factory=class_row(StoredFile)) as cursor:
        query = f"""
            SELECT {_COLUMNS} FROM files
            WHERE (%(session)s::text IS NULL OR session_id = %(session)s)
                AND (%(before_at)s::timestamptz IS NULL OR (created_at, id) < (%(before_at)s, %(before_id)s))
                AND (%(after_at)s::timestamptz IS NULL OR (created_at, id) > (%(after_at)s, %(after_id)s))
            ORDER BY created_at {order}, id {order} LIMIT %(limit)s
            """
        parameters = {
            "session": session_id,
            "before_at": before and before[0],
            "before_id": before and before[1],
            "after_at": after and after[0],
            "after_id": after and after[1],
            "limit": limit,
        }
        await cursor.execute(query.encode(), parameters)
        return await cursor.fetchall()


async def find_files(connection: Connection, ids: Sequence[str]) -> list[StoredFile]:
    """Those of ``ids`` that exist, newest first."""
    async with connection.cursor(row_factory=class_row(StoredFile)) as cursor:
        query = f"SELECT {_COLUMNS} FROM files WHERE id = ANY (%s) ORDER BY created_at DESC, id DESC"
        await cursor.execute(query, [list(ids)])
        return await cursor.fetchall()


async def delete_file(connection: Connection, file_id: str) -> None:
    """Delete a file and its bytes.

    Raises:
        NotFoundError: there is none.
    """
    deleted = await connection.execute("DELETE FROM files WHERE id = %s", [file_id])
    if deleted.rowcount == 0:
        raise NotFoundError(f"there is no file {file_id!r}")


async def drop_expired_bytes(connection: Connection, now: datetime) -> int:
    """Give up the bytes of files that have expired; what is known of them stays. The number of pieces given up."""
    dropped = await connection.execute(
        "DELETE FROM file_chunks USING files WHERE files.id = file_chunks.file_id AND files.expires_at <= %s", [now]
    )
    return dropped.rowcount
