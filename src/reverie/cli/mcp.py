"""``reverie mcp``: lessons and memory for an agent of another maker, as an MCP server that it starts itself."""

import sys
from pathlib import Path

import click

from reverie.cli.mcp_desk import McpDesk, Place
from reverie.cli.project_store import find_project_store
from reverie.cli.run import run, telling_database_errors
from reverie.clock import SystemClock
from reverie.errors import SettingsError
from reverie.ids import derived_id, new_id
from reverie.jobs.outcome_report import outcome_session_id
from reverie.lazy_modules import load_module
from reverie.settings import Settings, load_settings
from reverie.storage.postgres.database import Database


@click.command()
@click.argument("stores", nargs=-1, metavar="[STORE]...")
@click.option("--agent", help="The agent's name: lessons on other agents are left out.")
@click.option(
    "--reference",
    envvar="CLAUDE_CODE_SESSION_ID",
    help="The id that the session will have when it is imported; Claude Code gives it.  [default: one of its own]",
)
@click.option("--project", is_flag=True, help="Serve the store of the project that this runs in, as hooks find it.")
def mcp(stores: tuple[str, ...], agent: str | None, reference: str | None, project: bool) -> None:
    """Serve STORE (or several) to an agent over MCP on standard input and output: briefing, recall, notes, outcome.

    Without STORE, the only store there is. One process is one session of the agent.
    """
    try:
        server = load_module("reverie.cli.mcp_server")
    except ModuleNotFoundError as error:
        raise SettingsError(f"{error.name} is not installed; run: pip install 'reverie[mcp]'") from error
    if sys.stdin.isatty():
        click.echo(
            "This speaks MCP with the agent that starts it; name it in your agent's settings. Ctrl-D ends it.", err=True
        )
    settings, clock = load_settings(), SystemClock()
    own = new_id("mcp", clock.now())
    session_id = reference or outcome_session_id(derived_id("brf", own))

    async def serve(database: Database) -> None:
        names = await _project_stores(database, settings) if project else ()
        place = Place(names or stores, agent, reference or own, session_id)
        await server.serve(McpDesk(database, settings, clock, place))

    run(serve, settings)


async def _project_stores(database: Database, settings: Settings) -> tuple[str, ...]:
    async with telling_database_errors(), database.connection() as connection:
        found = await find_project_store(connection, settings, str(Path.cwd()))
    return () if found is None else (found.id,)
