from pathlib import Path

import pytest

from reverie.clock import SystemClock
from reverie.dreams.dream import DreamRequest
from reverie.dreams.policy import DreamPolicy
from reverie.errors import InputError
from reverie.jobs.dream_runtime import Runtime
from reverie.jobs.engine import dream
from reverie.outcomes.metric import Metric
from reverie.sessions.segment import parse_segment
from reverie.settings import Settings
from reverie.storage.learning.digests import load_corpus
from reverie.storage.memory.policies import find_policy, read_policy, write_policy
from reverie.storage.memory.stores import ensure_store
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from tests.dreams.small_desk import small_desk


async def test_a_store_that_is_not_there_yet_has_the_defaults(database: Database) -> None:
    async with database.connection() as connection:
        assert await find_policy(connection, "new") == DreamPolicy()


async def test_what_is_set_is_read_and_the_rest_has_its_default(database: Database) -> None:
    async with database.connection() as connection:
        store = await ensure_store(connection, "desk", SystemClock().now())
        await write_policy(connection, store.id, b'{"mining": {"least_effect": 0.1}, "where": "agent = \'desk\'"}')
        policy = await read_policy(connection, store.id)
    assert (policy.mining.least_effect, policy.mining.discovery_fdr) == (0.1, 0.2)
    assert policy.where == "agent = 'desk'"


async def test_a_policy_with_the_former_name_of_a_setting_is_read_and_kept_under_the_new_one(
    database: Database,
) -> None:
    former, stored = b'{"colleague": {"pairs": 3}}', "SELECT policy FROM memory_stores WHERE id = %s"
    async with database.connection() as connection:
        store = await ensure_store(connection, "desk", SystemClock().now())
        assert (await write_policy(connection, store.id, former)).assistant.pairs == 3
        row = await (await connection.execute(stored, [store.id])).fetchone()
        assert row == ({"assistant": {"pairs": 3}},)
        await connection.execute("UPDATE memory_stores SET policy = %s::jsonb", [former.decode()])
        assert (await read_policy(connection, store.id)).assistant.pairs == 3


@pytest.mark.parametrize(
    "wrong", [b'{"colleague": {}, "assistant": {}}', b'{"mining": {"least": 1}}', b'{"metrics": 3}', b"not json"]
)
async def test_unknown_or_misshapen_settings_are_refused(database: Database, wrong: bytes) -> None:
    async with database.connection() as connection:
        store = await ensure_store(connection, "desk", SystemClock().now())
        with pytest.raises(InputError, match="policy: "):
            await write_policy(connection, store.id, wrong)


async def test_a_store_may_have_metrics_of_its_own(database: Database, settings: Settings, tmp_path: Path) -> None:
    path = small_desk(tmp_path / "desk.jsonl", tasks=3)
    await import_sessions(database, settings, [path], ImportOptions(), SystemClock(), lambda _: None)
    turned = Metric("reward", direction="minimize")
    runtime = Runtime(database, settings, DreamPolicy(metrics=(turned,)), SystemClock(), lambda *_: None)
    await dream(runtime, DreamRequest("desk"))
    async with database.connection() as connection:
        plain = await load_corpus(connection, parse_segment(None), 1_000)
        own = await load_corpus(connection, parse_segment(None), 1_000, [turned])
    assert own.reward.tolist() == (1 - plain.reward).tolist()
