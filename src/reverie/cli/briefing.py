"""``reverie briefing``: what a session that runs elsewhere is to be shown."""

import click

from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.run import run
from reverie.clock import SystemClock
from reverie.jobs.external_briefing import BriefingRequest, give_briefing
from reverie.storage.live.external_briefings import ExternalBriefing
from reverie.storage.memory.stores import choose_store
from reverie.storage.postgres.database import Database


@click.command()
@click.argument("store", required=False)
@click.option("--agent", help="The agent's name.")
@click.option("--task-family", help="The session's task category.")
@click.option("--user", "user_id", help="The session's user.")
@click.option("--query", default="", help="The opening message, for what is recalled.")
@click.option("--reference", help="The id that the session will have when it is imported.")
@json_option
def briefing(
    store: str | None,
    agent: str | None,
    task_family: str | None,
    user_id: str | None,
    query: str,
    reference: str | None,
    as_json: bool,
) -> None:
    """Make the briefing of a session that runs elsewhere from STORE, by the draws of its live trials."""

    async def work(database: Database) -> ExternalBriefing:
        async with database.connection() as connection:
            chosen = await choose_store(connection, store)
            request = BriefingRequest([chosen.id], agent, task_family, user_id, query, reference)
            return await give_briefing(connection, request, SystemClock().now())

    given = run(work)
    if as_json:
        echo_json(given)
        return
    click.echo(given.text, nl=bool(given.text))
    if not given.text:
        click.echo("nothing to say here: `reverie memory list` shows what the store holds, and for whom", err=True)
    known_by = f"id {reference}" if reference else f"metadata reverie_briefing={given.id}"
    click.echo(f"briefing {given.id}; import the session with {known_by}, so that its outcome counts", err=True)
