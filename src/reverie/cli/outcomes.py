"""``reverie metric`` and ``reverie score``."""

from collections.abc import Sequence
from typing import Literal

import click
import msgspec

from reverie.cli.run import run
from reverie.cli.table import format_table
from reverie.errors import MetricError
from reverie.outcomes.metric import Metric
from reverie.outcomes.metric_summary import MetricSummary
from reverie.sessions.session import Score
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
@click.argument("session")
@click.argument("values", nargs=-1, required=True, metavar="METRIC=VALUE...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def score(session: str, values: tuple[str, ...], as_json: bool) -> None:
    """Record scores of SESSION, replacing older values of the same metrics."""
    given = [_score(value) for value in values]

    async def work(database: Database) -> float | None:
        async with database.connection() as connection:
            return await scores.score_session(connection, session, given)

    reward = run(work)
    if as_json:
        click.echo(msgspec.json.encode({"session": session, "reward": reward}))
    else:
        click.echo(f"{session}: reward {'not known' if reward is None else f'{reward:.3f}'}")


def _score(text: str) -> Score:
    name, separator, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = None
    if not separator or not name or number is None:
        raise MetricError(f"{text!r}: give a score as METRIC=VALUE, such as resolved=1")
    return Score(name, number)
