"""The stage that describes: patterns of the other kinds."""

import asyncio

from reverie.dreams.dream import SessionCounts
from reverie.jobs.stages.stage import Stage
from reverie.overview.description import describe_sessions
from reverie.overview.wording import sessions_to_read
from reverie.storage.learning.dreams import latest_overview, write_overview
from reverie.storage.learning.session_table import read_agent_texts


async def describe_patterns(stage: Stage, counts: SessionCounts) -> None:
    """Look for patterns; an earlier overview is kept while its sessions are what they were and hardly any was added.

    Where many digests were made anew, as after an upgrade, it is not.
    """
    runtime, sessions = stage.runtime, counts.read
    async with stage.opened() as dream:
        known = await latest_overview(dream.connection, dream.row)
    most_new = 0.0 if known is None else known[1] * runtime.policy.overview_growth
    if known is not None and max(sessions - known[1], counts.new) <= most_new:
        overview, described = known
    else:
        table = await dream.table()
        texts = await read_agent_texts(runtime.database, table, sessions_to_read(table))
        overview, described = await asyncio.to_thread(describe_sessions, table, texts), sessions
    async with runtime.database.connection() as connection:
        await write_overview(connection, stage.dream_id, overview, described)
