"""Trials of advice: who is shown it, what outcomes decide, and what nobody but a person may."""

from collections.abc import AsyncIterator
from random import Random

import pytest
import pytest_asyncio

from reverie.errors import ConflictError, StateError
from reverie.jobs.external_briefing import BriefingRequest, give_briefing
from reverie.jobs.trials import bring_up_to_date, decide, undo
from reverie.memory.memory import Edit
from reverie.outcomes.metric import Metric
from reverie.storage.live.external_briefings import read_external_briefing
from reverie.storage.live.trials import list_decisions, read_trial
from reverie.storage.memory.memories import apply_edits
from reverie.storage.memory.stores import archive_store, delete_store
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.scores import define_metric
from tests.jobs.tried import ADVICE, Tried, chances, insert_session, open_tried, score


@pytest_asyncio.fixture
async def tried(database: Database) -> AsyncIterator[Tried]:
    """A store whose trials outcomes decide."""
    yield await open_tried(database)


async def test_about_half_of_the_sessions_are_shown_advice_in_trial_and_it_is_no_document(tried: Tried) -> None:
    await tried.begin()
    shown = await tried.sessions(60, lambda seen: 1.0)  # noqa: ARG005
    assert 15 < shown < 45
    assert await tried.paths() == []


async def test_harm_is_rolled_back_and_the_lesson_says_so(tried: Tried) -> None:
    trial = await tried.begin()
    await tried.sessions(160, chances(Random(1), hidden=0.9, shown=0.3))
    outcome = await tried.look(trial.id)
    assert outcome is not None and outcome.decision is not None
    assert (outcome.trial.state, outcome.decision.act, outcome.decision.by) == ("rolled_back", "roll_back", "auto")
    assert outcome.decision.reason.startswith("it does harm: effect -0.")
    assert ADVICE not in (await tried.session()).text
    assert [notice.type for notice in outcome.notices] == ["trial.rolled_back"]


async def test_what_helps_is_adopted_as_a_document_and_keeps_a_hidden_share(tried: Tried) -> None:
    trial = await tried.begin()
    await tried.sessions(200, chances(Random(2), hidden=0.2, shown=0.95))
    outcome = await tried.look(trial.id)
    assert outcome is not None and outcome.trial.state == "adopted"
    (path,) = await tried.paths()
    assert path.startswith("/lessons/best-practices/")
    shown = await tried.sessions(100, chances(Random(3), hidden=0.2, shown=0.95))
    assert 70 <= shown < 100


async def test_late_harm_of_an_adopted_lesson_takes_its_document_away(tried: Tried) -> None:
    await tried.set_policy(hidden_share=0.4, hidden_share_later=0.4)
    trial = await tried.begin()
    async with tried.database.connection() as connection:
        adopted = await decide(connection, trial.id, "adopt", "user", tried.now)
    assert adopted.trial.state == "ended"  # a person's word stands, whatever outcomes say
    again = await _adopted(tried, "Never look at the schema")
    await tried.sessions(150, chances(Random(4), hidden=0.95, shown=0.2), "Never look at the schema")
    outcome = await tried.look(again)
    assert outcome is not None and outcome.trial.state == "rolled_back"
    assert len(await tried.paths()) == 1


async def _adopted(tried: Tried, advice: str) -> str:
    """A trial that outcomes adopted, and which goes on with a hidden share."""
    await tried.set_policy(hidden_share=0.4, hidden_share_later=0.4, horizon_exposures=1)
    trial = await tried.begin(advice)
    await tried.session(1.0)
    outcome = await tried.look(trial.id)
    assert outcome is not None and outcome.trial.state == "adopted"
    return trial.id


async def test_a_document_that_a_person_changed_is_left_to_them(tried: Tried) -> None:
    trial_id = await _adopted(tried, ADVICE)
    await tried.sessions(150, chances(Random(4), hidden=0.95, shown=0.2))
    await _edited_by_a_person(tried)
    outcome = await tried.look(trial_id)
    assert outcome is not None and outcome.trial.state == "rolled_back"
    assert "needs review" in outcome.trial.reason
    assert len(await tried.paths()) == 1
    assert "trial.needs_review" in [notice.type for notice in outcome.notices]


async def _edited_by_a_person(tried: Tried) -> None:
    (path,) = await tried.paths()
    async with tried.database.connection() as connection:
        edit = Edit(path, "# Mine now", "by hand")
        await apply_edits(connection, tried.store_id, [edit], act="write", actor="user", reason="", now=tried.now)


async def test_a_trial_ends_when_a_person_takes_its_document_over(tried: Tried) -> None:
    trial_id = await _adopted(tried, ADVICE)
    await _edited_by_a_person(tried)
    outcome = await tried.look(trial_id)
    assert outcome is not None and (outcome.trial.state, len(await tried.paths())) == ("ended", 1)


