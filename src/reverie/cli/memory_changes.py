"""The ``reverie memory`` commands that write: each is one act, with its reason, and can be rolled back."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, get_args

import click

from reverie.cli.main import EXIT_NOTHING_DONE, EXIT_PARTLY_FAILED
from reverie.cli.memory_text import describe_revision, describe_write, echo_json, json_option, split_store
from reverie.cli.run import run
from reverie.clock import SystemClock
from reverie.display_name import numbered
from reverie.errors import ConflictError
from reverie.memory.content import MAX_CONTENT_BYTES, decode_content
from reverie.memory.memory import Edit, Memory, MemoryStore, Revision, Tier
from reverie.storage.memory.folder import FileProblem, read_folder, write_folder
from reverie.storage.memory.memories import apply_edits, list_memories, read_memory, rollback
from reverie.storage.memory.revisions import read_revision
from reverie.storage.memory.stores import choose_store, create_store, ensure_store, find_store, list_stores
from reverie.storage.postgres.database import Database

ACTOR = "user"

_Written = tuple[MemoryStore, Revision | None]


@click.command()
@click.argument("name", metavar="STORE")
@click.option("--description", default="", help="What the store is for.")
@json_option
def create(name: str, description: str, as_json: bool) -> None:
    """Make an empty store."""

    async def make(database: Database) -> MemoryStore:
        async with database.connection() as conn:
            if any(store.name == name for store in await list_stores(conn)):
                raise ConflictError(f"a memory store is named {name!r} already; choose another name")
            return await create_store(conn, name, description, {}, SystemClock().now())

    store = run(make)
    if as_json:
        echo_json({"store": store})
    else:
        click.echo(f"{store.name}  {store.id}")


@click.command()
@click.argument("store_and_path", nargs=-1, required=True, metavar="[STORE] PATH")
@click.option("--file", type=click.File("rb"), default="-", help="The content; '-', the default, is standard input.")
@click.option(
    "--tier", type=click.Choice(get_args(Tier)), help="How long to keep it.  [default: as before, or intermediate]"
)
@click.option("--reason", default="written by hand", show_default=True, help="Why, for the store's log.")
@json_option
def write(store_and_path: tuple[str, ...], file: BinaryIO, tier: Tier | None, reason: str, as_json: bool) -> None:
    """Make the memory at PATH hold the content of a file."""
    name, path = split_store(store_and_path)
    content = decode_content(file.read(MAX_CONTENT_BYTES + 1))

    async def put(database: Database) -> _Written:
        async with database.connection() as conn:
            store = await choose_store(conn, name)
            edit = Edit(path, content, reason, tier=tier)
            now = SystemClock().now()
            return store, await apply_edits(conn, store.id, [edit], act="write", actor=ACTOR, reason=reason, now=now)

    _report(run(put), as_json)


@click.command()
@click.argument("store_and_path", nargs=-1, required=True, metavar="[STORE] PATH")
@click.option("--reason", default="deleted by hand", show_default=True, help="Why, for the store's log.")
@json_option
def delete(store_and_path: tuple[str, ...], reason: str, as_json: bool) -> None:
    """Delete the memory at PATH; its versions stay, and a rollback brings it back."""
    name, path = split_store(store_and_path)

    async def remove(database: Database) -> _Written:
        async with database.connection() as conn:
            store = await choose_store(conn, name)
            await read_memory(conn, store.id, path)
            edit = Edit(path, None, reason)
            now = SystemClock().now()
            return store, await apply_edits(conn, store.id, [edit], act="write", actor=ACTOR, reason=reason, now=now)

    _report(run(remove), as_json)


@click.command("rollback")
@click.argument("store_and_revision", nargs=-1, required=True, metavar="[STORE] REVISION")
@click.option("--reason", required=True, help="Why, for the store's log.")
@json_option
def rollback_store(store_and_revision: tuple[str, ...], reason: str, as_json: bool) -> None:
    """Make the store as it was at REVISION, by a new revision; 0 empties it."""
    name, number = split_store(store_and_revision)
    if not number.isdecimal():
        raise click.UsageError(f"{number!r} is not a revision number; list them with: reverie memory log")

    async def go_back(database: Database) -> _Written:
        async with database.connection() as conn:
            store = await choose_store(conn, name)
            return store, await rollback(conn, store.id, int(number), reason, SystemClock().now(), actor=ACTOR)

    _report(run(go_back), as_json)


@click.command("import")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--store", "name", default="default", show_default=True, help="Store to write, made where missing.")
@click.option("--reason", default=None, help="Why, for the store's log.  [default: imported from DIR]")
@json_option
def import_folder(folder: Path, name: str, reason: str | None, as_json: bool) -> None:
    """Write every text file below DIR as a memory, in one revision; memories without a file stay."""
    why = reason or f"imported from {folder.name or folder}"
    edits, problems = read_folder(folder, why)

    async def put(database: Database) -> _Written:
        async with database.connection() as conn:
            now = SystemClock().now()
            store = await ensure_store(conn, name, now)
            return store, await apply_edits(conn, store.id, edits, act="import", actor=ACTOR, reason=why, now=now)

    store, revision = run(put) if edits else (None, None)
    created, modified = (revision.created, revision.modified) if revision else (0, 0)
    counts = {
        "created": created,
        "modified": modified,
        "unchanged": len(edits) - created - modified,
        "failed": len(problems),
    }
    if as_json:
        echo_json({"store": store, "revision": revision, "memories": counts, "errors": problems})
    elif store is None:
        click.echo(f"{folder}: no text file to import", err=True)
    else:
        click.echo(describe_write(store, revision))
    _exit_by(problems, done=len(edits))


@click.command("export")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--store", "name", default="default", show_default=True, help="Store to read.")
@click.option("--force", is_flag=True, help="Write into a folder that is not empty, over files of the same names.")
@json_option
def export_folder(folder: Path, name: str, force: bool, as_json: bool) -> None:
    """Write every memory as a file below DIR."""

    async def read(database: Database) -> tuple[MemoryStore, Revision | None, list[Memory]]:
        async with database.connection() as conn:
            store = await find_store(conn, name)
            latest = await read_revision(conn, store.id, store.revision) if store.revision else None
            return store, latest, await list_memories(conn, store.id, with_content=True)

    store, latest, memories = run(read)
    problems = write_folder(folder, [(memory.path, memory.content or "") for memory in memories], force=force)
    written = len(memories) - len(problems)
    if as_json:
        echo_json({"store": store, "revision": latest, "written": written, "errors": problems})
    else:
        click.echo(f"{store.name}: {written} of {numbered(len(memories), 'memory', 'memories')} written to {folder}")
        click.echo(describe_revision(latest) if latest else "the store is empty", err=True)
    if problems:
        _exit_by(problems, done=written)


def _report(written: _Written, as_json: bool) -> None:
    store, revision = written
    if as_json:
        echo_json({"store": store, "revision": revision})
    else:
        click.echo(describe_write(store, revision))


def _exit_by(problems: Sequence[FileProblem], *, done: int) -> None:
    for problem in problems:
        click.echo(str(problem), err=True)
    if not done:
        sys.exit(EXIT_NOTHING_DONE)
    if problems:
        sys.exit(EXIT_PARTLY_FAILED)
