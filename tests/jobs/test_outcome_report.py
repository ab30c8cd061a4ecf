"""What an agent says of its own session is recorded, and no more than that."""

import pytest
from pytest import raises

from reverie.clock import SystemClock
from reverie.digests.ending import stated_cause
from reverie.errors import InputError, NotFoundError
from reverie.jobs.external_briefing import BriefingRequest, give_briefing
from reverie.jobs.outcome_report import METRIC, ReportedOutcome, report_outcome
from reverie.outcomes.metric import Metric
from reverie.sessions.session import Score
from reverie.sessions.stated_end import stated_end
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.scores import define_metric, score_session
from tests.jobs.tried import START, open_tried


async def report(database: Database, settings: Settings, reference: str, score: float) -> ReportedOutcome:
    return await report_outcome(database, settings, SystemClock(), reference, score, note="It went so.")


async def test_a_session_that_is_here_is_scored_and_what_tests_said_of_it_stands(
    database: Database, settings: Settings
) -> None:
    await (await open_tried(database)).session()
    assert await report(database, settings, "sesn_00001", 0.5) == ReportedOutcome("sesn_00001", 0.5, False)
    async with database.connection() as connection:
        assert await score_session(connection, "sesn_00001", [Score("reward", 0.0)]) == 0.0
    assert (await report(database, settings, "sesn_00001", 1)).reward == 0.0


@pytest.mark.parametrize("by_id", [True, False], ids=["by the briefing's id", "by the reference"])
async def test_a_briefing_without_a_session_gets_one_that_dreams_leave_out(
    database: Database, settings: Settings, by_id: bool
) -> None:
    tried = await open_tried(database)
    async with database.connection() as connection:
        given = await give_briefing(connection, BriefingRequest([tried.store_id], reference="run-1"), START)
    reference = given.id if by_id else "run-1"
    first = await report(database, settings, reference, 0.25)
    assert first == ReportedOutcome(f"outcome-{given.id}", 0.25, True)
    assert await report(database, settings, "run-1", 1) == ReportedOutcome(first.session_id, 1.0, False)
    async with database.connection() as connection:
        rows = await connection.execute("SELECT metadata FROM sessions")
        ((metadata,),) = await rows.fetchall()
        assert metadata == {"reverie_briefing": given.id, "termination": "the harness recorded the outcome alone"}
        assert stated_cause(*stated_end(metadata)) == "cut_off"
        await define_metric(connection, Metric(METRIC, weight=0.0))
    assert (await report(database, settings, "run-1", 0.5)).reward is None


async def test_what_cannot_be_recorded_is_said(database: Database, settings: Settings) -> None:
    with raises(NotFoundError, match="by 'nobody'; ask for a briefing first"):
        await report(database, settings, "nobody", 1)
    for score in (-0.1, 1.1, float("nan"), float("inf")):
        with raises(InputError, match="is not between 0"):
            await report(database, settings, "nobody", score)
