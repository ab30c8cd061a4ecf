"""``reverie audit``: who did what, and whether the history is as it was written."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.progress import progress_line
from reverie.cli.run import run
from reverie.cli.table import format_table
from reverie.clock import SystemClock
from reverie.display_name import numbered
from reverie.settings import load_settings
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.workspaces import ensure_default_workspace, find_workspace
from reverie.storage.service.audit import AuditEntry, list_acts
from reverie.storage.service.history import export_history
from reverie.storage.service.seal import Seal, Verification
from reverie.storage.service.seal_keys import known_keys, make_keys, read_public_keys
from reverie.storage.service.seals import Sealing, list_seals, seal_history
from reverie.storage.service.verification import verify_history

EXIT_FOUND = 1
_PATIENCE_SECONDS = 10.0
_MOST = click.IntRange(1, 100_000)
_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
Result = TypeVar("Result")

_workspace_option = click.option(
    "--workspace", default="default", show_default=True, help="The workspace's name or id."
)


@click.group()
def audit() -> None:
    """Who did what, and whether the history is as it was written."""


@audit.command("list")
@click.option("--resource", metavar="ID", help="Acts on this resource alone.")
@click.option("--action", help="Acts of this kind alone, such as memory_stores.delete.")
@click.option("--limit", type=_MOST, default=50, show_default=True, help="The most acts.")
@_workspace_option
@json_option
def list_log(resource: str | None, action: str | None, limit: int, workspace: str, as_json: bool) -> None:
    """List who did what, newest first."""

    async def work(database: Database) -> list[AuditEntry]:
        async with database.connection() as connection:
            return await list_acts(connection, resource_id=resource, action=action, before=None, limit=limit)

    found = _run_in(workspace, work)
    if as_json:
        echo_json(found)
        return
    rows = [
        (str(act.number), _time(act.at), _actor(act.actor), act.action, act.resource_id or "", _details(act))
        for act in found
    ]
    click.echo(format_table(("number", "at", "actor", "action", "resource", "details"), rows, "r"))


@audit.command("seals")
@click.option("--limit", type=_MOST, default=50, show_default=True, help="The most seals.")
@_workspace_option
@json_option
def list_of_seals(limit: int, workspace: str, as_json: bool) -> None:
    """List the seals, newest first."""

    async def work(database: Database) -> list[Seal]:
        async with database.connection() as connection:
            return await list_seals(connection, before=None, limit=limit)

    found = _run_in(workspace, work)
    if as_json:
        echo_json(found)
        return
    rows = [
        (str(seal.number), _time(seal.made_at), _rows(seal), seal.key_id or "not signed", seal.root) for seal in found
    ]
    click.echo(format_table(("number", "at", "rows", "key", "root"), rows, "r"))


@audit.command("seal")
@_workspace_option
@json_option
def seal_now(workspace: str, as_json: bool) -> None:
    """Seal what was added since the last seals."""

    async def work(database: Database) -> Sealing:
        return await seal_history(database, load_settings(), SystemClock().now(), _PATIENCE_SECONDS)

    sealing = _run_in(workspace, work)
    if as_json:
        echo_json(sealing)
        return
    for seal in sealing.seals:
        click.echo(f"seal {seal.number}: {_rows(seal)}, root {seal.root}")
    for table in sealing.waiting:
        click.echo(f"{table}: somebody is still writing to it; seal again later")
    if not sealing.seals and not sealing.waiting:
        click.echo("nothing to seal")


@audit.command()
@click.option("--seals", "seal_file", type=_EXISTING, help="The outside file; by default REVERIE_AUDIT_SEAL_FILE.")
@click.option(
    "--public-key",
    "public_keys",
    type=_EXISTING,
    multiple=True,
    help="A key that may have signed seals; repeatable; by default that of REVERIE_AUDIT_KEY.",
)
@_workspace_option
@json_option
def verify(seal_file: Path | None, public_keys: tuple[Path, ...], workspace: str, as_json: bool) -> None:
    """Find what is not as it was written and sealed; exit code 1 when there is anything."""
    settings = load_settings()
    keys = read_public_keys(public_keys) if public_keys else known_keys(settings)
    file = seal_file or settings.audit_seal_file

    with progress_line("comparing") as tell:
        found = _run_in(workspace, lambda database: verify_history(database, keys, file, tell))
    if as_json:
        echo_json(found)
    else:
        _report(found)
    if not found.clean:
        sys.exit(EXIT_FOUND)


@audit.command()
@click.argument("file", type=click.Path(dir_okay=False, writable=True, allow_dash=True))
@_workspace_option
@json_option
def export(file: str, workspace: str, as_json: bool) -> None:
    """Write all rows with their canonical texts, and all seals, to FILE as JSON Lines; - is the screen."""

    async def work(database: Database) -> int:
        count = 0
        with click.open_file(file, "wb", atomic=file != "-") as out:
            async for record in export_history(database):
                await asyncio.to_thread(out.write, msgspec.json.encode(record) + b"\n")
                count += 1
        return count

    count = _run_in(workspace, work)
    if as_json and file != "-":
        echo_json({"file": file, "records": count})
    else:
        click.echo(f"{numbered(count, 'record')} written", err=True)


@audit.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@json_option
def keygen(file: Path, as_json: bool) -> None:
    """Make an Ed25519 key that signs seals in FILE, and its public half in FILE.pub."""
    public_path, name = make_keys(file)
    if as_json:
        echo_json({"key_id": name, "private_key": str(file), "public_key": str(public_path)})
        return
    click.echo(f"key {name}: sign with REVERIE_AUDIT_KEY={file}, verify with --public-key {public_path}")


def _run_in(workspace: str, work: Callable[[Database], Awaitable[Result]]) -> Result:
    """Do work in a workspace."""

    async def found(database: Database) -> Result:
        async with database.connection() as connection:
            await ensure_default_workspace(connection, SystemClock().now())
            schema = (await find_workspace(connection, workspace)).schema
        return await work(database.of_schema(schema))

    return run(found)


def _report(found: Verification) -> None:
    for one in found.findings:
        click.echo(one.text)
    if found.found > len(found.findings):
        click.echo(f"and {found.found - len(found.findings):,} more")
    verdict = "nothing was changed that can be told" if found.clean else f"{found.found:,} found"
    click.echo(
        f"{numbered(found.rows, 'row')}, {numbered(found.seals, 'seal')}: {verdict}; "
        f"{numbered(found.erased, 'row')} lawfully erased, "
        f"{numbered(found.unsealed, 'row')} after the last seal; signatures {found.signatures}, outside "
        f"file {found.seal_file}"
    )


def _rows(seal: Seal) -> str:
    return f"{seal.table} {seal.first} to {seal.last} ({seal.count:,})"


def _time(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def _actor(actor: Mapping[str, Any]) -> str:
    """Who acted, such as ``system trials`` or a key's id."""
    if actor.get("type") == "system":
        return f"system {actor.get('name')}"
    return str(next((value for name, value in actor.items() if name != "type"), actor.get("type")))


def _details(act: AuditEntry) -> str:
    return "" if act.details is None else msgspec.json.encode(act.details).decode()
