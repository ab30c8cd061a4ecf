"""Whether what an erasure names is known here; what nobody knows is misspelt more likely than gone."""

from collections.abc import Collection, Sequence

from reverie.errors import NotFoundError
from reverie.storage.erasure.naming import in_json, longer_ids
from reverie.storage.erasure.report import ErasureRequest
from reverie.storage.postgres.database import Connection
from reverie.whole_ids import names_any

NEVER = 2**63 - 1
"""A key that no session has."""
# Where the id of a session stays when the session is deleted.
_BY_ID = """
SELECT DISTINCT sought.id FROM unnest(%(ids)s::text[]) AS sought (id)
WHERE EXISTS (SELECT FROM erasures e WHERE sought.id = ANY (e.session_ids))
    OR EXISTS (SELECT FROM session_renumberings r WHERE sought.id IN (r.session_id, r.new_session_id))
    OR EXISTS (SELECT FROM received_sessions r WHERE r.session_id = sought.id)
    OR EXISTS (SELECT FROM files f WHERE f.session_id = sought.id)
    OR EXISTS (SELECT FROM briefings b WHERE b.reference = sought.id)
    OR EXISTS (SELECT FROM trial_assignments t WHERE t.reference = sought.id)
    OR EXISTS (SELECT FROM audit_log a WHERE a.resource_id = sought.id)
    OR EXISTS (SELECT FROM memory_versions v WHERE v.created_by ->> 'session_id' = sought.id)
    OR EXISTS (SELECT FROM dreams d WHERE d.request -> 'session_ids' ? sought.id)
"""
_IN_TEXT = """
SELECT to_jsonb(v.content) FROM memory_versions v WHERE strpos(v.content, %(id)s) > 0
UNION ALL SELECT lesson FROM lessons WHERE strpos(lesson::text, %(in_json)s) > 0
UNION ALL SELECT result FROM dreams WHERE strpos(result::text, %(in_json)s) > 0
"""
_USER = "SELECT EXISTS (SELECT FROM sessions WHERE user_id = ANY (%s))"
_AGENT = """
SELECT EXISTS (SELECT FROM agents WHERE id = %(agent)s)
    OR EXISTS (SELECT FROM agent_versions WHERE definition ->> 'name' = %(agent)s)
    OR EXISTS (SELECT FROM sessions WHERE agent = %(agent)s)
"""
# A former erasure took out what the dreams until then had read, unless the session came back and was deleted since.
_LOWEST = """
SELECT sought.id, (
    SELECT CASE
        WHEN e.state = 'running' THEN e.lowest_key
        WHEN EXISTS (SELECT FROM audit_log a WHERE a.resource_id = sought.id AND a.at > e.ended_at) THEN 0
        ELSE %(never)s
    END
    FROM erasures e WHERE sought.id = ANY (e.session_ids) ORDER BY e.created_at DESC LIMIT 1
) FROM unnest(%(ids)s::text[]) AS sought (id)
"""
_ASKED_BEFORE = "SELECT EXISTS (SELECT FROM erasures WHERE subject_hash = %s)"


async def refuse_unknown(
    connection: Connection,
    request: ErasureRequest,
    subject: str,
    users: Sequence[str],
    stored: Collection[str],
    called_in: Collection[int],
) -> None:
    """See that every session, the user and the agent are known here, or that the same was asked for before.

    Args:
        subject: the hash of the request.
        users: the user's id as it may be stored.
        stored: ids of the sessions that were found.
        called_in: keys of the sessions in which the agent was called in.

    Raises:
        NotFoundError: one is not; by its name.
    """
    if await _is(connection, _ASKED_BEFORE, [subject]):
        return
    unknown = await _unknown_sessions(connection, [each for each in request.session_ids if each not in stored])
    problems = [f"no session {each!r}, nor anything that came from it" for each in unknown]
    if request.user_id is not None and not await _is(connection, _USER, [list(users)]):
        problems.append(f"no session of a user {request.user_id!r}")
    if request.agent is not None and not called_in and not await _is(connection, _AGENT, {"agent": request.agent}):
        problems.append(f"no agent {request.agent!r}, nor a session of it")
    if problems:
        raise NotFoundError(f"there is {'; '.join(problems)}; nothing is erased; see how it is spelt, or leave it out")


async def lowest_key(connection: Connection, missing: Sequence[str]) -> int:
    """No dream before the session of this key can have read any of these sessions, which are not stored."""
    rows = await connection.execute(_LOWEST, {"ids": list(missing), "never": NEVER})
    # Of one that was deleted otherwise nobody knows which dreams have read it.
    return min((0 if key is None else int(key) for _, key in await rows.fetchall()), default=NEVER)


async def _unknown_sessions(connection: Connection, missing: Sequence[str]) -> list[str]:
    known = {each for (each,) in await (await connection.execute(_BY_ID, {"ids": list(missing)})).fetchall()}
    unnamed = [each for each in dict.fromkeys(missing) if each not in known]
    return [each for each in unnamed if not await _is_named(connection, each)]


async def _is_named(connection: Connection, session_id: str) -> bool:
    rows = await connection.execute(_IN_TEXT, {"id": session_id, "in_json": in_json([session_id])[0]})
    found = await rows.fetchall()
    longer = await longer_ids(connection, [session_id]) if found else []
    return any(names_any(value, [session_id], longer) for (value,) in found)


async def _is(connection: Connection, query: str, parameters: Sequence[object] | dict[str, object]) -> bool:
    ((answer,),) = await (await connection.execute(query.encode(), parameters)).fetchall()
    return bool(answer)
