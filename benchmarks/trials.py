"""What live trials cost, as one JSON document on standard output.

    python benchmarks/trials.py [--quick]

Deciding: scores are written one by one for sessions that take part in five trials, in turns with and without looking
at the trials after every so many; the ratio is of the same run. One look: at a trial in which so many sessions were
counted before, with nothing new and with one new session; then a score is corrected, and all is checked and counted
anew. The draw: a briefing of a store with five lessons, none or all of them in trial. The database is an embedded one
in a folder of its own.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from reverie.jobs.trial_entry import try_advice
from reverie.jobs.trials import bring_up_to_date, decide, evaluate
from reverie.lessons.lesson import Scope
from reverie.sessions.session import Score
from reverie.settings import Settings
from reverie.storage.live.assignments import Candidate
from reverie.storage.live.guidance import make_guidance
from reverie.storage.live.trials import read_trial
from reverie.storage.memory.policies import read_policy, write_policy
from reverie.storage.memory.stores import create_store
from reverie.storage.postgres.database import Connection, Database, open_database
from reverie.storage.sessions.scores import score_session

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TRIALS = 5
ROUNDS = 3
_SESSIONS = """
INSERT INTO sessions (id, source, agent, task_category, started_at, imported_at, event_count, content_sha256, reward)
SELECT %(prefix)s || n, 'bench', 'clerk', 'desk', %(now)s, %(now)s, 0, '',
    CASE WHEN %(scored)s THEN (n * 7919 %% 10 < 6)::int END
FROM generate_series(1, %(count)s) AS n
"""
_ASSIGNMENTS = """
INSERT INTO trial_assignments (trial_id, place, reference, session_key, unit, stratum, shown, share, predicted,
    counted, contaminated, eligible_at)
SELECT %(trial)s, t.exposures + row_number() OVER (ORDER BY s.key), s.id, s.key, s.id, '',
    hashint8extended(s.key, hashtext(%(trial)s)) & 1 = 0, 0.5, 0.6, true, false, %(now)s
