"""A team's joint dream: what goes to which store, by whose sessions, and what may not leave a private one."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from reverie.dreams.dream import DreamRequest, DreamResult
from reverie.errors import DreamError, InputError
from reverie.jobs.engine import dream
from reverie.jobs.report import read_evidence, read_trials, write_report
from reverie.lessons.document import lesson_document, lesson_path
from reverie.memory.memory import Edit
from reverie.settings import Settings
from reverie.storage.learning.dreams import write_lessons
from reverie.storage.learning.lessons import list_lessons
from reverie.storage.live.trials import list_trials
from reverie.storage.memory.memories import apply_edits
from reverie.storage.memory.policies import read_policy, write_policy
from reverie.storage.postgres.database import Connection, Database
from reverie.teams.membership import Team
from tests.jobs.team_desk import AGENTS, declare, documents, dreamt, import_desk, runtime, team_desk, told
from tests.jobs.tried import START

VERIFY, DRAFT, COUNT, SHOUT = "start | call:verify", "call:draft", "call:count", "call:shout"


@pytest_asyncio.fixture
async def team(database: Database, settings: Settings, tmp_path: Path) -> AsyncIterator[Team]:
    """The team of the desk, with marked sessions of the writer among those imported."""
    await import_desk(database, settings, team_desk(tmp_path / "desk.jsonl", untrusted=True))
    yield await declare(database)


def private(team: Team, agent: str) -> str:
    store = team.private_store(agent)
    assert store is not None
    return store


def ways(result: DreamResult) -> set[tuple[str, str | None, str]]:
    """What became of lessons that are no refusals: behaviour, whom it is for, the way that it went."""
    lessons = {lesson.id: lesson for lesson in result.lessons if lesson.status != "refused"}
    return {
        (lessons[place.lesson_id].behaviour, place.agent, place.way)
        for place in result.placed
        if place.lesson_id in lessons
    }


async def test_each_lesson_goes_where_it_belongs(database: Database, settings: Settings, team: Team) -> None:
    result = await dreamt(database, settings, team.memory_store_id)
    assert result.team == "desk" and result.sessions.read == 3 * 352
    assert (DRAFT, "writer", "own") in ways(result) and (COUNT, "clerk", "own") in ways(result)
    assert (VERIFY, None, "offered") in ways(result)
    assert (DRAFT, None, "held back") in ways(result)
    writer, critic = private(team, "writer"), private(team, "critic")
    assert await told(database, writer) == {(VERIFY, "adopted"), (DRAFT, "adopted"), (SHOUT, "adopted")}
    assert await told(database, critic) == {(VERIFY, "adopted")}
    assert await told(database, team.memory_store_id) == {
        (VERIFY, "trial"),
        (COUNT, "trial"),
        (COUNT, "candidate"),
        (DRAFT, "candidate"),
    }
    assert await documents(database, team.memory_store_id) == []
    assert {store.memory_store_id: store.agent for store in result.stores} == {
        team.memory_store_id: None,
        writer: "writer",
        critic: "critic",
    }


async def test_lessons_of_an_agent_without_a_store_name_it_in_the_teams(
    database: Database, settings: Settings, team: Team
) -> None:
    result = await dreamt(database, settings, team.memory_store_id)
    (lesson,) = [one for one in result.lessons if one.behaviour == COUNT and one.status == "trial"]
    assert lesson.scope.agent == "clerk"
    (place,) = [one for one in result.placed if one.lesson_id == lesson.id]
    assert place.memory_store_id == team.memory_store_id and "no private one" in place.reason


async def test_what_is_offered_cites_and_names_every_agent_that_bears_it_out(
    database: Database, settings: Settings, team: Team
) -> None:
    result = await dreamt(database, settings, team.memory_store_id)
    offered = {place.lesson_id for place in result.placed if place.way == "offered"}
    (lesson,) = [one for one in result.lessons if one.id in offered]
    assert (lesson.behaviour, lesson.status, lesson.scope.agent, lesson.examples) == (VERIFY, "trial", None, ())
    assert "by itself in the sessions of" in lesson.reason and "tried live as trl_" in lesson.reason
    named = [agent for agent in AGENTS if f"{agent} +0." in lesson.reason]
    assert len(named) >= 2
    assert {one.session_id.partition("-")[0] for one in lesson.evidence} == set(named)
    async with database.connection() as connection:
        trials = await list_trials(connection, store_id=team.memory_store_id)
    assert {(trial.state, trial.subject.ids) for trial in trials} >= {("trial", (lesson.id,))}


async def test_what_untrusted_sessions_show_stays_in_the_private_store(
    database: Database, settings: Settings, team: Team
) -> None:
    result = await dreamt(database, settings, team.memory_store_id)
    assert (SHOUT, "adopted") in await told(database, private(team, "writer"))
    for store in (team.memory_store_id, private(team, "critic")):
        assert SHOUT not in dict(await told(database, store))
        async with database.connection() as connection:
            rows = await connection.execute(
                "SELECT count(*) FROM lessons WHERE memory_store_id = %s AND strpos(lesson::text, 'writer-u') > 0",
                [store],
            )
            assert await rows.fetchall() == [(0,)]
    assert any("352 sessions are marked reverie_untrusted" in note for note in result.notes)


async def test_an_ordinary_store_learns_nothing_from_untrusted_sessions(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    await import_desk(database, settings, team_desk(tmp_path / "desk.jsonl", untrusted=True))
    result = await dreamt(database, settings, "anybody's")
    assert result.sessions.read == 3 * 352 and result.team is None
    assert not any("shout" in pattern.behaviour for pattern in result.patterns)
    assert any("stays in a private store alone" in note for note in result.notes)


async def test_a_private_store_learns_from_its_own_agents_sessions_alone(
    database: Database, settings: Settings, team: Team
) -> None:
    result = await dreamt(database, settings, private(team, "writer"))
    assert result.sessions.read == 2 * 352
    assert {lesson.scope.agent for lesson in result.lessons} == {"writer"}
    assert any("shout" in pattern.behaviour for pattern in result.patterns)


async def test_a_second_joint_dream_changes_nothing_but_goes_on_in_the_same_places(
    database: Database, settings: Settings, team: Team
) -> None:
    first = await dreamt(database, settings, team.memory_store_id)
    stores = [team.memory_store_id, private(team, "writer"), private(team, "critic")]
    before = [await told(database, store) for store in stores]
    second = await dreamt(database, settings, team.memory_store_id)
    assert [await told(database, store) for store in stores] == before
    assert [store.revision for store in second.stores] == [None, None, None]
    assert {one.lesson_id for one in second.placed} == {one.lesson_id for one in first.placed}


async def test_where_the_gate_of_one_store_stops_the_dream_no_store_is_written(
    database: Database, settings: Settings, team: Team
) -> None:
    """The critic's sessions are gone, and so would be all that its store was taught."""
    critic = private(team, "critic")
    await dreamt(database, settings, team.memory_store_id)
    async with database.connection() as connection:
        await teach_in_vain(connection, critic)
        await connection.execute("DELETE FROM sessions WHERE agent = 'critic'")
        await connection.execute("UPDATE sessions SET reward = 1 - reward WHERE agent = 'writer'")
        before = await revisions(connection)
    with pytest.raises(DreamError, match="the gate stopped the dream"):
        await dreamt(database, settings, team.memory_store_id)
    async with database.connection() as connection:
        assert await revisions(connection) == before


