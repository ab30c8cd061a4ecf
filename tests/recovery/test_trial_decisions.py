"""A decision is made once and in whole: whoever is killed, and however many look at the same time."""

import asyncio
import signal
from collections.abc import AsyncIterator
from multiprocessing import get_context
from random import Random

import pytest
import pytest_asyncio

from reverie.jobs.trials import decide, evaluate
from reverie.storage.live.trials import list_decisions
from reverie.storage.postgres.database import Database
from reverie.testing.patience import PATIENCE_SECONDS
from tests.jobs.tried import Tried, chances, open_tried
from tests.recovery.decide_and_die import decide_and_die, look

TRIALS, HERE = "reverie.jobs.trials", "tests.recovery.decide_and_die"
KILLS = {
    "before anything is counted": (TRIALS, "bring_up_to_date", "before"),
    "after the document was written": (TRIALS, "carry_out", "after"),
    "after the state was changed": (TRIALS, "set_state", "after"),
    "after the decision was written": (TRIALS, "insert_decision", "after"),
    "after the notices were queued": (TRIALS, "write_notices", "after"),
}
AFTER_ALL = (HERE, "heard", "before")
Recorded = tuple[list[tuple[str, str]], list[int], list[str], int]


@pytest_asyncio.fixture
async def helping(database: Database) -> AsyncIterator[tuple[Tried, str]]:
    """A trial of which outcomes say by now that it is to be adopted, and its id."""
    tried = await open_tried(database)
    trial = await tried.begin()
    await tried.sessions(120, chances(Random(2), hidden=0.1, shown=0.95))
    yield tried, trial.id


def kill_at(tried: Tried, *point: str) -> None:
    # From a server that has the libraries loaded already: a fresh interpreter would spend its time on imports.
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.recovery.decide_and_die"])
    process = context.Process(target=decide_and_die, args=(tried.database.url, tried.now, *point))
    process.start()
    process.join(timeout=PATIENCE_SECONDS)
    assert process.exitcode == -signal.SIGKILL


async def recorded(tried: Tried, trial_id: str) -> Recorded:
    """Decisions, revisions of the store, documents in it, acts in the audit log."""
    async with tried.database.connection() as connection:
        decisions: list[tuple[str, str]] = [(one.act, one.by) for one in await list_decisions(connection, trial_id)]
        rows = await connection.execute("SELECT number FROM store_revisions ORDER BY number")
        revisions = [number for (number,) in await rows.fetchall()]
        rows = await connection.execute("SELECT count(*) FROM audit_log WHERE action LIKE 'trials.%%'")
        ((acts,),) = await rows.fetchall()
    return decisions, revisions, await tried.paths(), acts


@pytest.mark.parametrize("point", KILLS.values(), ids=KILLS.keys())
async def test_a_server_killed_in_a_decision_leaves_none_and_the_next_look_makes_one(
    point: tuple[str, str, str], helping: tuple[Tried, str]
) -> None:
    tried, trial_id = helping
    await asyncio.to_thread(kill_at, tried, *point)
    assert await recorded(tried, trial_id) == ([], [], [], 0)
    await look(tried.database.url, tried.now)
    decisions, revisions, paths, acts = await recorded(tried, trial_id)
    assert (decisions, revisions, len(paths), acts) == ([("adopt", "auto")], [1], 1, 1)


async def test_a_server_killed_right_after_a_decision_leaves_it_and_the_next_look_adds_nothing(
    helping: tuple[Tried, str],
) -> None:
    tried, trial_id = helping
    await asyncio.to_thread(kill_at, tried, *AFTER_ALL)
    after = await recorded(tried, trial_id)
    assert (after[0], after[1], len(after[2]), after[3]) == ([("adopt", "auto")], [1], 1, 1)
    await look(tried.database.url, tried.now)
    assert await recorded(tried, trial_id) == after


async def test_two_servers_that_look_at_once_make_one_decision(helping: tuple[Tried, str]) -> None:
    tried, trial_id = helping
    await asyncio.gather(*(look(tried.database.url, tried.now) for _ in range(2)))
    decisions, revisions, paths, acts = await recorded(tried, trial_id)
    assert (decisions, revisions, len(paths), acts) == ([("adopt", "auto")], [1], 1, 1)


async def test_a_person_who_decides_while_a_server_is_about_to_has_the_word(helping: tuple[Tried, str]) -> None:
    tried, trial_id = helping
    async with tried.database.connection() as person:
        await decide(person, trial_id, "reject", "user", tried.now)
        server = asyncio.ensure_future(tried.look(trial_id))
        await waited_for(tried.database)
    assert await server is None
    assert (await recorded(tried, trial_id))[:3] == ([("reject", "user")], [], [])


async def test_a_person_who_comes_while_a_server_decides_decides_after_it(helping: tuple[Tried, str]) -> None:
    tried, trial_id = helping
    async with tried.database.connection() as server:
        await evaluate(server, trial_id, tried.now)
        person = asyncio.ensure_future(decided_by_a_person(tried, trial_id))
        await waited_for(tried.database)
    await person
    decisions, revisions, paths, _ = await recorded(tried, trial_id)
    assert (decisions, revisions, paths) == ([("adopt", "auto"), ("roll_back", "user")], [1, 2], [])


async def decided_by_a_person(tried: Tried, trial_id: str) -> None:
    async with tried.database.connection() as connection:
        await decide(connection, trial_id, "roll_back", "user", tried.now)


async def waited_for(database: Database) -> None:
    """Until somebody waits for a row that somebody else holds."""
    async with database.connection() as connection:
        waiting = 0
        while not waiting:
            row = await connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            ((waiting,),) = await row.fetchall()
