"""How a person brings a lesson, or advice, into a trial."""

import math

import msgspec
import numpy as np
import pytest

from reverie.errors import ConflictError
from reverie.jobs.trial_entry import begin_trial, try_lesson
from reverie.jobs.trials import decide
from reverie.statistics.capital import capital_of
from reverie.storage.live.guidance import holdout_trial
from reverie.storage.live.tried_lessons import read_lessons
from reverie.storage.memory.policies import read_policy
from reverie.storage.postgres.database import Database
from reverie.trials.numbers import LARGEST, Numbers, in_words
from reverie.trials.policy import LivePolicy
from reverie.trials.tally import Arm, Tally
from reverie.trials.verdict import numbers_of
from tests.jobs.tried import ADVICE, START, open_tried


async def test_a_lesson_that_is_tried_with_others_is_not_tried_alone_besides(database: Database) -> None:
    tried = await open_tried(database)
    trials = [await tried.begin(advice) for advice in (ADVICE, "Count the rows")]
    ids = [trial.subject.ids[0] for trial in trials]
    async with database.connection() as connection:
        for trial in trials:
            await decide(connection, trial.id, "end", "user", tried.now)
        policy = (await read_policy(connection, tried.store_id)).live
        lessons = await read_lessons(connection, tried.store_id, ids)
        bundle = await begin_trial(connection, tried.store_id, lessons, policy, tried.now, by="user")
        with pytest.raises(ConflictError, match=f"in a trial already \\({bundle.id}\\)"):
            await try_lesson(connection, tried.store_id, ids[0], policy, tried.now, "user")


async def test_advice_that_was_adopted_and_is_given_again_keeps_its_document_and_gets_a_hidden_share(
    database: Database,
) -> None:
    tried = await open_tried(database)
    first = await tried.begin()
    async with database.connection() as connection:
        await decide(connection, first.id, "adopt", "user", tried.now)
    again = await tried.begin()
    assert again.state == "adopted" and len(await tried.paths()) == 1
    async with database.connection() as connection:
        (lesson,) = await read_lessons(connection, tried.store_id, again.subject.ids)
    assert lesson.status == "adopted"


def test_evidence_beyond_all_numbers_can_be_told_in_json() -> None:
    shown, hidden = Arm(900, 900, 900.0), Arm(900, 900, 0.0)
    capital = capital_of(np.full(1800, 2.0), np.full(1800, 0.5))
    tally = Tally(resolved_through=1800, rows=1800, shown=shown, hidden=hidden, capital=capital)
    trial = holdout_trial("memstore_1", LivePolicy(memory_holdout=0.5), START)
    numbers = numbers_of(trial, tally, (), START)
    assert capital.e_benefit == math.inf and numbers.e_benefit == LARGEST
    assert msgspec.json.decode(msgspec.json.encode(numbers), type=Numbers) == numbers
    assert [in_words(value) for value in (19.6, LARGEST)] == ["20", "1e+300"]


async def test_the_document_of_advice_that_no_dream_compared_has_its_reason_and_no_empty_table(
    database: Database,
) -> None:
    tried = await open_tried(database)
    trial = await tried.begin()
    async with database.connection() as connection:
        await decide(connection, trial.id, "adopt", "user", tried.now)
        rows = await connection.execute("SELECT content FROM memories WHERE memory_store_id = %s", [tried.store_id])
        ((content,),) = await rows.fetchall()
    assert f"## Why\n\nDecided by a person (trial {trial.id}).\n\n## Where seen" in content
