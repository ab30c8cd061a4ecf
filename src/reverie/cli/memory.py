"""``reverie memory``: what is remembered, since when, and why."""

from typing import Any

import click
import msgspec

from reverie.cli.dream_schedule import describe_schedule, fields_of
from reverie.cli.memory_changes import create, delete, export_folder, import_folder, rollback_store, write
from reverie.cli.memory_text import describe_revision, echo_json, json_option, provenance, split_store
from reverie.cli.run import run
from reverie.memory.diff import compare, summarise, unified_diff
from reverie.memory.memory import MemoryStore, MemoryVersion, Revision
from reverie.storage.learning.dream_schedules import DreamSchedule, find_schedule
from reverie.storage.memory.memories import read_memory
from reverie.storage.memory.revisions import (
    list_current_versions,
    list_revisions,
    read_revision,
    read_version,
    read_version_at,
    snapshot,
)
from reverie.storage.memory.stores import choose_store, find_store, list_stores
from reverie.storage.postgres.database import Database


@click.group()
def memory() -> None:
    """Read, compare, change and roll back memory stores.

    STORE is a store's name or id; where it is optional, it can be left out while there is exactly one store.
    """


for command in (create, write, delete, rollback_store, import_folder, export_folder):
    memory.add_command(command)


@memory.command("list")
@click.argument("store", required=False)
@json_option
def list_command(store: str | None, as_json: bool) -> None:
    """List the stores, or the memories of one."""
    if store is None:
        _list_stores(as_json)
    else:
        _list_memories(store, as_json)


def _list_stores(as_json: bool) -> None:
    async def read(database: Database) -> list[tuple[MemoryStore, Revision | None, DreamSchedule | None]]:
        async with database.connection() as conn:
            return [
                (
                    store,
                    await read_revision(conn, store.id, store.revision) if store.revision else None,
                    await find_schedule(conn, store.id),
                )
                for store in await list_stores(conn, include_archived=True)
            ]

    stores = run(read)
    if as_json:
        told = [
            {**_fields(store), "latest_revision": latest, "dream_schedule": None if found is None else fields_of(found)}
            for store, latest, found in stores
        ]
        echo_json({"stores": told})
        return
    for store, latest, schedule in stores:
        archived = "  (archived)" if store.archived_at else ""
        click.echo(f"{store.name}  {store.id}{archived}")
        click.echo(f"    {describe_revision(latest) if latest else 'empty'}")
        if schedule is not None:
            click.echo(f"    {describe_schedule(schedule)}")


def _list_memories(name: str, as_json: bool) -> None:
    async def read(database: Database) -> tuple[MemoryStore, list[MemoryVersion], dict[int, Revision]]:
        async with database.connection() as conn:
            store = await find_store(conn, name)
            versions = await list_current_versions(conn, store.id)
            return store, versions, {revision.number: revision for revision in await list_revisions(conn, store.id)}

    store, versions, revisions = run(read)
    if as_json:
        memories = [_provenance_fields(version, revisions[version.revision]) for version in versions]
        echo_json({"store": store, "memories": [{**fields, "content": None} for fields in memories]})
        return
    for version in versions:
        click.echo(
            f"{version.path}  {version.tier}  {version.content_size_bytes} bytes  revision {version.revision},"
            f" {provenance(revisions[version.revision])}: {version.reason}"
        )


@memory.command()
@click.argument("store_and_path", nargs=-1, required=True, metavar="[STORE] PATH")
@click.option("--revision", type=click.IntRange(min=0), help="As it was at this revision; default: as it is now.")
@json_option
def show(store_and_path: tuple[str, ...], revision: int | None, as_json: bool) -> None:
    """Print a memory; who wrote it and why goes to standard error."""
    name, path = split_store(store_and_path)

    async def read(database: Database) -> tuple[MemoryVersion, Revision]:
        async with database.connection() as conn:
            store = await choose_store(conn, name)
            if revision is None:
                head = await read_memory(conn, store.id, path)
                version = await read_version(conn, store.id, head.memory_version_id)
            else:
                version = await read_version_at(conn, store.id, revision, path)
            return version, await read_revision(conn, store.id, version.revision)

    version, origin = run(read)
    if as_json:
        echo_json(_provenance_fields(version, origin))
        return
    click.echo(f"{path}: {version.reason}\n{describe_revision(origin)}", err=True)
    click.echo((version.content or "").encode(), nl=False)


@memory.command()
@click.argument("store", required=False)
@json_option
def log(store: str | None, as_json: bool) -> None:
    """List a store's revisions, newest first."""

    async def read(database: Database) -> tuple[MemoryStore, list[Revision]]:
        async with database.connection() as conn:
            chosen = await choose_store(conn, store)
            return chosen, await list_revisions(conn, chosen.id)

    chosen, revisions = run(read)
    if as_json:
        echo_json({"store": chosen, "revisions": revisions})
        return
    for revision in revisions:
        click.echo(describe_revision(revision))


@memory.command()
@click.argument("store_and_revisions", nargs=-1, required=True, metavar="[STORE] FROM [TO]")
@json_option
def diff(store_and_revisions: tuple[str, ...], as_json: bool) -> None:
    """Compare a store at revision FROM with revision TO, by default the latest."""
    name, numbers = _split_revisions(store_and_revisions)

    async def read(database: Database) -> tuple[dict[str, str], dict[str, str], list[Revision]]:
        async with database.connection() as conn:
            store = await choose_store(conn, name)
            first, last = numbers[0], numbers[1] if len(numbers) > 1 else store.revision
            between = range(min(first, last) + 1, max(first, last) + 1)
            revisions = [revision for revision in await list_revisions(conn, store.id) if revision.number in between]
            return await snapshot(conn, store.id, first), await snapshot(conn, store.id, last), revisions

    before, after, revisions = run(read)
    differences = compare(before, after)
    summary = summarise(differences)
    if as_json:
        changes = [
            {"path": difference.path, "operation": difference.operation, "diff": unified_diff(difference)}
            for difference in differences
        ]
        echo_json({**_fields(summary), "differences": changes, "revisions": revisions})
        return
    for revision in revisions:
        click.echo(describe_revision(revision))
    for difference in differences:
        click.echo(unified_diff(difference), nl=False)
    click.echo(f"{summary.created} created, {summary.modified} modified, {summary.deleted} deleted")


def _split_revisions(values: tuple[str, ...]) -> tuple[str | None, list[int]]:
    name, numbers = (None, values) if values[0].isdecimal() else (values[0], values[1:])
    if not 1 <= len(numbers) <= 2 or not all(number.isdecimal() for number in numbers):
        raise click.UsageError("give [STORE] FROM [TO], where FROM and TO are revision numbers")
    return name, [int(number) for number in numbers]


def _provenance_fields(version: MemoryVersion, revision: Revision) -> dict[str, Any]:
    origin = {"act": revision.act, "actor": revision.actor, "source_session_ids": revision.source_session_ids}
    return {**_fields(version), **origin, "revision_reason": revision.reason}


def _fields(record: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(record)