@pytest.mark.parametrize("mode", ["observe", "off"])
async def test_outcomes_are_only_noted_where_they_may_not_decide(tried: Tried, mode: str) -> None:
    trial = await tried.begin()
    await tried.sessions(160, chances(Random(1), hidden=0.9, shown=0.3))
    await tried.set_policy(mode=mode)
    outcome = await tried.look(trial.id)
    assert outcome is not None
    assert (outcome.trial.state, outcome.decision, outcome.notices) == ("trial", None, ())
    async with tried.database.connection() as connection:
        noted = (await read_trial(connection, trial.id)).proposal
    assert noted is not None and noted["act"] == "roll_back"


async def test_where_a_person_is_to_decide_they_are_asked_once(tried: Tried) -> None:
    trial = await tried.begin()
    await tried.sessions(160, chances(Random(1), hidden=0.9, shown=0.3))
    await tried.set_policy(mode="ask")
    told = [outcome.notices for _ in range(2) if (outcome := await tried.look(trial.id)) is not None]
    assert [[notice.type for notice in notices] for notices in told] == [["trial.decision_needed"], []]
    async with tried.database.connection() as connection:
        decided = await decide(connection, trial.id, "roll_back", "user", tried.now, note="seen it")
    assert (decided.trial.state, decided.trial.proposal) == ("rolled_back", None)
    assert await tried.look(trial.id) is None


async def test_a_person_takes_back_what_was_decided(tried: Tried) -> None:
    trial = await tried.begin()
    await tried.sessions(160, chances(Random(1), hidden=0.9, shown=0.3))
    await tried.look(trial.id)
    async with tried.database.connection() as connection:
        undone = await undo(connection, trial.id, "user", tried.now)
        decisions = await list_decisions(connection, trial.id)
    assert undone.trial.state == "ended"
    assert await tried.paths() == []  # it was never adopted, and is not by taking back what took it away
    assert [(one.act, one.by, one.undone_by) for one in decisions] == [
        ("roll_back", "auto", "user"),
        ("end", "user", None),
    ]
    async with tried.database.connection() as connection:
        with pytest.raises(StateError):
            await undo(connection, trial.id, "user", tried.now)


async def test_a_missing_score_waits_for_its_deadline_and_then_says_nothing(tried: Tried) -> None:
    trial = await tried.begin()
    await tried.session()
    await tried.sessions(3, lambda seen: 1.0)  # noqa: ARG005
    first = await tried.look(trial.id)
    assert first is not None and (first.verdict.numbers.sessions, first.verdict.numbers.waiting) == (0, 4)
    tried.later(minutes=8 * 24 * 60)
    second = await tried.look(trial.id)
    assert second is not None and second.verdict.numbers.sessions == 4
    assert sum(second.verdict.numbers.missing) == 1


async def test_kept_sums_are_what_adding_all_anew_gives_also_after_corrections_and_deletions(tried: Tried) -> None:
    trial = await tried.begin()
    for step in range(4):
        await tried.sessions(10, chances(Random(step), hidden=0.5, shown=0.6))
        await tried.look(trial.id)
    async with tried.database.connection() as connection:
        await score(connection, "sesn_00003", 0.25)
        await score(connection, "sesn_00004", None)
        await connection.execute("DELETE FROM sessions WHERE id = 'sesn_00007'")
    tried.later(minutes=8 * 24 * 60)
    await tried.look(trial.id)
    async with tried.database.connection() as connection:
        kept = (await read_trial(connection, trial.id)).tally
        await connection.execute("UPDATE trials SET tally = '{}'")
        anew, _ = await bring_up_to_date(connection, await read_trial(connection, trial.id), tried.now)
    assert (kept.rows, kept.shown, kept.hidden) == (anew.rows, anew.shown, anew.hidden) and kept.rows == 39
    assert kept.capital.total == pytest.approx(anew.capital.total)
    assert kept.capital.harm == pytest.approx(anew.capital.harm)


async def test_a_look_checks_a_stretch_of_what_was_counted_and_the_next_one_goes_on_from_there(tried: Tried) -> None:
    trial = await tried.begin()
    await tried.sessions(30, chances(Random(1), hidden=0.5, shown=0.6))
    await tried.look(trial.id)
    seen = []
    async with tried.database.connection() as connection:
        before = (await read_trial(connection, trial.id)).tally.capital.total
        await score(connection, "sesn_00025", 0.25)
        for _ in range(3):
            row = await read_trial(connection, trial.id)
            tally, _ = await bring_up_to_date(connection, row, tried.now, check=10)
            seen.append((tally.checked_through, tally.capital.total != before))
    assert seen == [(10, False), (20, False), (0, True)]


async def test_a_trial_ends_when_what_a_reward_is_made_of_changes(tried: Tried) -> None:
    trial = await tried.begin()
    await tried.sessions(3, lambda seen: 1.0)  # noqa: ARG005
    async with tried.database.connection() as connection:
        await define_metric(connection, Metric("speed", "maximize", "", 0.0, 1.0, 1.0))
    outcome = await tried.look(trial.id)
    assert outcome is not None and outcome.trial.state == "ended"
    assert "what a reward is made of was changed" in outcome.trial.reason


