"""Scores that come late, and later in one arm than in the other, are no harm."""

from collections import defaultdict
from datetime import timedelta
from random import Random

from reverie.storage.live.assignments import read_ahead
from reverie.storage.postgres.database import Database
from reverie.trials.tally import Tally, fold
from tests.jobs.tried import ADVICE, Tried, open_tried, score

LATE = 100
SESSIONS = 260


async def sessions_with_late_successes(tried: Tried, trial_id: str, random: Random) -> tuple[set[str], float]:
    """Sessions of which six in ten succeed in both arms, looked at now and then.

    Returns:
        States of the trial, and the largest e-value for harm of counting whichever scores were there.
    """
    due: dict[int, list[tuple[str, float]]] = defaultdict(list)
    states: set[str] = set()
    largest = 0.0
    for number in range(SESSIONS):
        shown, reward = ADVICE in (await tried.session()).text, float(random.random() < 0.6)
        due[number + LATE * (shown and reward == 1)].append((f"sesn_{tried.made:05d}", reward))
        async with tried.database.connection() as connection:
            for name, earned in due.pop(number, []):
                await score(connection, name, earned)
        if number % 10 == 0 and (outcome := await tried.look(trial_id)) is not None:
            states.add(outcome.trial.state)
            largest = max(largest, await e_harm_of_arrived(tried, trial_id))
    return states, largest


async def e_harm_of_arrived(tried: Tried, trial_id: str) -> float:
    async with tried.database.connection() as connection:
        there = [one for one in await read_ahead(connection, trial_id, 0) if one.reward is not None]
    return fold(Tally(), there, (), timedelta(days=7), tried.now).capital.e_harm


async def test_successes_of_the_shown_arm_that_come_a_hundred_sessions_later_roll_nothing_back(
    database: Database,
) -> None:
    tried = await open_tried(database)
    trial = await tried.begin()
    states, arrived_only = await sessions_with_late_successes(tried, trial.id, Random(3))
    assert states == {"trial"}
    assert arrived_only > 20, "counting whatever is there would have rolled it back"
