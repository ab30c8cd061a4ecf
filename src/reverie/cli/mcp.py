"""``reverie mcp``: lessons and memory for an agent of another maker, as an MCP server that it starts itself."""

import sys

import click

from reverie.cli.mcp_desk import McpDesk, Place
from reverie.cli.run import run
from reverie.clock import SystemClock
from reverie.errors import SettingsError
from reverie.ids import derived_id, new_id
from reverie.jobs.outcome_report import outcome_session_id
from reverie.lazy_modules import load_module
from reverie.settings import load_settings
from reverie.storage.postgres.database import Database


@click.command()
@click.argument("stores", nargs=-1, metavar="[STORE]...")
@click.option("--agent", help="The agent's name: lessons on other agents are left out.")
@click.option("--reference", help="The id that the session will have when it is imported.  [default: one of its own]")
def mcp(stores: tuple[str, ...], agent: str | None, reference: str | None) -> None:
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
    place = Place(stores, agent, reference or own, session_id)

    async def serve(database: Database) -> None:
        await server.serve(McpDesk(database, settings, clock, place))

    run(serve, settings)