async def teach_in_vain(connection: Connection, store_id: str) -> None:
    """Two more lessons of the store's last dream, with their documents, which the next one will not find."""
    lesson = (await list_lessons(connection, store_id, status="adopted", kind=None, after=None, limit=1))[0]
    invented = [
        msgspec.structs.replace(lesson.lesson, id=f"lsn_{name * 24}", behaviour=f"call:{name}") for name in ("a", "b")
    ]
    await write_lessons(connection, store_id, str(lesson.last_dream_id), invented)
    edits = [Edit(lesson_path(one), lesson_document(one), "taught", lesson_id=one.id) for one in invented]
    await apply_edits(connection, store_id, edits, act="write", actor="a", reason="r", now=START)


async def revisions(connection: Connection) -> list[tuple[object, ...]]:
    query = "SELECT memory_store_id, max(number) FROM store_revisions GROUP BY 1 ORDER BY 1"
    return await (await connection.execute(query)).fetchall()


async def test_a_dream_of_a_team_writes_to_no_clone(database: Database, settings: Settings, team: Team) -> None:
    async with database.connection() as connection:
        policy = await read_policy(connection, team.memory_store_id)
    with pytest.raises(InputError, match="give update_existing"):
        await dream(runtime(database, settings, policy), DreamRequest(team.memory_store_id, clone=True))


@pytest.mark.parametrize("named", ["writer-u0-0", "critic-0-0"])
async def test_sessions_that_a_store_may_not_learn_from_cannot_be_named(
    database: Database, settings: Settings, team: Team, named: str
) -> None:
    store = team.memory_store_id if named.startswith("writer") else private(team, "writer")
    async with database.connection() as connection:
        policy = await read_policy(connection, store)
    with pytest.raises(InputError, match=named):
        await dream(runtime(database, settings, policy), DreamRequest(store, session_ids=(named,)))


async def test_offers_wait_as_candidates_where_the_teams_trials_are_off(
    database: Database, settings: Settings, team: Team
) -> None:
    async with database.connection() as connection:
        await write_policy(connection, team.memory_store_id, b"{}")
    result = await dreamt(database, settings, team.memory_store_id)
    offered = {place.lesson_id for place in result.placed if place.way == "offered"}
    (lesson,) = [one for one in result.lessons if one.id in offered]
    assert lesson.status == "candidate" and "live trials of this store are off" in lesson.reason


async def test_the_report_says_where_each_lesson_went(database: Database, settings: Settings, team: Team) -> None:
    result = await dreamt(database, settings, team.memory_store_id)
    async with database.connection() as connection:
        evidence, trials = await read_evidence(connection, result), await read_trials(connection, result, START)
    page = write_report(result, evidence, trials, [], START)
    assert 'id="team"' in page and "Where lessons went" in page
    assert "the team&#39;s store, since it has no private one" in page
    assert msgspec.json.decode(msgspec.json.encode(result), type=DreamResult) == result


async def test_notes_of_private_stores_never_reach_the_teams(
    database: Database, settings: Settings, team: Team
) -> None:
    async with database.connection() as connection:
        note = Edit("/notes/mine.md", "I saw the blue door open twice.\n", "noted")
        await apply_edits(connection, private(team, "writer"), [note], act="write", actor="a", reason="r", now=START)
    await dreamt(database, settings, team.memory_store_id)
    assert "I saw the blue door open twice." in await documents(database, private(team, "writer"))
    assert await documents(database, team.memory_store_id) == []
