"""Sessions judged by charters as they end: each once, in the order of their ends, with alarms that people answer."""

import asyncio

import pytest

from reverie.errors import NotFoundError, StateError
from reverie.jobs.charters import acknowledge, look, look_at_all, resume, standing
from reverie.runtime.charter_report import CharterStanding
from reverie.runtime.charter_watch import watch_all
from reverie.sessions.segment import parse_segment
from reverie.settings import Settings
from reverie.storage.live.charter_alarms import Alarm, list_alarms, pausing_alarm
from reverie.storage.live.charter_trial import try_charter
from reverie.storage.live.charter_watches import read_shown, read_watches
from reverie.storage.live.charters import read_charter
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.workspaces import DEFAULT_WORKSPACE
from reverie.storage.service.audit import list_acts
from reverie.storage.service.seals import seal_history
from reverie.storage.service.verification import verify_history
from tests.jobs.charted import AGENT, START, Charted
from tests.storage.audit.history import tamper

GOOD, BAD = (True,) * 20, (False,) * 4


async def stand(charted: Charted) -> dict[str, CharterStanding]:
    async with charted.database.connection() as connection:
        return {one.agent: one for one in await standing(connection, None, None)}


async def alarms_of(charted: Charted) -> list[Alarm]:
    async with charted.database.connection() as connection:
        return await list_alarms(connection, None, standing=False, before=None, limit=100)


async def test_sessions_are_judged_once_from_when_the_charter_was_set(database: Database) -> None:
    charted = Charted(database)
    await charted.imported(False, False)
    charted.later()
    await charted.set()
    assert (await stand(charted))[""].sessions == 0
    await charted.imported(True, False, True)
    assert (await charted.look()).judged == 3
    assert (await charted.look()).judged == 0
    await charted.imported(True)
    assert (await charted.look()).judged == 1
    desk = (await stand(charted))["desk"]
    assert (desk.sessions, desk.rate, desk.alarm_id) == (4, 0.75, None)


async def test_two_servers_that_look_at_once_judge_each_session_once(database: Database) -> None:
    charted = Charted(database)
    await charted.set()
    await charted.imported(*GOOD)

    async def one() -> int:
        async with database.connection() as connection:
            return (await look(connection, "", charted.now)).judged

    assert sorted(await asyncio.gather(one(), one())) == [0, 20]
    assert (await stand(charted))["desk"].sessions == 20


async def test_a_look_that_is_cut_off_loses_and_doubles_nothing(database: Database) -> None:
    charted = Charted(database)
    await charted.set()
    await charted.imported(*GOOD, *BAD)
    with pytest.raises(RuntimeError, match="crash"):
        async with database.connection() as connection:
            looked = await look(connection, "", charted.now)
            assert (looked.judged, len(looked.alarms)) == (24, 1)
            raise RuntimeError("crash")
    assert await alarms_of(charted) == []
    looked = await charted.look()
    assert (looked.judged, len(looked.alarms), len(await alarms_of(charted))) == (24, 1, 1)


async def test_live_sessions_are_judged_at_rest_and_agents_apart_from_each_other(database: Database) -> None:
    charted = Charted(database)
    await charted.set()
    await charted.live(True)
    await charted.live(True, status="running")
    await charted.live(False, status="terminated", agent_id="agent_other")
    assert (await charted.look(minutes=5)).judged == 1
    assert (await charted.look(minutes=30)).judged == 1
    found = await stand(charted)
    assert {agent: (one.sessions, one.rate) for agent, one in found.items()} == {AGENT: (1, 1.0), "agent_other": (1, 0)}


async def test_the_charter_of_an_agent_is_about_its_sessions_alone(database: Database) -> None:
    charted = Charted(database)
    await charted.imported(True, agent="shop")
    with pytest.raises(NotFoundError, match="no session bears that name"):
        await charted.set("nobody")
    await charted.set("shop")
    await charted.imported(True, False, agent="desk")
    await charted.imported(False, agent="shop")
    assert (await charted.look("shop")).judged == 1
    assert (await stand(charted))["shop"].rate == 0.0


async def test_an_alarm_is_raised_once_with_its_numbers_and_stands_until_it_is_acknowledged(database: Database) -> None:
    charted = Charted(database)
    await charted.set(alarm="pause")
    await charted.imported(*GOOD, *BAD)
    (alarm,) = (await charted.look()).alarms
    assert (alarm.behaviour, alarm.agent, alarm.version) == ("verifies", "desk", 1)
    assert alarm.act == "notice"  # nobody is here who could be paused
    assert alarm.numbers.value >= 200 and alarm.numbers.allowed == (0.95, 1.0)
    await charted.imported(*BAD)
    assert (await charted.look()).alarms == ()
    counted = alarm.numbers.sessions
    assert (await stand(charted))["desk"].sessions == counted
    async with database.connection() as connection:
        acts = await list_acts(connection, resource_id=alarm.id, action=None, before=None, limit=9)
        assert [(act.action, act.actor["name"]) for act in acts] == [("charter.alarm", "charter")]
        done = await acknowledge(connection, alarm.id, "ada", charted.now, "a new prompt")
        assert (done.acknowledged_by, done.note) == ("ada", "a new prompt")
        with pytest.raises(StateError, match="acknowledged before"):
            await acknowledge(connection, alarm.id, "ada", charted.now)
    assert (await stand(charted))["desk"].sessions == 0
    await charted.imported(*BAD)
    assert len((await charted.look()).alarms) == 1


