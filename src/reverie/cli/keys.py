"""``reverie keys`` and ``reverie workspaces``: who may call the server, and which data each sees."""

import click

from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.run import run
from reverie.clock import SystemClock
from reverie.errors import InputError
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.workspaces import (
    Workspace,
    create_workspace,
    ensure_default_workspace,
    find_workspace,
    list_workspaces,
)
from reverie.storage.service.api_keys import ApiKey, KeyRole, KeyScope, create_key, expiry, list_keys, revoke_key

_workspace_option = click.option(
    "--workspace", default="default", show_default=True, help="The workspace's name or id."
)


@click.group()
def keys() -> None:
    """API keys: made, listed, revoked."""


@keys.command()
@click.option(
    "--role",
    type=click.Choice(["admin", "write", "read", "worker"]),
    default="write",
    show_default=True,
    help="What it may do: admin also manages keys, webhooks and policies; worker takes one environment's work.",
)
@click.option("--name", default="", help="What it is for, in your words.")
@_workspace_option
@click.option("--environment", help="The environment whose work a worker's key may take (env_…).")
@click.option("--days", type=click.IntRange(1), help="Days until it expires; never by default.")
@json_option
def create(role: KeyRole, name: str, workspace: str, environment: str | None, days: int | None, as_json: bool) -> None:
    """Make a key and show its secret, once."""
    if (role == "worker") != (environment is not None):
        raise InputError("a worker's key needs --environment, and no other key has one")

    async def work(database: Database) -> tuple[ApiKey, str]:
        now = SystemClock().now()
        async with database.connection() as connection:
            await ensure_default_workspace(connection, now)
            found = await find_workspace(connection, workspace)
            expires_at = expiry(days, now)
            scope = KeyScope(found.id, role, environment_id=environment, expires_at=expires_at)
            return await create_key(connection, name, scope, now)

    key, secret = run(work)
    if as_json:
        echo_json({"id": key.id, "role": key.role, "workspace_id": key.workspace_id, "secret": secret})
        return
    click.echo(secret)
    click.echo(f"This {role} key ({key.id}) of workspace {workspace} is shown only now.", err=True)


@keys.command("list")
@_workspace_option
@json_option
def list_all(workspace: str, as_json: bool) -> None:
    """List the keys of a workspace, without their secrets."""

    async def work(database: Database) -> list[ApiKey]:
        async with database.connection() as connection:
            await ensure_default_workspace(connection, SystemClock().now())
            return await list_keys(connection, (await find_workspace(connection, workspace)).id)

    found = run(work)
    if as_json:
        echo_json(found)
        return
    for key in found:
        state = "revoked" if key.revoked_at else "in use"
        click.echo(f"{key.id}  {key.role:6}  {state:7}  {key.created_at:%Y-%m-%d}  {key.name}")


@keys.command()
@click.argument("key_id")
@_workspace_option
@json_option
def revoke(key_id: str, workspace: str, as_json: bool) -> None:
    """End a key; servers stop taking it within seconds."""

    async def work(database: Database) -> ApiKey:
        async with database.connection() as connection:
            found = await find_workspace(connection, workspace)
            return await revoke_key(connection, found.id, key_id, SystemClock().now())

    revoked = run(work)
    if as_json:
        echo_json(revoked)
    else:
        click.echo(f"Revoked {revoked.id}.")


@click.group()
def workspaces() -> None:
    """Workspaces: sets of data that keys of others cannot reach."""


@workspaces.command("create")
@click.argument("name")
@json_option
def create_one(name: str, as_json: bool) -> None:
    """Make a workspace of this NAME."""

    async def work(database: Database) -> Workspace:
        return await create_workspace(database, name, SystemClock().now())

    made = run(work)
    if as_json:
        echo_json(made)
    else:
        click.echo(
            f"Made workspace {made.name} ({made.id}); give it a key: reverie keys create --workspace {made.name}"
        )


@workspaces.command("list")
@json_option
def list_them(as_json: bool) -> None:
    """List all workspaces, by id and name."""

    async def work(database: Database) -> list[Workspace]:
        async with database.connection() as connection:
            await ensure_default_workspace(connection, SystemClock().now())
            return await list_workspaces(connection)

    found = run(work)
    if as_json:
        echo_json(found)
        return
    for workspace in found:
        click.echo(f"{workspace.id}  {workspace.name}")
