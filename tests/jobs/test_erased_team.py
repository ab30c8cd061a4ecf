"""What went from one agent's sessions into its team's store goes with those sessions."""

from pathlib import Path

import psycopg

from reverie.clock import SystemClock
from reverie.jobs.erasure import erase
from reverie.lessons.lesson import Lesson
from reverie.settings import Settings
from reverie.storage.erasure.report import ErasureReport, ErasureRequest
from reverie.storage.learning.lessons import list_lessons
from reverie.storage.live.trials import list_trials
from reverie.storage.postgres.database import Database
from reverie.teams.membership import Team
from tests.jobs.erased import tables_that_say
from tests.jobs.team_desk import declare, dreamt, import_desk, team_desk

ACTOR = {"type": "system", "name": "test"}


async def furnish(database: Database, settings: Settings, folder: Path) -> tuple[Team, Lesson]:
    """A team that has dreamt, and the lesson that was offered to it."""
    await import_desk(database, settings, team_desk(folder / "desk.jsonl"))
    team = await declare(database)
    result = await dreamt(database, settings, team.memory_store_id)
    (lesson_id,) = {place.lesson_id for place in result.placed if place.way == "offered"}
    return team, next(lesson for lesson in result.lessons if lesson.id == lesson_id)


async def offered(database: Database, team: Team) -> Lesson:
    """The offered lesson as it stands in the team's store."""
    async with database.connection() as connection:
        found = await list_lessons(connection, team.memory_store_id, status="trial", kind=None, after=None, limit=10)
    return next(row.lesson for row in found if row.lesson.scope.agent is None)


async def erased(database: Database, *session_ids: str, agent: str | None = None) -> ErasureReport:
    report = (await erase(database, ErasureRequest(session_ids, None, agent), ACTOR, SystemClock())).report
    assert report is not None
    return report


async def test_a_lesson_offered_to_the_team_is_told_anew_without_the_erased_session(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    team, lesson = await furnish(database, settings, tmp_path)
    critics = [one.session_id for one in lesson.evidence if one.session_id.startswith("critic")]
    assert critics
    await erased(database, critics[0])
    after = await offered(database, team)
    assert after.id == lesson.id and after.effect == lesson.effect
    assert critics[0] not in {one.session_id for one in (*after.evidence, *after.counter_examples)}
    assert {one.session_id for one in after.evidence} == {one.session_id for one in lesson.evidence} - {critics[0]}
    assert tables_that_say(database.url, f'"{critics[0]}"') == {"public.erasures": 1}


async def test_without_one_agents_sessions_a_lesson_is_offered_no_more(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    """Those of the clerk and the critic bore it out; the writer's draw is as good as any."""
    team, lesson = await furnish(database, settings, tmp_path)
    named = [agent for agent in ("writer", "critic", "clerk") if f"{agent} +0." in lesson.reason]
    for agent in named[1:]:
        await erased(database, agent=agent)
    after = await offered(database, team)
    assert {one.session_id.partition("-")[0] for one in after.evidence} == {named[0]}
    await dreamt(database, settings, team.memory_store_id)
    async with database.connection() as connection:
        (trial,) = [
            one for one in await list_trials(connection, store_id=team.memory_store_id) if lesson.id in one.subject.ids
        ]
    assert (trial.state, trial.reason) == ("ended", "the dream no longer holds the lesson")
    with psycopg.connect(database.url) as connection:
        rows = connection.execute("SELECT status FROM lessons WHERE id = %s", [lesson.id]).fetchall()
    assert rows == [("candidate",)]
