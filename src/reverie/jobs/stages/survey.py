"""The first stage: what there is to read, and where the result goes."""

import secrets

from reverie.dreams.dream import SessionCounts
from reverie.jobs.stages.stage import OpenDream, Stage
from reverie.storage.learning.digests import count_undigested, measure_segment
from reverie.storage.learning.dreams import check_inputs, set_running
from reverie.storage.memory.clone import clone_store
from reverie.storage.postgres.installation import redaction_key
from reverie.storage.postgres.outbox import WebhookNotice, write_notices
from reverie.storage.postgres.workspaces import workspace_here


async def survey_sessions(stage: Stage) -> SessionCounts:
    """Count what there is to read; later stages see the same sessions."""
    async with stage.opened() as dream:
        connection = dream.connection
        await check_inputs(connection, dream.row)
        if stage.runtime.settings.redaction:
            await redaction_key(connection, secrets.token_bytes(32))
        await _make_output(dream)
        size = await measure_segment(connection, dream.segment, dream.last_session_key)
        new = await count_undigested(connection, dream.reading_segment, dream.last_session_key)
        await set_running(connection, stage.dream_id)
    return SessionCounts(size.sessions, new, size.scored)


async def _make_output(dream: OpenDream) -> None:
    """Clone the store, where the dream is to leave the original alone."""
    connection, row, now = dream.connection, dream.row, dream.runtime.clock.now()
    if not row.request.clone or row.has_output:
        return
    await clone_store(connection, row.request.store, row.memory_store_id, row.id, row.writer, now)
    notice = WebhookNotice("memory_store.created", row.memory_store_id)
    await write_notices(connection, [notice], await workspace_here(connection), now)
