"""``reverie friction``: where it goes wrong between users and the agent, scores or none."""

from collections.abc import Sequence

import click

from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.run import run
from reverie.cli.table import format_table
from reverie.display_name import numbered, shown_name
from reverie.dreams.dream import DreamRequest
from reverie.dreams.preference import Preference
from reverie.dreams.request import reading_segment
from reverie.errors import NotFoundError
from reverie.jobs.friction import report_friction
from reverie.overview.friction import FrictionCluster, FrictionReport
from reverie.settings import load_settings
from reverie.storage.learning.dreams import latest_result
from reverie.storage.memory.stores import find_store
from reverie.storage.postgres.database import Database

_LONGEST = 160


@click.command()
@click.argument("store", required=False)
@click.option("--where", metavar="EXPR", help="Which sessions to read now, such as \"agent = 'coder'\".")
@json_option
def friction(store: str | None, where: str | None, as_json: bool) -> None:
    """Say where it goes wrong between users and the agent: corrections, stops, errors, and what users asked for.

    With STORE, as its latest dream found it; else of all sessions, or those of --where, read now. Needs no scores and
    no model.
    """
    if store is not None and where is not None:
        raise click.UsageError("give STORE or --where, not both")
    settings = load_settings()

    async def work(database: Database) -> tuple[FrictionReport, Sequence[Preference]]:
        if store is None:
            return await report_friction(database, reading_segment(DreamRequest("", where)), settings)
        async with database.connection() as connection:
            found = await find_store(connection, store)
            result = await latest_result(connection, found.id)
        if result is None or result.friction is None:
            raise NotFoundError(f"no dream of {store!r} has a friction report; run `reverie dream --store {store}`")
        return result.friction, result.preferences

    report, preferences = run(work, settings)
    if as_json:
        echo_json({"friction": report, "preferences": preferences})
    else:
        echo_friction(report, preferences)


def echo_friction(report: FrictionReport, preferences: Sequence[Preference]) -> None:
    """Print the report for a person."""
    click.secho(f"Friction in {numbered(report.sessions, 'session')}", bold=True)
    for note in report.notes:
        click.secho(f"{note[:1].upper()}{note[1:]}.", fg="yellow")
    if not report.sessions:
        click.echo(
            "There are no sessions to read: `reverie import PATH` brings some; `--where` may leave all of them out."
        )
        return
    if not report.clusters:
        click.echo("Nobody corrected or stopped the agent, and no error or unfinished session recurs.")
    for cluster in report.clusters:
        _echo_cluster(cluster)
    _echo_preferences(preferences)
    rows = [
        [summary.name, f"{summary.mean:.2f}", f"{summary.shown:,} of {summary.known:,}", summary.meaning]
        for summary in report.signals
    ]
    if rows:
        click.echo(format_table(("signal", "mean", "sessions", "meaning"), rows, "lrr"))


def _echo_cluster(cluster: FrictionCluster) -> None:
    click.secho(f"{cluster.headline}.", bold=cluster.kind != "error")
    if cluster.families:
        click.echo(
            f"  when asked to: {', '.join(f'{shown_name(each.family)} ({each.times:,})' for each in cluster.families)}"
        )
    for wish in cluster.asked:
        often = f" ({wish.times:,} times in {numbered(wish.sessions, 'session')})" if wish.times > 1 else ""
        click.echo(f"  asked: “{_cut(wish.words)}”{often}")
    quotes = [_cut(quote.words) for quote in cluster.examples if quote.words and not cluster.asked]
    for words in dict.fromkeys(quotes):
        click.echo(f"  “{words}”")
    click.echo(f"  see {', '.join(quote.session_id for quote in cluster.examples)}")


def _echo_preferences(preferences: Sequence[Preference]) -> None:
    named = {
        "candidate": "What users keep asking for (candidates; nothing was adopted)",
        "quarantined": "Set apart for a person: orders that aim at the agent's safety",
        "waiting": "Said, but by too few to go by",
    }
    for status, title in named.items():
        own = [preference for preference in preferences if preference.status == status]
        if own:
            click.secho(title, bold=True)
        for preference in own:
            click.echo(f"  “{_cut(preference.words)}”: {preference.reason}")
        if own and status == "candidate":
            click.echo("  to have agents follow one, write it down: `reverie memory write STORE /preferences/NAME.md`")


def _cut(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"