async def test_a_trial_ends_with_its_store(tried: Tried) -> None:
    trial = await tried.begin()
    async with tried.database.connection() as connection:
        await archive_store(connection, tried.store_id, tried.now)
    outcome = await tried.look(trial.id)
    assert outcome is not None and (outcome.trial.state, outcome.trial.reason) == (
        "ended",
        "its memory store was archived",
    )


async def test_all_sessions_of_a_user_are_alike_and_the_first_counts(tried: Tried) -> None:
    await tried.set_policy(unit="user")
    trial = await tried.begin()
    for user in ("ann", "bob"):
        texts = {(await tried.session(1.0, user=user)).text for _ in range(5)}
        assert len(texts) == 1
    outcome = await tried.look(trial.id)
    assert outcome is not None and outcome.verdict.numbers.sessions == 2


async def test_a_session_takes_part_in_so_many_trials_and_no_more(tried: Tried) -> None:
    await tried.set_policy(most_in_a_session=2)
    trials = [await tried.begin(f"Do the thing number {number}") for number in range(4)]
    await tried.sessions(20, lambda seen: 1.0)  # noqa: ARG005
    async with tried.database.connection() as connection:
        rows = await connection.execute("SELECT count(*) FROM trial_assignments GROUP BY reference")
        assert {count for (count,) in await rows.fetchall()} == {2}
        exposures = [(await read_trial(connection, trial.id)).exposures for trial in trials]
    assert sum(exposures) == 40 and min(exposures) > 0


async def test_a_decision_that_is_taken_back_leaves_what_stood_before(tried: Tried) -> None:
    trial_id = await _adopted(tried, ADVICE)
    async with tried.database.connection() as connection:
        await decide(connection, trial_id, "roll_back", "user", tried.now)
    assert await tried.paths() == []
    async with tried.database.connection() as connection:
        back = await undo(connection, trial_id, "user", tried.now)
    assert (back.trial.state, len(await tried.paths())) == ("ended", 1)


async def test_a_store_whose_trials_are_off_shows_none_what_is_in_trial_and_all_what_is_adopted(tried: Tried) -> None:
    await _adopted(tried, ADVICE)
    await tried.set_policy(memory_holdout=0.5, shares=[{"from_exposure": 0, "share": 0.9}])
    await tried.begin("Answer in verse")
    await tried.session(1.0)
    await tried.set_policy(mode="off", memory_holdout=0.5)
    texts = [(await tried.session(1.0)).text for _ in range(12)]
    assert all(ADVICE in text and "verse" not in text for text in texts)


async def test_a_session_is_counted_once_and_only_if_it_was_briefed_before_it_came(tried: Tried) -> None:
    trial = await tried.begin()
    async with tried.database.connection() as connection:
        await insert_session(connection, "old", "clerk", None, tried.now)
        tried.later()
        for reference in ("dbl", "old", "other"):
            request = BriefingRequest([tried.store_id], reference=reference)
            given = await give_briefing(connection, request, tried.now)
        key = await insert_session(connection, "dbl", "clerk", None, tried.later())
        named = "jsonb_build_object('reverie_briefing', %s::text)"
        await connection.execute(
            f"UPDATE sessions SET reward = 1, metadata = {named} WHERE key = %s".encode(), [given.id, key]
        )
    outcome = await tried.look(trial.id)
    assert outcome is not None
    async with tried.database.connection() as connection:
        rows = await connection.execute("SELECT count(*) FROM trial_assignments WHERE session_key = %s", [key])
        assert await rows.fetchone() == (1,)


async def test_a_reference_has_one_briefing_whose_text_goes_with_its_store(tried: Tried, database: Database) -> None:
    other = await open_tried(database)
    await _adopted(tried, ADVICE)
    async with tried.database.connection() as connection:
        asked = BriefingRequest([tried.store_id], reference="run 7")
        given = await give_briefing(connection, asked, tried.now)
        with pytest.raises(ConflictError, match="other memory stores"):
            await give_briefing(connection, BriefingRequest([other.store_id], reference="run 7"), tried.now)
        await delete_store(connection, tried.store_id, tried.now)
        assert (await read_external_briefing(connection, given.id)).text == ""


async def test_a_share_of_sessions_is_shown_nothing_at_all(tried: Tried) -> None:
    await _adopted(tried, ADVICE)
    await tried.set_policy(memory_holdout=0.5)
    texts = [(await tried.session(1.0)).text for _ in range(60)]
    assert 25 < texts.count("") < 58


async def test_the_same_subject_is_tried_once_at_a_time(tried: Tried) -> None:
    await tried.begin()
    with pytest.raises(ConflictError, match="is in a trial already"):
        await tried.begin()
