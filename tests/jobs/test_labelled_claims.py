"""From stored labels and a metric that all sessions have to confirmed claims; and the library's calls for labels."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from reverie.clock import ManualClock
from reverie.dreams.policy import DreamPolicy
from reverie.errors import InputError
from reverie.jobs.labelled_claims import read_claims
from reverie.library import AsyncReverie
from reverie.outcomes.metric import Metric
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.labels import find_frame
from reverie.storage.sessions.scores import read_scores
from tests.dreams.small_desk import small_desk

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def test_labels_of_a_few_sessions_confirm_what_a_metric_of_all_suggests(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    home = AsyncReverie(database, settings, ManualClock(NOW))
    await home.import_sessions([small_desk(tmp_path / "desk.jsonl")])
    await home.define_metric(Metric("checked", weight=0))
    await home.dream("desk")
    for _ in range(120):
        task = await home.next_label("checked")
        assert task is not None
        async with database.connection() as connection:
            reward, _ = await read_scores(connection, task.session_id)
        answered = await home.label(task.session_id, reward, "checked")
    assert (answered.progress.answered, answered.progress.sessions) == (120, 600)
    async with database.connection() as connection:
        frame = await find_frame(connection, "checked", None)
    told = await read_claims(database, frame, ("reward",), DreamPolicy())
    assert (told.labels, told.sessions) == (120, 600)
    (confirmed,) = [claim for claim in told.claims if claim.confirmed]
    assert confirmed.hypothesis.name_text == "call:verify"
    assert confirmed.effect is not None
    assert confirmed.effect.low < 0.5 < confirmed.effect.high
    with pytest.raises(InputError, match="no session has a value of 'nothing'"):
        await read_claims(database, frame, ("nothing",), DreamPolicy())
