"""What else an erasure touches or leaves: grades, briefings of other sessions, what a person has to look at."""

from collections.abc import Sequence

from reverie.storage.erasure.erasure import user_names
from reverie.storage.erasure.report import ErasureRequest
from reverie.storage.postgres.database import Connection
from reverie.whole_ids import names_any

_CONDITIONS = """
WITH told (name, condition) AS (
    SELECT 'dream ' || id, request ->> 'where' FROM dreams
    UNION ALL SELECT 'the dream schedule of ' || memory_store_id, request ->> 'where' FROM dream_schedules
    UNION ALL SELECT 'the label frame of ' || metric, condition FROM label_frames
)
SELECT name, condition FROM told
WHERE EXISTS (SELECT FROM unnest(%(users)s::text[]) AS one WHERE strpos(condition, one) > 0)
ORDER BY name
"""


async def blank_grades(connection: Connection, contents: Sequence[str]) -> int:
    """Take out what graders said of these contents, by hash; what that has cost still counts. How many."""
    done = await connection.execute(
        "UPDATE grades SET state = 'failed', grade = NULL, problem = 'the session is erased'"
        " WHERE content_sha256 = ANY (%s) AND state <> 'asked'",
        [list(contents)],
    )
    return done.rowcount


async def blank_briefings(connection: Connection, subjects: Sequence[str], versions: Sequence[str]) -> list[str]:
    """Blank the briefings of other sessions that showed these lessons, memories or versions; the sessions' ids."""
    rows = await connection.execute(
        """
        WITH shown AS (
            SELECT DISTINCT session_key FROM exposures
            WHERE subject = ANY (%(subjects)s) OR version = ANY (%(versions)s)
        ), blanked AS (
            UPDATE session_briefings b SET text = '' FROM shown WHERE b.session_key = shown.session_key
        )
        SELECT s.id FROM sessions s JOIN shown ON s.key = shown.session_key ORDER BY s.id
        """,
        {"subjects": list(subjects), "versions": list(versions)},
    )
    ids = [session_id for (session_id,) in await rows.fetchall()]
    await connection.execute(
        "UPDATE briefings SET text = '' WHERE EXISTS (SELECT FROM unnest(%s::text[]) AS sought"
        " WHERE strpos(shown::text, sought) > 0)",
        [[*subjects, *versions]],
    )
    return ids


async def what_is_left(connection: Connection, request: ErasureRequest, lesson_ids: Sequence[str]) -> list[str]:
    """What stays and a person has to look at, in sentences."""
    left = []
    rows = await connection.execute(
        "SELECT agent_id, candidate_version FROM self_changes WHERE lesson_ids && %s::text[] ORDER BY 1, 2",
        [list(lesson_ids)],
    )
    for agent_id, version in await rows.fetchall():
        left.append(
            f"version {version} of agent {agent_id} carries a lesson that changed; give the agent a version without it"
        )
    if request.user_id is not None:
        users = await user_names(connection, request.user_id)
        found = await (await connection.execute(_CONDITIONS, {"users": users})).fetchall()
        named = [name for name, condition in found if names_any(condition, users, anywhere=True)]
        left += [f"the condition of {name} names the user; make it anew without" for name in named]
    return left
