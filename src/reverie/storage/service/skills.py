"""Skills and their versions in the database; each version is kept as the archive that is downloaded."""

from datetime import UTC, datetime, timedelta

import msgspec
from psycopg.rows import class_row

from reverie.errors import NotFoundError, StateError
from reverie.storage.postgres.database import Connection
from reverie.storage.postgres.one_row import read_one

LATEST = "latest"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEWEST = "SELECT {} FROM skill_versions v WHERE v.skill_id = s.id ORDER BY v.created_at DESC LIMIT 1"
_COLUMNS = f"""s.id, s.name, s.display_name, s.created_at, s.updated_at,
    ({_NEWEST.format("v.id")}) AS latest_version_id, ({_NEWEST.format("v.created_at")}) AS latest_version_at"""


class Skill(msgspec.Struct, frozen=True):
    """A skill; its files are its versions'."""

    id: str
    name: str
    """The one in SKILL.md. It never changes; other skills may have the same."""
    display_name: str
    created_at: datetime
    updated_at: datetime
    latest_version_id: str
    latest_version_at: datetime


class SkillVersion(msgspec.Struct, frozen=True):
    """One state of a skill."""

    id: str
    skill_id: str
    name: str
    description: str
    created_at: datetime


def version_stamp(created_at: datetime) -> str:
    """How older clients name a version: the microseconds from 1970 to when it was made."""
    return str((created_at - _EPOCH) // timedelta(microseconds=1))


async def insert_skill(connection: Connection, skill_id: str, name: str, display_name: str, now: datetime) -> None:
    """Record a new skill; its first version follows in the same transaction."""
    await connection.execute(
        "INSERT INTO skills (id, name, display_name, created_at, updated_at) VALUES (%s, %s, %s, %s, %s)",
        [skill_id, name, display_name, now, now],
    )


async def insert_version(connection: Connection, version: SkillVersion, archive: bytes) -> None:
    """Record a new version, which becomes the latest."""
    await connection.execute(
        "INSERT INTO skill_versions (id, skill_id, description, archive, created_at) VALUES (%s, %s, %s, %b, %s)",
        [version.id, version.skill_id, version.description, archive, version.created_at],
    )
    await connection.execute("UPDATE skills SET updated_at = %s WHERE id = %s", [version.created_at, version.skill_id])


async def read_skill(connection: Connection, skill_id: str, *, lock: bool = False) -> Skill:
    """One skill, locked until the transaction ends where asked for.

    Raises:
        NotFoundError: there is none.
    """
    if lock:
        # A statement of its own, so that the latest version that is read after it is the one of now.
        await connection.execute("SELECT FROM skills WHERE id = %s FOR UPDATE", [skill_id])
    missing = NotFoundError(f"there is no skill {skill_id!r}", code="skill_not_found")
    return await read_one(connection, Skill, f"{_COLUMNS} FROM skills s WHERE s.id = %s", [skill_id], missing)


async def list_skills(connection: Connection, before: tuple[datetime, str] | None, limit: int) -> list[Skill]:
    """Skills, newest first, that come after the position ``before``."""
    async with connection.cursor(row_factory=class_row(Skill)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM skills s
            WHERE %(at)s::timestamptz IS NULL OR (s.created_at, s.id) < (%(at)s, %(id)s)
            ORDER BY s.created_at DESC, s.id DESC LIMIT %(limit)s
            """,
            {"at": before and before[0], "id": before and before[1], "limit": limit},
        )
        return await cursor.fetchall()


async def delete_skill(connection: Connection, skill_id: str) -> None:
    """Delete a skill with all of its versions.

    Raises:
        NotFoundError: there is none.
    """
    deleted = await connection.execute("DELETE FROM skills WHERE id = %s", [skill_id])
    if deleted.rowcount == 0:
        raise NotFoundError(f"there is no skill {skill_id!r}")


async def read_version(connection: Connection, skill_id: str, version: str) -> SkillVersion:
    """A version by its id, by the stamp that older clients use, or the one that is ``latest``.

    Raises:
        NotFoundError: there is none.
    """
    skill = await read_skill(connection, skill_id)
    wanted = skill.latest_version_id if version == LATEST else version
    # Longer ones are beyond the years that Python knows.
    stamp = _EPOCH + timedelta(microseconds=int(version)) if version.isdecimal() and len(version) < 17 else None
    async with connection.cursor(row_factory=class_row(SkillVersion)) as cursor:
        await cursor.execute(
            """
            SELECT v.id, v.skill_id, s.name, v.description, v.created_at
            FROM skill_versions v JOIN skills s ON s.id = v.skill_id
            WHERE v.skill_id = %s AND (v.id = %s OR v.created_at = %s)
            """,
            [skill_id, wanted, stamp],
        )
        found = await cursor.fetchone()
    if found is None:
        raise NotFoundError(f"skill {skill_id} has no version {version!r}", code="skill_not_found")
    return found


async def read_archive(connection: Connection, version: SkillVersion) -> bytes:
    """A version's files as a zip archive.

    Raises:
        NotFoundError: it was deleted meanwhile.
    """
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute("SELECT archive FROM skill_versions WHERE id = %s", [version.id])
        row = await cursor.fetchone()
    if row is None:
        raise NotFoundError(f"version {version.id} was deleted")
    archive: bytes = row[0]
    return archive


async def list_versions(
    connection: Connection, skill: Skill, before: tuple[datetime, str] | None, limit: int
) -> list[SkillVersion]:
    """Versions of a skill, newest first, that come after the position ``before``."""
    async with connection.cursor(row_factory=class_row(SkillVersion)) as cursor:
        await cursor.execute(
            """
            SELECT id, skill_id, %(name)s::text AS name, description, created_at FROM skill_versions
            WHERE skill_id = %(skill)s AND (%(at)s::timestamptz IS NULL OR (created_at, id) < (%(at)s, %(id)s))
            ORDER BY created_at DESC, id DESC LIMIT %(limit)s
            """,
            {
                "skill": skill.id,
                "name": skill.name,
                "at": before and before[0],
                "id": before and before[1],
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def delete_version(connection: Connection, version: SkillVersion) -> None:
    """Delete a version that is not the skill's only one; the skill must be locked.

    Raises:
        StateError: it is the only one.
    """
    others = await connection.execute(
        "SELECT FROM skill_versions WHERE skill_id = %s AND id <> %s LIMIT 1", [version.skill_id, version.id]
    )
    if await others.fetchone() is None:
        raise StateError(f"{version.id} is the only version of {version.skill_id}; delete the skill instead")
    await connection.execute("DELETE FROM skill_versions WHERE id = %s", [version.id])
