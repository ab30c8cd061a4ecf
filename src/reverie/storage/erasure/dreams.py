"""The dreams of an erasure: what they kept of sessions, and their results without them."""

from collections.abc import Collection, Sequence

import msgspec

from reverie.dreams.dream import DreamResult
from reverie.dreams.without_sessions import without_sessions
from reverie.lessons.retelling import Label
from reverie.storage.erasure.naming import in_json, longer_ids
from reverie.storage.postgres.database import Connection
from reverie.whole_ids import names_any

# Whose tags have changed since is not known, so a dream counts as having read whatever was there for it to read.
_MAY_HAVE_READ = """
SELECT * FROM (
    SELECT id, result::text AS result, coalesce(last_session_key >= %(lowest)s AND (
        request ->> 'session_ids' IS NULL OR request -> 'session_ids' ?| %(erased)s
    ), false) AS reads FROM dreams
) d WHERE reads OR EXISTS (SELECT FROM unnest(%(in_json)s::text[]) AS cited WHERE strpos(result, cited) > 0)
ORDER BY id FOR UPDATE
"""
_BLANK = """
UPDATE dreams SET findings = NULL, member_findings = NULL, overview = NULL, described = NULL, consultation = NULL,
    judgement = NULL, wording = NULL, sessions_mark = NULL, result = coalesce(%(result)s::jsonb, result),
    request = CASE WHEN request ->> 'session_ids' IS NULL THEN request ELSE jsonb_set(request, '{session_ids}', (
        SELECT coalesce(jsonb_agg(one), '[]') FROM jsonb_array_elements_text(request -> 'session_ids') AS one
        WHERE one <> ALL (%(erased)s)
    )) END
WHERE id = %(id)s
"""


async def change_dreams(
    connection: Connection, erased: Sequence[str], lowest_key: int, gone: Collection[Label], lines: Sequence[str]
) -> list[str]:
    """Take out of every dream that may have read an erased session what it kept of sessions; the dreams' ids."""
    sought = {"lowest": lowest_key, "erased": list(erased), "in_json": in_json(erased)}
    found = await (await connection.execute(_MAY_HAVE_READ, sought)).fetchall()
    longer = await longer_ids(connection, erased)
    changed = []
    for dream_id, text, reads in found:
        if not reads and not names_any(msgspec.json.decode(text), erased, longer):
            continue
        result = None
        if text is not None:
            stored = msgspec.json.decode(text, type=DreamResult)
            result = msgspec.json.encode(without_sessions(stored, erased, gone, lines)).decode()
        await connection.execute(_BLANK, {"id": dream_id, "result": result, "erased": list(erased)})
        changed.append(dream_id)
    return changed