FROM sessions s, trials t WHERE t.id = %(trial)s AND starts_with(s.id, %(prefix)s)
"""


async def begin(database: Database, name: str, **live: object) -> tuple[str, list[str]]:
    """A store with five trials; its id and theirs."""
    async with database.connection() as connection:
        store = await create_store(connection, name, "", {}, NOW)
        policy = {"live": {"mode": "act", "horizon_exposures": 10**9, "least_effect": 1e-6, **live}}
        await write_policy(connection, store.id, msgspec.json.encode(policy))
        read = (await read_policy(connection, store.id)).live
        texts = [f"Look at the record of order {number} first" for number in range(TRIALS)]
        trials = [await try_advice(connection, store.id, text, Scope(), read, NOW, "user") for text in texts]
    return store.id, [trial.id for trial in trials]


async def assign_many(connection: Connection, trials: list[str], prefix: str, count: int, *, scored: bool) -> None:
    """Sessions without events that take part in trials."""
    values = {"prefix": prefix, "count": count, "scored": scored, "now": NOW}
    await connection.execute(_SESSIONS, values)
    for trial in trials:
        await connection.execute(_ASSIGNMENTS, {"trial": trial, "prefix": prefix, "now": NOW})
        await connection.execute("UPDATE trials SET exposures = exposures + %s WHERE id = %s", [count, trial])
    await connection.execute("ANALYZE sessions, trial_assignments")


async def look(database: Database, trials: list[str], now: datetime = NOW) -> None:
    """Look at trials, each in a transaction of its own."""
    for trial in trials:
        async with database.connection() as connection:
            await evaluate(connection, trial, now)


async def check_all(database: Database, trial: str) -> None:
    """Hold all that was counted against its sessions, as is done before a decision."""
    async with database.connection() as connection:
        await bring_up_to_date(connection, await read_trial(connection, trial, lock=True), NOW)


async def seconds(act: Callable[[], Awaitable[object]]) -> float:
    """How long something takes."""
    began = time.perf_counter()
    await act()
    return time.perf_counter() - began


async def time_deciding(database: Database, scores: int, every: int) -> dict[str, Any]:
    """Scores written with and without looking at five trials after every so many, in turns."""
    _, trials = await begin(database, f"deciding {every}")
    plain: list[float] = []
    looked: list[float] = []
    looks: list[float] = []
    every = min(every, scores)
    for turn in range(2 * ROUNDS):
        prefix = f"d{every}.{turn}."
        async with database.connection() as connection:
            await assign_many(connection, trials if turn % 2 else [], prefix, scores, scored=False)
        spent = 0.0
        began = time.perf_counter()
        for number in range(1, scores + 1):
            async with database.connection() as connection:
                await score_session(connection, f"{prefix}{number}", [Score("reward", float(number * 7919 % 10 < 6))])
            if turn % 2 and number % every == 0:
                spent += await seconds(lambda: look(database, trials))
        (looked if turn % 2 else plain).append(time.perf_counter() - began)
        if turn % 2:
            looks.append(spent)
    per_score = statistics.median(plain) / scores
    return {
        "scores_between_looks": every,
        "ms_a_score": 1_000 * per_score,
        "ms_deciding_a_score": 1_000 * statistics.median(looks) / scores,
        "ratio": 1 + statistics.median(looks) / (statistics.median(looked) - statistics.median(looks)),
    }


async def time_looks(database: Database, exposures: int) -> dict[str, Any]:
    """One look at a trial, by what is new since the last."""
    _, trials = await begin(database, f"of {exposures}")
    trial, prefix = trials[0], f"l{exposures}."
    async with database.connection() as connection:
        await decide(connection, trials[1], "end", "user", NOW)
        await assign_many(connection, [trial], prefix, exposures, scored=True)
    first = await seconds(lambda: look(database, [trial]))
    nothing = [await seconds(lambda: look(database, [trial])) for _ in range(5)]
    one = []
    for number in range(5):
        async with database.connection() as connection:
            await assign_many(connection, [trial], f"{prefix}new{number}.", 1, scored=True)
        one.append(await seconds(lambda: look(database, [trial])))
    async with database.connection() as connection:
        await connection.execute("UPDATE sessions SET reward = 0.5 WHERE id = %s", [f"{prefix}{exposures // 2}"])
    anew = await seconds(lambda: check_all(database, trial))
    return {
        "exposures": exposures,
        "all_at_once_ms": 1_000 * first,
        "nothing_new_ms": 1_000 * statistics.median(nothing),
        "one_new_ms": 1_000 * statistics.median(one),
        "checked_and_counted_anew_ms": 1_000 * anew,
    }


async def time_draws(database: Database, briefings: int) -> dict[str, Any]:
    """Briefings of a store with five lessons: adopted by a person, so that nothing is drawn, and in trial."""
    drawn_store, _ = await begin(database, "drawn")
    adopted_store, adopted = await begin(database, "adopted")
    async with database.connection() as connection:
        for trial in adopted:
            await decide(connection, trial, "adopt", "user", NOW)
    times: dict[str, list[float]] = {drawn_store: [], adopted_store: []}
    for number in range(briefings):
        for store_id, taken in times.items():
            name = f"b{number}.{store_id}"
            async with database.connection() as connection:
                row = await connection.execute(_SESSIONS + " RETURNING key", _one(name))
                ((key,),) = await row.fetchall()
                candidate = Candidate(f"{name}1", key, None, "clerk", "desk")
                began = time.perf_counter()
                await make_guidance(connection, [store_id], candidate, "", NOW + timedelta(minutes=number))
                taken.append(time.perf_counter() - began)
    return {
        "briefing_ms_without_trials": 1_000 * statistics.median(times[adopted_store]),
        "briefing_ms_with_five_trials": 1_000 * statistics.median(times[drawn_store]),
    }


def _one(name: str) -> dict[str, Any]:
    return {"prefix": name, "count": 1, "scored": False, "now": NOW}


async def measure(quick: bool) -> dict[str, Any]:
    """Everything."""
    sizes = (1_000, 5_000) if quick else (1_000, 10_000, 100_000)
    with tempfile.TemporaryDirectory(prefix="reverie-bench-") as folder:
        async with open_database(Settings(home=Path(folder) / "home", workers=1)) as database:
            return {
                "deciding": [await time_deciding(database, 200 if quick else 1_000, every) for every in (50, 1_000)],
                "looks": [await time_looks(database, size) for size in sizes],
                "draw": await time_draws(database, 50 if quick else 300),
            }


def measured(quick: bool) -> dict[str, Any]:
    """The figures of :func:`measure`."""
    return asyncio.run(measure(quick))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What live trials cost.")
    parser.add_argument("--quick", action="store_true", help="smaller sizes")
    print(json.dumps(measured(parser.parse_args().quick), indent=2))