async def test_a_live_agent_is_paused_until_a_person_resumes_it(database: Database) -> None:
    charted = Charted(database)
    await charted.set(alarm="pause")
    await charted.live(*GOOD, *BAD)
    (alarm,) = (await charted.look()).alarms
    assert alarm.act == "pause"
    async with database.connection() as connection:
        held = await pausing_alarm(connection, [AGENT])
        assert held is not None and held.id == alarm.id
        assert await pausing_alarm(connection, ["agent_other"]) is None
        assert [one.id for one in await resume(connection, AGENT, "ada", charted.now)] == [alarm.id]
        assert await pausing_alarm(connection, [AGENT]) is None
        with pytest.raises(StateError, match="is not paused"):
            await resume(connection, AGENT, "ada", charted.now)


async def test_a_detector_is_the_fold_of_what_is_stored_whatever_was_judged_when(database: Database) -> None:
    charted = Charted(database)
    await charted.set()
    for verified in (GOOD, BAD, GOOD, (False, True, True)):
        await charted.imported(*verified)
        for alarm in (await charted.look()).alarms:
            async with database.connection() as connection:
                await acknowledge(connection, alarm.id, "ada", charted.now)
    async with database.connection() as connection:
        await connection.execute("DELETE FROM sessions WHERE id = 'sesn_00046'")
        (behaviour,) = (await read_charter(connection)).charter.behaviours
        (watch,) = await read_watches(connection, "")
        places = (watch.from_place, watch.through_place)
        stored = await read_shown(connection, "", "desk", "verifies", *places)
    assert watch.watch == watch_all(behaviour, stored)
    assert 0 < watch.from_place < watch.through_place and watch.watch.sessions == len(stored) > 0


async def test_a_behaviour_that_is_counted_otherwise_begins_anew_and_others_go_on(database: Database) -> None:
    charted = Charted(database)
    await charted.set()
    await charted.imported(*GOOD)
    await charted.look()
    await charted.set(alarm="pause")
    assert (await stand(charted))["desk"].sessions == 20
    await charted.set(at_least=0.9)
    await charted.imported(True)
    await charted.look()
    assert (await stand(charted))["desk"].sessions == 1


async def test_a_trial_on_the_past_finds_the_alarm_that_was_raised(database: Database) -> None:
    charted = Charted(database)
    await charted.set()
    await charted.imported(*GOOD, *BAD)
    await charted.live(True)
    await charted.live(True, status="running")
    (alarm,) = (await charted.look()).alarms
    async with database.connection() as connection:
        charter = (await read_charter(connection)).charter
    report = await try_charter(database, charter, parse_segment(None))
    assert (report.sessions, report.unfinished) == (25, 1)
    trials = {one.agent: one for one in report.behaviours}
    assert trials.keys() == {"desk", AGENT}
    first = trials["desk"].alarms[0]
    assert (first.session_id, first.numbers) == (alarm.session_id, alarm.numbers)
    alone = await try_charter(database, charter, parse_segment(None), AGENT)
    assert (alone.sessions, [one.agent for one in alone.behaviours]) == (1, [AGENT])


async def test_a_look_goes_on_until_everything_has_been_judged(database: Database) -> None:
    charted = Charted(database)
    await charted.set()
    await charted.imported(*[True] * 130)
    looked = [one.judged async for one in look_at_all(database, DEFAULT_WORKSPACE, charted.later())]
    assert looked == [100, 30]
    assert charted.now > START


@pytest.mark.parametrize(
    ("table", "change"), [("charters", "document = '{\"behaviours\": []}'"), ("charter_alarms", "act = 'pause'")]
)
async def test_a_forged_charter_or_alarm_is_found_by_the_seals(
    database: Database, settings: Settings, database_url: str, table: str, change: str
) -> None:
    charted = Charted(database)
    await charted.set()
    await charted.imported(*GOOD, *BAD)
    (alarm,) = (await charted.look()).alarms
    async with database.connection() as connection:
        await acknowledge(connection, alarm.id, "ada", charted.now)
    await seal_history(database, settings, charted.now, 0)
    assert (await verify_history(database)).clean
    tamper(database_url, table, f"UPDATE {table} SET {change}")
    found = await verify_history(database)
    assert [(one.kind, one.table) for one in found.findings] == [("edited", table)]
