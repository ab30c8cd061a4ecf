"""``reverie grade``: sessions of the history are scored by a model or a grader."""

import sys
from pathlib import Path

import click

from reverie.cli.main import EXIT_PARTLY_FAILED
from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.progress import progress_line
from reverie.cli.run import run
from reverie.clock import SystemClock
from reverie.display_name import numbered
from reverie.errors import InputError
from reverie.jobs.grading import DEFAULT_CONCURRENCY, GradingRequest, GradingResult, grade_sessions
from reverie.jobs.session_grader import open_grader
from reverie.settings import load_settings
from reverie.statistics.calibration import Calibration, Measured
from reverie.storage.postgres.database import Database

_FAILURES_SHOWN = 3


@click.command()
@click.option(
    "--rubric",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with what to score by: text for a model or a grader, the formula for the grader formula.",
)
@click.option("--where", metavar="EXPR", help="Which sessions to score; all by default.")
@click.option("--model", metavar="M", help="The model to ask, by its route's id; by default REVERIE_MODEL's.")
@click.option(
    "--budget",
    type=click.FloatRange(min=0),
    metavar="USD",
    help="The most that this rubric and model may cost altogether, earlier runs included; no limit by default.",
)
@click.option("--grader", metavar="NAME", help="A grader in Python instead of a model: formula, or another package's.")
@click.option("--metric", metavar="NAME", help="The metric that scores are recorded as; by default the file's name.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=DEFAULT_CONCURRENCY,
    show_default=True,
    help="Sessions that are graded at a time.",
)
@json_option
def grade(
    rubric: Path | None,
    where: str | None,
    model: str | None,
    budget: float | None,
    grader: str | None,
    metric: str | None,
    concurrency: int,
    as_json: bool,
) -> None:
    """Score sessions by a model or a grader, and say how far it agrees with labels.

    A grader sees the transcript alone: no scores, no memory, no lessons. What was graded once is not asked about again;
    a run that was cut off is taken up where it stopped. Exit code: 3 when some sessions got no grade.
    """
    text = _read_rubric(rubric, grader)
    name = metric or (rubric.stem if rubric is not None else grader) or "grade"
    settings, request = load_settings(), GradingRequest(name, where, budget, concurrency)
    with progress_line("grading") as show:

        async def work(database: Database) -> GradingResult:
            async with open_grader(settings, text, model, grader) as opened:
                return await grade_sessions(
                    database, opened, request, SystemClock(), lambda done, total: show(f"{done:,} of {total:,}")
                )

        result = run(work, settings)
    if as_json:
        echo_json(result)
    else:
        _print_result(result)
    if result.failed or result.left:
        sys.exit(EXIT_PARTLY_FAILED)


def _read_rubric(rubric: Path | None, grader: str | None) -> str:
    if rubric is None:
        if grader is None or grader == "formula":
            raise InputError("name a file with what to score by: --rubric FILE")
        return ""
    try:
        text = rubric.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{rubric} is not UTF-8 text: {error}") from error
    if not text.strip():
        raise InputError(f"{rubric} is empty; write what to score by")
    return text


def _print_result(result: GradingResult) -> None:
    rest = "".join(
        f", {count:,} {word}" for count, word in ((result.failed, "failed"), (result.left, "not asked about")) if count
    )
    click.echo(
        f"{result.graded + result.cached:,} of {numbered(result.sessions, 'session')} graded by {result.grader} as "
        f"{result.metric!r} ({result.cached:,} were before){rest}."
    )
    if result.usage.total_tokens:
        money = "price unknown" if result.cost_usd is None else f"{result.cost_usd:.4f} USD"
        click.echo(
            f"{numbered(result.usage.total_tokens, 'token')}, {money}; {result.spent_usd:.4f} USD for "
            f"this rubric so far."
        )
    for failure in result.failures[:_FAILURES_SHOWN]:
        click.echo(f"{failure.session_id}: {failure.problem}", err=True)
    if result.failed > _FAILURES_SHOWN:
        click.echo(f"… and {result.failed - _FAILURES_SHOWN:,} more (--json lists them)", err=True)
    if result.agreement is not None:
        click.echo(_agreement(result.agreement))
    for note in result.notes:
        click.secho(f"Note: {note}.", fg="yellow")


def _agreement(found: Calibration) -> str:
    """How far the grader agrees with labels, in a line."""
    named = (
        ("kappa", found.kappa),
        ("AUC", found.auc),
        ("AUC within tasks", found.auc_within),
        ("rank correlation within tasks", found.rank_correlation),
    )
    told = [f"{name} {_with_interval(measured)}" for name, measured in named if measured is not None]
    return (
        f"Against {numbered(found.sessions, 'label')}: "
        f"{'; '.join(told) or 'they are all alike, so nothing can be said'}."
    )


def _with_interval(measured: Measured) -> str:
    return f"{measured.value:.2f} ({measured.low:.2f} to {measured.high:.2f})"
