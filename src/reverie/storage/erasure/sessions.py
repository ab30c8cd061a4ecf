"""The first part of an erasure: the sessions themselves, and whatever is kept by their ids."""

from collections.abc import Collection, Sequence

import numpy as np

from reverie.storage.erasure.erasure import Erasure, keep_progress
from reverie.storage.erasure.naming import in_json, longer_ids
from reverie.storage.erasure.report import ErasedSession, Progress
from reverie.storage.postgres.database import DEFAULT_SCHEMA, Connection
from reverie.storage.sessions.received import forget_session
from reverie.whole_ids import names_any

AT_ONCE = 100
"""Sessions erased in one transaction."""
OF_A_SESSION = (
    *("events", "scores", "digests", "live_sessions", "session_inputs", "session_threads", "turn_leases"),
    *("model_replies", "thread_contexts", "session_briefings", "exposures", "rule_firings", "label_tasks"),
    *("reservations", "trial_assignments", "session_views", "delegations", "delegation_reads", "cross_checks"),
    "part_scores",
)
"""Tables whose rows go with their session, by ``session_key``."""
# What is kept by a session's id, and not by its key.
_BY_ID = {
    "session_renumberings": """
        DELETE FROM session_renumberings WHERE session_id = ANY (%(ids)s) OR new_session_id = ANY (%(ids)s)
        """,
    "received_sessions": "DELETE FROM received_sessions WHERE session_id = ANY (%(ids)s)",
    "files": "DELETE FROM files WHERE session_id = ANY (%(ids)s)",
    "briefings": "DELETE FROM briefings WHERE reference = ANY (%(ids)s)",
    "trial_assignments": "DELETE FROM trial_assignments WHERE session_key IS NULL AND reference = ANY (%(ids)s)",
}
_DELIVERIES = """
SELECT DISTINCT id, event FROM webhook_deliveries WHERE EXISTS
    (SELECT FROM unnest(%s::text[]) AS sought WHERE strpos(event::text, sought) > 0)
"""
_REVOKE = f"""
DELETE FROM {DEFAULT_SCHEMA}.api_keys WHERE session_id = ANY (%(ids)s)
    AND workspace_id = (SELECT id FROM {DEFAULT_SCHEMA}.workspaces WHERE schema = current_schema())
"""


async def next_sessions(connection: Connection, session_ids: Collection[str]) -> list[tuple[int, str, str]]:
    """Key, id and hash of the next sessions to erase, held; empty when none is left."""
    rows = await connection.execute(
        "SELECT key, id, content_sha256 FROM sessions WHERE id = ANY (%s) ORDER BY key LIMIT %s FOR UPDATE",
        [list(session_ids), AT_ONCE],
    )
    return await rows.fetchall()


async def erase_sessions(connection: Connection, erasure: Erasure, found: Sequence[tuple[int, str, str]]) -> None:
    """Delete these sessions with what hangs on them, and record that in the same transaction."""
    keys, ids = [key for key, _, _ in found], [session_id for _, session_id, _ in found]
    codes = set(erasure.progress.codes) | await _shown_codes(connection, keys)
    rows = dict(erasure.progress.rows)
    for table in OF_A_SESSION:
        query = f"SELECT count(*) FROM {table} WHERE session_key = ANY (%s)"
        ((count,),) = await (await connection.execute(query.encode(), [keys])).fetchall()
        rows[table] = rows.get(table, 0) + count
    for session_id in ids:
        await forget_session(connection, session_id)
    await connection.execute("DELETE FROM sessions WHERE key = ANY (%s)", [keys])
    rows["sessions"] = rows.get("sessions", 0) + len(ids)
    done = (*erasure.progress.sessions, *(ErasedSession(session_id, sha256) for _, session_id, sha256 in found))
    await keep_progress(connection, erasure.id, Progress(done, rows, tuple(sorted(codes))))


async def erase_by_ids(connection: Connection, session_ids: Collection[str]) -> dict[str, int]:
    """Delete what is kept by the ids of sessions, whether they are stored or were deleted before; rows by table."""
    rows = {}
    for table, query in {**_BY_ID, "api_keys": _REVOKE}.items():
        rows[table] = (await connection.execute(query.encode(), {"ids": list(session_ids)})).rowcount
    longer = await longer_ids(connection, session_ids)
    found = await (await connection.execute(_DELIVERIES, [in_json(session_ids)])).fetchall()
    told = [delivery for delivery, event in found if names_any(event, session_ids, longer)]
    done = await connection.execute("DELETE FROM webhook_deliveries WHERE id = ANY (%s)", [told])
    rows["webhook_deliveries"] = done.rowcount
    return rows


async def take_gone_behaviours(connection: Connection, codes: Collection[int]) -> set[tuple[str, str]]:
    """Delete the behaviours of ``codes`` that no digest shows any more; their situations and names."""
    # Whoever stores digests has looked up codes in the same transaction: it is waited for.
    await connection.execute("LOCK TABLE behaviours IN SHARE ROW EXCLUSIVE MODE")
    left = set(codes)
    async with connection.cursor(name="digests_left", binary=True) as cursor:
        await cursor.execute("SELECT codes, actions FROM digests")
        async for packed, actions in cursor:
            if not left:
                break
            left.difference_update(np.frombuffer(packed + actions, "<i4").tolist())
    rows = await connection.execute(
        "DELETE FROM behaviours WHERE code = ANY (%s) RETURNING situation, name", [sorted(left)]
    )
    return set(await rows.fetchall())


async def _shown_codes(connection: Connection, keys: Sequence[int]) -> set[int]:
    cursor = connection.cursor(binary=True)
    await cursor.execute("SELECT codes, actions FROM digests WHERE session_key = ANY (%s)", [list(keys)])
    return {int(code) for packed, actions in await cursor.fetchall() for code in np.frombuffer(packed + actions, "<i4")}
