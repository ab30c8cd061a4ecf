"""Commands that declare teams and show them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import click
import msgspec

from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.run import run
from reverie.clock import SystemClock
from reverie.storage.memory.policies import read_policy
from reverie.storage.memory.stores import read_store
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.service.teams import create_team, find_team, list_teams
from reverie.teams.membership import Member, Team

Told = dict[str, Any]
"""A team as it is printed: with the names of its stores, and how its store tries what is offered to it."""


@click.command()
@click.argument("name")
@click.option(
    "--member",
    "members",
    metavar="AGENT[=STORE]",
    multiple=True,
    required=True,
    help="An agent by the name that its sessions bear, or its id, and its private store; give it for each.",
)
@click.option("--store", help="The store that they share.  [default: one called NAME]")
@json_option
def create(name: str, members: tuple[str, ...], store: str | None, as_json: bool) -> None:
    """Declare the team NAME: agents that share a store, each with or without one of its own.

    Members' sessions only read the store that they share; a private store is read by its own agent's alone. Stores
    that are missing are made.
    """
    given = [_member(text) for text in members]

    async def declare(connection: Connection) -> list[Team]:
        return [await create_team(connection, name, given, store, SystemClock().now())]

    (team,) = _told(declare)
    echo_json(team) if as_json else _echo(team)


@click.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the teams that were declared, the newest first."""
    teams = _told(list_teams)
    if as_json:
        echo_json({"teams": teams})
        return
    for team in teams:
        _echo(team)
    if not teams:
        click.echo("There is no team yet; `reverie teams create NAME --member AGENT --member AGENT` declares one.")


@click.command()
@click.argument("team")
@json_option
def show(team: str, as_json: bool) -> None:
    """Show who belongs to TEAM (a name or an id), and where lessons for each agent go."""

    async def read(connection: Connection) -> list[Team]:
        return [await find_team(connection, team)]

    (found,) = _told(read)
    echo_json(found) if as_json else _echo(found)


def _member(text: str) -> Member:
    """A member as it is given; the name of an agent may hold a ``=``, that of a store not."""
    agent, parted, store = text.rpartition("=")
    return Member(agent, store) if parted and store else Member(text)


def _told(read: Callable[[Connection], Awaitable[Sequence[Team]]]) -> list[Told]:
    async def work(database: Database) -> list[Told]:
        async with database.connection() as connection:
            return [await _tell(connection, team) for team in await read(connection)]

    return run(work)


async def _tell(connection: Connection, team: Team) -> Told:
    stores = [team.memory_store_id, *(one.memory_store_id for one in team.members if one.memory_store_id)]
    names = {store_id: (await read_store(connection, store_id)).name for store_id in stores}
    mode = (await read_policy(connection, team.memory_store_id)).live.mode
    told: Told = msgspec.to_builtins(team)
    for one in (told, *told["members"]):
        one["store"] = names.get(one["memory_store_id"])
    return told | {"live_mode": mode}


def _echo(team: Told) -> None:
    click.echo(f"{team['name']}  {team['id']}")
    click.echo(f"    shares {team['store']}  {team['memory_store_id']} (live trials: {team['live_mode']})")
    for member in team["members"]:
        own = f"{member['store']}  {member['memory_store_id']}" if member["store"] else "no store of its own"
        click.echo(f"    {member['agent']}: {own}")
    if team["live_mode"] == "off":
        click.echo("    What is offered to the store waits: `reverie policy` can turn its live trials on.")
