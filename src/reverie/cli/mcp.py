"""``reverie mcp``: lessons and memory for an agent of another maker, as an MCP server that it starts itself."""

import asyncio
import sys
from pathlib import Path
from types import ModuleType

import click

from reverie.api.mcp_desk import McpDesk, Place
from reverie.cli.project_store import find_project_store, listed_store
from reverie.cli.run import run
from reverie.clock import SystemClock
from reverie.errors import SettingsError
from reverie.ids import derived_id, new_id
from reverie.jobs.outcome_report import outcome_session_id
from reverie.lazy_modules import load_module
from reverie.settings import Settings, load_settings
from reverie.storage.postgres.database import Database, telling_database_errors


@click.command()
@click.argument("stores", nargs=-1, metavar="[STORE]...")
@click.option("--agent", help="The agent's name: lessons on other agents are left out.")
@click.option(
    "--reference",
    envvar="CLAUDE_CODE_SESSION_ID",
    help="The id that the session will have when it is imported; Claude Code gives it.  [default: one of its own]",
)
@click.option("--project", is_flag=True, help="Serve the store of the project that this runs in, as hooks find it.")
@click.option("--url", envvar="REVERIE_URL", help="Ask this server, not the home of this machine; REVERIE_URL.")
@click.option("--key", envvar="REVERIE_API_KEY", help="An API key of the server; REVERIE_API_KEY.")
def mcp(
    stores: tuple[str, ...], agent: str | None, reference: str | None, project: bool, url: str | None, key: str | None
) -> None:
    """Serve STORE (or several) to an agent over MCP on standard input and output: briefing, recall, notes, outcome.

    Without STORE, the only store there is. One process is one session of the agent.
    """
    if sys.stdin.isatty():
        click.echo(
            "This speaks MCP with the agent that starts it; name it in your agent's settings. Ctrl-D ends it.", err=True
        )
    clock = SystemClock()
    own = new_id("mcp", clock.now())
    if url is not None:
        found = _server_store(url, key) if project else None
        stores = (found,) if found is not None else stores
        named = [("store", store) for store in stores] + ([("agent", agent)] if agent else [])
        asyncio.run(_loaded("reverie.cli.mcp_relay").serve(url, key, [*named, ("reference", reference or own)]))
        return
    server, settings = _loaded("reverie.api.mcp_tools"), load_settings()
    session_id = reference or outcome_session_id(derived_id("brf", own))

    async def serve(database: Database) -> None:
        names = await _project_stores(database, settings) if project else ()
        place = Place(names or stores, agent, reference or own, session_id)
        desk = McpDesk(database, settings, clock, place)
        await desk.check_stores()
        await server.serve(desk)

    run(serve, settings)


def _server_store(url: str, key: str | None) -> str | None:
    client = _loaded("reverie.client.client")
    with client.Client(url, key or client.NO_KEY) as server:
        listed = [(store.name, store.id) for store in server.beta.memory_stores.list()]
    return listed_store(load_settings(), str(Path.cwd()), listed)


async def _project_stores(database: Database, settings: Settings) -> tuple[str, ...]:
    async with telling_database_errors(), database.connection() as connection:
        found = await find_project_store(connection, settings, str(Path.cwd()))
    return () if found is None else (found.id,)


def _loaded(name: str) -> ModuleType:
    try:
        return load_module(name)
    except ModuleNotFoundError as error:
        raise SettingsError(f"{error.name} is not installed; run: pip install 'reverie[mcp]'") from error
