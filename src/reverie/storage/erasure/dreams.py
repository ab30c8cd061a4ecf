"""The dreams of an erasure: what they kept of sessions, and their results without them."""

from collections.abc import Collection, Sequence

import msgspec

from reverie.dreams.dream import DreamResult
from reverie.dreams.without_sessions import without_sessions
from reverie.lessons.retelling import Label
from reverie.storage.postgres.database import Connection

# Whose tags have changed since is not known, so a dream counts as having read whatever was there for it to read.
_MAY_HAVE_READ = """
SELECT id FROM dreams WHERE (last_session_key >= %(lowest)s AND (
        request ->> 'session_ids' IS NULL OR request -> 'session_ids' ?| %(erased)s
    )) OR EXISTS (SELECT FROM unnest(%(erased)s::text[]) AS cited WHERE strpos(result::text, cited) > 0)
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
    rows = await connection.execute(_MAY_HAVE_READ, {"lowest": lowest_key, "erased": list(erased)})
    ids = [dream_id for (dream_id,) in await rows.fetchall()]
    for dream_id in ids:
        row = await connection.execute("SELECT result::text FROM dreams WHERE id = %s", [dream_id])
        ((text,),) = await row.fetchall()
        result = None
        if text is not None:
            stored = msgspec.json.decode(text, type=DreamResult)
            result = msgspec.json.encode(without_sessions(stored, erased, gone, lines)).decode()
        await connection.execute(_BLANK, {"id": dream_id, "result": result, "erased": list(erased)})
    return ids
