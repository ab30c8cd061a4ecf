"""The second stage, batch by batch: sessions without a digest are read by workers, which share a batch."""

import asyncio

from reverie.jobs.digestion import digest_sessions
from reverie.jobs.stages.stage import Stage
from reverie.storage.learning.digests import next_undigested, write_digests

_SESSIONS_PER_CALL = 200


async def digest_batch(stage: Stage, done: int, total: int) -> int:
    """Digest the next batch of sessions, after ``done`` of ``total``; how many there were, 0 at the end."""
    runtime = stage.runtime
    async with stage.opened(done, total) as dream:
        last_key, batch = dream.last_session_key, runtime.policy.digest_batch
        keys = await next_undigested(dream.connection, dream.reading_segment, last_key, batch)
    chunks = [keys[i : i + _SESSIONS_PER_CALL] for i in range(0, len(keys), _SESSIONS_PER_CALL)]
    executor, loop = stage.workers.executor(len(keys)), asyncio.get_running_loop()
    url, embedder = runtime.database.url, runtime.settings.embedder
    waiting = [loop.run_in_executor(executor, digest_sessions, url, chunk, embedder) for chunk in chunks]
    written = done
    try:
        for digests in asyncio.as_completed(waiting):
            rows = await digests
            async with runtime.database.connection() as connection:
                await write_digests(connection, rows)
            written += len(rows.rows)
            runtime.progress(stage.name, written, total)
    finally:
        # The first failure is raised; the others, of the same cause, are waited for and not raised again.
        await asyncio.gather(*waiting, return_exceptions=True)
    return len(keys)
