"""``reverie explain``: why a lesson is believed, for a person."""

from collections.abc import Sequence

import click
import msgspec

from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.run import run
from reverie.cli.table import format_table
from reverie.display_name import printable, shown_label
from reverie.jobs.explanation import Explanation, explain_lesson
from reverie.lessons.lesson import Lesson
from reverie.mining.breakdown import StratumRow
from reverie.storage.learning.lessons import find_lesson
from reverie.storage.postgres.database import Database

_STRATA = 12


@click.command()
@click.argument("lesson_id", metavar="LESSON")
@json_option
def explain(lesson_id: str, as_json: bool) -> None:
    """Say why LESSON (its id, the end of it, or its document's path) is believed, and what would change that."""

    async def work(database: Database) -> tuple[Lesson, Explanation]:
        async with database.connection() as connection:
            row = await find_lesson(connection, lesson_id)
            return row.lesson, await explain_lesson(connection, row)

    lesson, explanation = run(work)
    if as_json:
        echo_json({"lesson": lesson, **msgspec.structs.asdict(explanation)})
    else:
        _print(lesson, explanation)


def _print(lesson: Lesson, explanation: Explanation) -> None:
    click.secho(lesson.statement, bold=True)
    status = f"{lesson.status}, implicit" if lesson.implicit else lesson.status
    click.echo(f"{lesson.kind.replace('_', ' ')}, {status}: {lesson.reason}\n")
    for trial in explanation.trials:
        told = f": {trial.reason}" if trial.reason else f"; see reverie trials show {trial.id}"
        click.echo(printable(f"Live trial {trial.id}, {trial.state.replace('_', ' ')}{told}"))
    if lesson.instead_of:
        click.echo(f"Others did this instead: {lesson.instead_of}")
    for example in lesson.examples:
        click.echo(printable(f"Example ({example.session_id}): {example.text}"))
    if lesson.also:
        click.echo(f"Also seen as: {', '.join(lesson.also)}")
    if explanation.strata:
        click.echo(_strata_table(explanation.strata, lesson.outcome))
    for moment in explanation.moments:
        side = "supports it" if moment.supports else "speaks against it"
        click.secho(f"{moment.session_id}: {side}, reward {moment.reward}", bold=True)
        for turn in moment.turns:
            click.echo(printable(f"{turn.who}: {turn.text[:400]}"))
    click.secho("What would change our mind", bold=True)
    for doubt in explanation.doubts:
        click.echo(f"- {doubt}")


def _strata_table(rows: Sequence[StratumRow], outcome: str) -> str:
    headings = ("stratum", "with", outcome, "without", outcome, "difference", "weight")
    cells = [
        [
            shown_label(row.stratum),
            str(row.sessions_with),
            f"{row.reward_with:.2f}",
            str(row.sessions_without),
            f"{row.reward_without:.2f}",
            f"{row.reward_with - row.reward_without:+.2f}",
            f"{row.share:.1%}",
        ]
        for row in rows[:_STRATA]
    ]
    if len(rows) > _STRATA:
        rest = sum(row.share for row in rows[_STRATA:])
        cells.append([f"and {len(rows) - _STRATA} more", "", "", "", "", "", f"{rest:.1%}"])
    title = f"Where it was compared: {len(rows)} strata"
    return f"{title}\n{format_table(headings, cells, 'lrrrrrr')}"
