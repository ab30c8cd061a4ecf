"""``reverie export-lessons``: adopted lessons in a file that an agent of another maker reads."""

import os
import shlex
import shutil
from pathlib import Path
from typing import Literal, get_args

import click
import msgspec

from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.run import run
from reverie.display_name import numbered
from reverie.errors import InputError
from reverie.lessons.destination import Destination, DestinationName, destination_of
from reverie.lessons.leaflet import MOST_TOKENS, Leaflet, make_leaflet
from reverie.lessons.marked_block import find_block, remove_block, write_block
from reverie.storage.live.briefings import read_adopted
from reverie.storage.live.trials import standing_trials
from reverie.storage.memory.stores import choose_store
from reverie.storage.postgres.database import Database

EXIT_STALE = 1


class ExportedFile(msgspec.Struct, frozen=True):
    """What became of a file."""

    path: str
    store: str
    act: Literal["written", "removed", "unchanged", "stale"]
    lesson_ids: tuple[str, ...]
    left_out: tuple[str, ...]
    """Adopted lessons for which there was no room."""
    held_back: tuple[str, ...]
    """Lessons in it that a live trial hides from a share of sessions."""
    changed_by_hand: bool
    """Whether somebody had changed what stands between the marks."""


@click.command("export-lessons")
@click.argument("store", required=False)
@click.option(
    "--to", "name", type=click.Choice(get_args(DestinationName)), required=True, help="Whose file it is to be."
)
@click.option(
    "--path",
    "given",
    metavar="FILE_OR_FOLDER",
    help="The file, or a folder for a file of its usual name; of a skill its folder.  [default: this folder]",
)
@click.option(
    "--tokens", type=click.IntRange(1), default=MOST_TOKENS, show_default=True, help="Most tokens of lessons."
)
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 where the file is not as it would be written.")
@click.option("--remove", is_flag=True, help="Take the store's lessons out of the file again.")
@json_option
def export_lessons(
    store: str | None,
    name: DestinationName,
    given: str | None,
    tokens: int,
    check: bool,
    remove: bool,
    as_json: bool,
) -> None:
    """Write the adopted lessons of STORE between marks into a file that agents read; all else in it stays as it is."""
    if name == "skill" and not given:
        raise click.UsageError("--to skill needs --path, the folder of the skill, such as .claude/skills/past-lessons")
    chosen, leaflet, held_back = run(lambda database: _read(database, store, tokens))
    place = Path(given or ".")
    is_folder = place.is_dir() or (given or "").endswith(("/", os.sep))
    wanted = Leaflet("", (), ()) if remove else leaflet
    destination = destination_of(name, place.absolute() if name == "skill" else place, chosen, is_folder=is_folder)
    done = _export(destination, chosen, wanted, held_back, check=check)
    if as_json:
        echo_json(done)
    else:
        _tell(done, leaflet, f"--to {name} --path {shlex.quote(given or '.')} --tokens {tokens}", remove=remove)
    if done.act == "stale":
        click.get_current_context().exit(EXIT_STALE)


async def _read(database: Database, name: str | None, tokens: int) -> tuple[str, Leaflet, frozenset[str]]:
    """The store's name, its lessons, and which of its subjects trials hide from some sessions."""
    async with database.connection() as connection:
        store = await choose_store(connection, name)
        leaflet = make_leaflet(await read_adopted(connection, store.id), store.name, tokens)
        trials = await standing_trials(connection, [store.id])
    return store.name, leaflet, frozenset(subject for trial in trials for subject in trial.subject.ids)


def _export(
    destination: Destination, store: str, leaflet: Leaflet, held_back: frozenset[str], *, check: bool
) -> ExportedFile:
    # A link such as CLAUDE.md to AGENTS.md stays one: what it leads to is written.
    path = Path(destination.path).resolve()
    try:
        data = path.read_bytes() if path.exists() else None
        found = None if data is None else find_block(data, store)
        wanted = _wanted(data, destination, store, leaflet.text)
    except InputError as error:
        raise InputError(f"{destination.path}: {error}") from error
    except OSError as error:
        raise InputError(f"{destination.path} cannot be read: {error.strerror}; give another --path") from error
    act: Literal["written", "removed", "unchanged", "stale"] = "written" if leaflet.text else "removed"
    if wanted == data:
        act = "unchanged"
    elif check:
        act = "stale"
    else:
        _put(path, wanted)
    return ExportedFile(
        path=str(destination.path),
        store=store,
        act=act,
        lesson_ids=leaflet.lesson_ids,
        left_out=leaflet.left_out,
        held_back=tuple(each for each in leaflet.lesson_ids if each in held_back),
        changed_by_hand=found is not None and not found.is_intact,
    )


def _wanted(data: bytes | None, destination: Destination, store: str, text: str) -> bytes | None:
    if text:
        return write_block(data, store, text, head=destination.head)
    return None if data is None else remove_block(data, store, head=destination.head)


def _put(path: Path, data: bytes | None) -> None:
    """The file with these bytes, at once, so that it is never seen in part; None takes it away."""
    try:
        if data is None:
            path.unlink()
            if path.name == "SKILL.md" and not any(path.parent.iterdir()):
                path.parent.rmdir()  # Agents complain of a skill that is an empty folder.
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}.part")
        partial.write_bytes(data)
        if path.exists():
            shutil.copymode(path, partial)
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; give another --path") from error


def _tell(done: ExportedFile, leaflet: Leaflet, options: str, *, remove: bool) -> None:
    command = f"reverie export-lessons {shlex.quote(done.store)} {options}{' --remove' if remove else ''}"
    if done.act == "stale":
        click.echo(f"{done.path} is stale; run: {command}")
    elif done.act == "removed" or not done.lesson_ids:
        click.echo(f"{done.path}: {'lessons taken out' if done.act == 'removed' else 'no lessons of this store in it'}")
    else:
        click.echo(f"{done.path}: {numbered(len(done.lesson_ids), 'lesson')}, {done.act}")
    if not remove and not leaflet.lesson_ids and not leaflet.left_out:
        click.echo(f"{done.store} has no adopted lesson yet; `reverie dream` adopts what holds", err=True)
    if done.left_out:
        click.echo(f"no room for {len(done.left_out)} more; give more --tokens", err=True)
    if done.changed_by_hand:
        click.echo("somebody changed what stands between the marks by hand; it is not kept", err=True)
    if done.held_back:
        click.echo(
            f"{len(done.held_back)} of them are hidden from a share of sessions by a live trial; whoever reads the "
            "file is shown them all the same, so that the trial sees less of their effect",
            err=True,
        )
