"""``reverie explain``: why a lesson is believed, for a person."""

from collections.abc import Sequence

import click
import msgspec
from rich.console import Console
from rich.table import Table

from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.run import run
from reverie.jobs.explanation import Explanation, explain_lesson
from reverie.lessons.lesson import Lesson
from reverie.mining.breakdown import StratumRow
from reverie.storage.learning.dreams import find_lesson
from reverie.storage.postgres.database import Database

_STRATA = 12


@click.command()
@click.argument("lesson_id", metavar="LESSON")
@json_option
def explain(lesson_id: str, as_json: bool) -> None:
    """Say why LESSON (its id, or the end of it) is believed, and what would change that."""

    async def work(database: Database) -> tuple[Lesson, Explanation]:
        async with database.connection() as connection:
            lesson, dream_id = await find_lesson(connection, lesson_id)
            return lesson, await explain_lesson(connection, lesson, dream_id)

    lesson, explanation = run(work)
    if as_json:
        echo_json({"lesson": lesson, **msgspec.structs.asdict(explanation)})
    else:
        _print(lesson, explanation)


def _print(lesson: Lesson, explanation: Explanation) -> None:
    console = Console()
    console.print(f"[bold]{lesson.statement}[/bold]", highlight=False)
    console.print(f"{lesson.kind.replace('_', ' ')}, {lesson.status}: {lesson.reason}\n", highlight=False)
    console.print(_strata_table(explanation.strata, lesson.outcome))
    for moment in explanation.moments:
        side = "supports it" if moment.supports else "speaks against it"
        console.rule(f"{moment.session_id}: {side}, reward {moment.reward}", align="left")
        for turn in moment.turns:
            console.print(f"{turn.who}: {turn.text[:400]}", markup=False, highlight=False)
    console.rule("What would change our mind", align="left")
    for doubt in explanation.doubts:
        console.print(f"- {doubt}", highlight=False)


def _strata_table(rows: Sequence[StratumRow], outcome: str) -> Table:
    table = Table(title=f"Where it was compared: {len(rows)} strata", box=None, title_justify="left")
    for heading in ("stratum", "with", outcome, "without", outcome, "difference", "weight"):
        table.add_column(heading, justify="left" if heading == "stratum" else "right")
    for row in rows[:_STRATA]:
        table.add_row(
            row.stratum,
            str(row.sessions_with),
            f"{row.reward_with:.2f}",
            str(row.sessions_without),
            f"{row.reward_without:.2f}",
            f"{row.reward_with - row.reward_without:+.2f}",
            f"{row.share:.1%}",
        )
    if len(rows) > _STRATA:
        rest = sum(row.share for row in rows[_STRATA:])
        table.add_row(f"and {len(rows) - _STRATA} more", "", "", "", "", "", f"{rest:.1%}")
    return table
