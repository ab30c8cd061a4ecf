"""``reverie erase``: sessions with all that came from them."""

import click

from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.progress import progress_line
from reverie.cli.run import run
from reverie.cli.table import format_table
from reverie.clock import SystemClock
from reverie.display_name import numbered
from reverie.jobs.erasure import erase as erase_all
from reverie.jobs.erasure import rehearse
from reverie.storage.erasure.erasure import Erasure, list_erasures
from reverie.storage.erasure.report import ErasureReport, ErasureRequest
from reverie.storage.postgres.act import system_actor
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.workspaces import ensure_default_workspace, find_workspace

_LISTED = 50


@click.command()
@click.option("--session", "session_ids", metavar="ID", multiple=True, help="A session, even if deleted; repeatable.")
@click.option("--user", metavar="ID", help="All sessions of this user.")
@click.option("--agent", metavar="AGENT", help="All sessions of this agent, or that called it in: its id or name.")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--list", "listing", is_flag=True, help="List the erasures that there were instead.")
@click.option("--workspace", default="default", show_default=True, help="The workspace's name or id.")
@json_option
def erase(
    session_ids: tuple[str, ...],
    user: str | None,
    agent: str | None,
    dry_run: bool,
    yes: bool,
    listing: bool,
    workspace: str,
    as_json: bool,
) -> None:
    """Erase sessions, and what was learned from them, for good.

    What stands without them stays: lessons are told anew from the sessions that are left, or retired. Cut short, it
    goes on when the same is asked for again.
    """
    if listing:
        _list(workspace, as_json)
        return
    request = ErasureRequest(session_ids, user, agent)
    request.check()
    if not (dry_run or yes):
        click.confirm("Erase these sessions and what came from them, for good?", abort=True, err=True)
    with progress_line("erasing") as show:

        async def work(database: Database) -> Erasure:
            found = await _of_workspace(database, workspace)
            actor, clock = system_actor("reverie erase"), SystemClock()
            if dry_run:
                return await rehearse(found, request, actor, clock)
            return await erase_all(
                found, request, actor, clock, tell=lambda done, total: show(f"{done:,} of {total:,}")
            )

        erasure = run(work)
    if as_json:
        echo_json(erasure.report)
    elif erasure.report is not None:
        _tell(erasure, erasure.report, dry_run)


async def _of_workspace(database: Database, workspace: str) -> Database:
    async with database.connection() as connection:
        await ensure_default_workspace(connection, SystemClock().now())
        return database.of_schema((await find_workspace(connection, workspace)).schema)


def _list(workspace: str, as_json: bool) -> None:
    async def work(database: Database) -> list[Erasure]:
        async with (await _of_workspace(database, workspace)).connection() as connection:
            return await list_erasures(connection, limit=_LISTED)

    found = run(work)
    if as_json:
        echo_json(found)
        return
    rows = [
        (one.id, f"{one.created_at:%Y-%m-%d %H:%M:%S}Z", one.state, f"{len(one.progress.sessions):,}") for one in found
    ]
    click.echo(format_table(("erasure", "at", "state", "sessions"), rows, "lllr"))


def _tell(erasure: Erasure, report: ErasureReport, dry_run: bool) -> None:
    click.echo("Nothing is erased; this would be:" if dry_run else f"{erasure.id}: erased")
    counts = {
        "sessions": report.sessions,
        "lessons told anew": report.lessons_retold,
        "lessons retired": report.lessons_retired,
        "lessons removed": report.lessons_removed,
        "memories changed": report.memories_changed,
        "memories removed": report.memories_removed,
        "versions redacted": report.versions_redacted,
        "dreams changed": report.dreams_changed,
        "trials ended": report.trials_ended,
    }
    click.echo(format_table(("what", "how many"), [(name, f"{len(ids):,}") for name, ids in counts.items()], "lr"))
    if report.shown_in:
        click.echo(
            f"Shown to {numbered(len(report.shown_in), 'other session')}, whose logs stay: "
            f"{', '.join(report.shown_in[:5])}"
        )
    for sentence in report.left:
        click.secho(f"{sentence[:1].upper()}{sentence[1:]}.", fg="yellow")
