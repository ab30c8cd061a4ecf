"""``reverie explain``: why a lesson is believed, for a person."""

from collections.abc import Sequence

import click
import msgspec
from rich.console import Console
from rich.table import Table

from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.run import run
from reverie.digests.digest import SESSION
from reverie.ids import event_sequence
from reverie.lessons.doubt import what_would_change_our_mind
from reverie.lessons.lesson import Evidence, Lesson
from reverie.patterns.breakdown import StratumRow, break_down
from reverie.patterns.corpus import Corpus, form_strata
from reverie.patterns.other_outcomes import compared_on
from reverie.patterns.outcome import REWARD, Outcome, outcome_named
from reverie.sessions.segment import compile_segment
from reverie.sessions.session import Transcript
from reverie.sessions.transcript import Turn, render_turns
from reverie.storage.database import Database
from reverie.storage.digests import load_corpus
from reverie.storage.dreams import find_lesson, read_dream
from reverie.storage.measures import load_measures
from reverie.storage.policies import read_policy
from reverie.storage.sessions import read_transcripts

_SUPPORTING, _CONTRARY, _STRATA = 3, 2, 12
_AROUND = 2


class Moment(msgspec.Struct, frozen=True):
    """A session at the moment that decides."""

    session_id: str
    event_id: str
    reward: float | None
    supports: bool
    turns: tuple[Turn, ...]


class Explanation(msgspec.Struct, frozen=True):
    """All that speaks for and against a lesson."""

    lesson: Lesson
    strata: tuple[StratumRow, ...]
    moments: tuple[Moment, ...]
    doubts: tuple[str, ...]


@click.command()
@click.argument("lesson_id", metavar="LESSON")
@json_option
def explain(lesson_id: str, as_json: bool) -> None:
    """Say why LESSON (its id, or the end of it) is believed, and what would change that."""

    async def work(database: Database) -> Explanation:
        return await _explain(database, lesson_id)

    explanation = run(work)
    if as_json:
        echo_json(explanation)
    else:
        _print(explanation)


async def _explain(database: Database, lesson_id: str) -> Explanation:
    async with database.connection() as connection:
        lesson, dream_id = await find_lesson(connection, lesson_id)
        dream = await read_dream(connection, dream_id)
        policy = await read_policy(connection, dream.memory_store_id)
        segment, last_key = compile_segment(dream.request.where), dream.last_session_key
        corpus = await load_corpus(connection, segment, last_key, policy.metrics)
        names = [name for name in (lesson.outcome,) if name != REWARD.name]
        measures = await load_measures(connection, segment, last_key, corpus.session_ids, names, policy.metrics)
        cited = [*lesson.evidence[:_SUPPORTING], *lesson.counter_examples[:_CONTRARY]]
        transcripts = await read_transcripts(connection, [citation.session_id for citation in cited])
    outcome = outcome_named(lesson.outcome, measures)
    rewards = dict(zip(corpus.session_ids, corpus.reward.tolist(), strict=True))
    by_id = {transcript.session.id: transcript for transcript in transcripts}
    moments = tuple(
        _moment(by_id[c.session_id], c, rewards.get(c.session_id), supports=number < len(lesson.evidence[:_SUPPORTING]))
        for number, c in enumerate(cited)
        if c.session_id in by_id
    )
    rows = _rows(compared_on(corpus, outcome, measures), lesson, outcome)
    return Explanation(lesson, rows, moments, what_would_change_our_mind(lesson, outcome.least_told(policy.mining)))


def _rows(corpus: Corpus, lesson: Lesson, outcome: Outcome) -> tuple[StratumRow, ...]:
    """What each stratum says, in the outcome's own unit."""
    situation, _, name = lesson.behaviour.rpartition(" | ")
    strata, family = form_strata(corpus), lesson.scope.task_family
    rows = break_down(corpus, strata, category=family, situation=situation or SESSION, name=name)
    return tuple(
        msgspec.structs.replace(
            row, reward_with=outcome.level(row.reward_with), reward_without=outcome.level(row.reward_without)
        )
        for row in rows
    )


def _moment(transcript: Transcript, citation: Evidence, reward: float | None, *, supports: bool) -> Moment:
    at = event_sequence(citation.event_id)
    turns = render_turns(transcript)
    middle = next((i for i, turn in enumerate(turns) if turn.sequence >= at), len(turns))
    around = turns[max(middle - _AROUND, 0) : middle + _AROUND + 1]
    return Moment(citation.session_id, citation.event_id, reward, supports, around)


def _print(explanation: Explanation) -> None:
    lesson, console = explanation.lesson, Console()
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
