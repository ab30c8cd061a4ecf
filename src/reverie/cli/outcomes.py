"""``reverie metric`` and ``reverie score``."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import click
import msgspec

from reverie.cli.remote import Remote, speaking
from reverie.cli.run import run
from reverie.cli.table import format_table
from reverie.client.client import AsyncClient
from reverie.errors import MetricError
from reverie.outcomes.junit import read_junit
from reverie.outcomes.metric import Metric, score_notes
from reverie.outcomes.metric_summary import MetricSummary
from reverie.sessions.session import Score, score_problem
from reverie.storage.live.external_briefings import find_known_session
from reverie.storage.postgres.database import Database
from reverie.storage.sessions import scores


@click.group()
def metric() -> None:
    """Define and list the measures that make up a session's reward."""


@metric.command("define")
@click.argument("name")
@click.option("--minimize", "direction", flag_value="minimize", help="Lower values are better.")
@click.option(
    "--maximize",
    "direction",
    flag_value="maximize",
    default="maximize",
    help="Higher values are better; so it is by default.",
)
@click.option("--unit", default="", help="Such as seconds or USD.")
@click.option("--low", type=float, default=0.0, show_default=True, help="Lower end of the range.")
@click.option("--high", type=float, default=1.0, show_default=True, help="Upper end of the range.")
@click.option("--weight", type=float, default=1.0, show_default=True, help="Share in the reward; 0 keeps it out.")
@click.option("--target", type=float, help="The value to reach; reported, not part of the reward.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def define_metric(
    name: str,
    direction: Literal["maximize", "minimize"],
    unit: str,
    low: float,
    high: float,
    weight: float,
    target: float | None,
    as_json: bool,
) -> None:
    """Define metric NAME, or define it anew; every session's reward follows."""
    defined = Metric(name, direction, unit, low, high, weight, target)

    async def work(database: Database) -> None:
        async with database.connection() as connection:
            await scores.define_metric(connection, defined)

    run(work)
    click.echo(msgspec.json.encode(defined) if as_json else f"metric {name} defined")


@metric.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_metrics(as_json: bool) -> None:
    """List the metrics, defined or brought by scores, and how the sessions stand on them."""

    async def work(database: Database) -> list[MetricSummary]:
        async with database.connection() as connection:
            return await scores.summarize_metrics(connection)

    summaries = run(work)
    if as_json:
        click.echo(msgspec.json.encode({"metrics": summaries}))
    else:
        click.echo(_table(summaries))


def _table(summaries: Sequence[MetricSummary]) -> str:
    headings = ("metric", "direction", "range", "weight", "target", "sessions", "mean", "on target", "mean reward")
    rows = []
    for summary in summaries:
        metric = summary.metric
        rows.append(
            [
                metric.name,
                metric.direction if summary.defined else "not defined",
                f"{metric.low:g} to {metric.high:g} {metric.unit}".strip() if summary.defined else "",
                f"{metric.weight:g}" if summary.defined else "",
                "" if metric.target is None else f"{metric.target:g}",
                str(summary.sessions),
                "" if summary.mean is None else f"{summary.mean:.4g}",
                "" if summary.on_target is None else f"{summary.on_target:.0%}",
                "" if summary.mean_reward is None else f"{summary.mean_reward:.3f}",
            ]
        )
    return format_table(headings, rows, "lllrrrrrr")


@click.command()
@click.argument("given", nargs=-1, metavar="[SESSION] [METRIC=VALUE]...")
@click.option("--session", help="Its id, or the reference of its briefing; instead of SESSION.")
@click.option(
    "--from-junit",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A report of tests: the share that passed is a score, the names of the others are metadata; repeatable.",
)
@click.option("--metric", "metric_name", default="tests", show_default=True, help="What that share is called.")
@click.option("--url", envvar="REVERIE_URL", help="Tell this server, not the home of this machine; REVERIE_URL.")
@click.option("--key", envvar="REVERIE_API_KEY", help="An API key of the server; REVERIE_API_KEY.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def score(
    given: tuple[str, ...],
    session: str | None,
    reports: tuple[Path, ...],
    metric_name: str,
    url: str | None,
    key: str | None,
    as_json: bool,
) -> None:
    """Record scores of SESSION, replacing older values of the same metrics."""
    if session is None and given:
        session, given = given[0], given[1:]
    if session is None or not (given or reports):
        raise click.UsageError("name a session, and METRIC=VALUE or --from-junit FILE")
    told = {one.metric: one.value for one in map(_score, given)}
    tags: dict[str, str] = {}
    if reports:
        report = read_junit(reports)
        told[metric_name], tags = report.share, report.tags
    scored = _score_here(session, told, tags) if url is None else _score_there(Remote(url, key), session, told, tags)
    if as_json:
        document = {"session": scored.session_id, "reward": scored.reward, "notes": scored.notes}
        click.echo(msgspec.json.encode(document))
        return
    if reports:
        click.echo(f"{scored.session_id}: {metric_name} {told[metric_name]:.4g}")
    click.echo(f"{scored.session_id}: reward {'not known' if scored.reward is None else f'{scored.reward:.3f}'}")
    for note in scored.notes:
        click.echo(note)


class _Scored(msgspec.Struct, frozen=True):
    session_id: str
    reward: float | None
    notes: tuple[str, ...]


def _score_here(session: str, told: Mapping[str, float], tags: Mapping[str, str]) -> _Scored:
    async def work(database: Database) -> _Scored:
        async with database.connection() as connection:
            found = await find_known_session(connection, session)
            reward = await scores.score_session(connection, found, [Score(*one) for one in told.items()])
            await scores.tag_session(connection, found, tags)
            return _Scored(found, reward, score_notes(told, await scores.list_metrics(connection)))

    return run(work)


def _score_there(remote: Remote, session: str, told: Mapping[str, float], tags: Mapping[str, str]) -> _Scored:
    async def work() -> _Scored:
        async with speaking(remote) as sdk:
            scored = await AsyncClient(sdk=sdk).score(session, told, metadata=tags or None)
            return _Scored(scored.session_id, scored.reward, scored.notes)

    return asyncio.run(work())


def _score(text: str) -> Score:
    name, separator, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = None
    if not separator or not name or number is None:
        raise MetricError(f"{text!r}: give a score as METRIC=VALUE, such as resolved=1")
    problem = score_problem(name, number)
    if problem is not None:
        raise MetricError(f"{name}: {problem}")
    return Score(name, number)
