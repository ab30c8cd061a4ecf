"""Assignments of sessions to the arms of trials, and what became of those sessions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from reverie.storage.live.trials import TrialRow
from reverie.storage.postgres.database import Connection
from reverie.trials.draw import is_shown, predict, share_at
from reverie.trials.trial import Assignment

_EARLIER = 200
"""Sessions that a prediction is made from, at most."""
# What guardrails are measured on; sessions that are recorded elsewhere have what their events say.
MEASURES = """
LATERAL (
    SELECT
        count(*) FILTER (
            WHERE e.type = 'session.error'
                OR (e.type IN ('agent.tool_result', 'user.tool_result') AND e.payload -> 'is_error' = 'true')
        )::float8 AS errors,
        sum((SELECT sum(used.value::float8) FROM jsonb_each_text(e.payload -> 'model_usage') AS used
            WHERE used.key LIKE '%%tokens' AND used.value ~ '^[0-9.]+$')
        ) FILTER (WHERE e.type = 'span.model_request_end') AS tokens,
        sum((e.payload ->> 'cost_usd')::float8) FILTER (WHERE e.type = 'span.model_request_end') AS cost_usd,
        extract(epoch FROM max(e.at) - min(e.at))::float8 AS seconds
    FROM events e WHERE e.session_key = s.key
) AS counted
"""
MEASURED = """jsonb_strip_nulls(jsonb_build_object(
    'errors', counted.errors, 'tokens', counted.tokens, 'cost_usd', counted.cost_usd, 'seconds', counted.seconds,
    'denials', (SELECT count(*) FROM rule_firings f WHERE f.session_key = s.key AND f.verdict = 'deny' AND f.enforced),
    'negative_feedback', (SELECT (min(c.value) < 0.5)::int FROM scores c
        WHERE c.session_key = s.key AND c.metric IN ('feedback', 'user_feedback'))
))"""


class Candidate(msgspec.Struct, frozen=True):
    """A session that would be shown what trials are about."""

    reference: str
    """Its id, or that of the briefing that was asked for elsewhere."""
    session_key: int | None
    user_id: str | None
    agent: str | None
    task_family: str | None
    agent_version: str | None = None

    @property
    def stratum(self) -> str:
        """Sessions that are compared with one another when a reward is foretold."""
        return "\x1f".join((self.agent or "", self.agent_version or "", self.task_family or ""))


def unit_of(trial: TrialRow, reference: str, user_id: str | None) -> str:
    """What is drawn: the session or, where the store says so and it is known, its user."""
    return user_id if trial.policy.unit == "user" and user_id else reference


async def assign(
    connection: Connection,
    trial: TrialRow,
    candidate: Candidate,
    now: datetime,
    *,
    share: float | None = None,
    contaminated: bool = False,
    predicted: float | None = None,
) -> bool:
    """Draw whether the session is shown what the trial is about, and record it; the trial's row is held.

    A session that was drawn before keeps its arm.

    Args:
        share: the one that a view was drawn with when the session was made.
        contaminated: whether it is shown notes of sessions that were shown what the trial is about.
        predicted: what :func:`predict_reward` gives, where it was asked for already.
    """
    found = await _drawn_before(connection, trial.id, candidate.reference)
    if found is not None:
        return found
    unit = unit_of(trial, candidate.reference, candidate.user_id)
    place = await _next_place(connection, trial.id)
    share = share_at(trial.shares, place - 1 - trial.from_place) if share is None else share
    shown = is_shown(trial.salt, unit, trial.subject.text, share)
    await connection.execute(
        """
        INSERT INTO trial_assignments (trial_id, place, reference, session_key, unit, stratum, shown, share, predicted,
            counted, contaminated, eligible_at, delivered_at)
        VALUES (
            %(trial)s, %(place)s, %(reference)s, %(key)s, %(unit)s, %(stratum)s, %(shown)s, %(share)s, %(predicted)s,
            NOT EXISTS (
                SELECT FROM trial_assignments WHERE trial_id = %(trial)s AND unit = %(unit)s AND place > %(from)s
            ),
            %(contaminated)s, %(now)s, %(delivered)s
        )
        """,
        {
            "trial": trial.id,
            "place": place,
            "reference": candidate.reference,
            "key": candidate.session_key,
            "unit": unit,
            "stratum": candidate.stratum,
            "shown": shown,
            "share": share,
            "predicted": await predict_reward(connection, candidate) if predicted is None else predicted,
            "from": trial.from_place,
            "contaminated": contaminated and not shown,
            "now": now,
            "delivered": now if shown else None,
        },
    )
    return shown


async def contaminating(connection: Connection, versions: Sequence[str]) -> set[str]:
    """Trials whose subject was shown to a session that wrote one of these versions of memories.

    Whoever reads such a note has heard of the subject, which makes an effect look smaller, never larger.
    """
    rows = await connection.execute(
        """
        SELECT DISTINCT a.trial_id FROM memory_versions v JOIN sessions s ON s.id = v.created_by ->> 'session_id'
        JOIN trial_assignments a ON a.session_key = s.key WHERE v.id = ANY (%s) AND a.shown
        """,
        [list(versions)],
    )
    return {trial_id for (trial_id,) in await rows.fetchall()}


async def contaminated_share(connection: Connection, trial_id: str, after: int) -> float | None:
    """Share of the sessions without the subject, after a place, that heard of it by a note; None of no session."""
    row = await connection.execute(
        "SELECT avg(contaminated::int) FROM trial_assignments WHERE trial_id = %s AND place > %s AND NOT shown",
        [trial_id, after],
    )
    ((share,),) = await row.fetchall()
    return None if share is None else float(share)


async def _drawn_before(connection: Connection, trial_id: str, reference: str) -> bool | None:
    row = await connection.execute(
        "SELECT shown FROM trial_assignments WHERE trial_id = %s AND reference = %s", [trial_id, reference]
    )
    found = await row.fetchone()
    return None if found is None else bool(found[0])


async def _next_place(connection: Connection, trial_id: str) -> int:
    row = await connection.execute(
        "UPDATE trials SET exposures = exposures + 1 WHERE id = %s RETURNING exposures", [trial_id]
    )
    ((place,),) = await row.fetchall()
    return int(place)


async def predict_reward(connection: Connection, candidate: Candidate) -> float:
    """The candidate's reward as earlier sessions foretell it: of its stratum, and of all."""
    query = """
        SELECT reward FROM sessions WHERE reward IS NOT NULL AND key < coalesce(%(key)s, 9223372036854775807)
            AND {} ORDER BY key DESC LIMIT %(most)s
    """
    own = (
        "agent IS NOT DISTINCT FROM %(agent)s AND task_category IS NOT DISTINCT FROM %(family)s"
        " AND (%(version)s::text IS NULL OR agent_version = %(version)s)"
    )
    parameters = {
        "key": candidate.session_key,
        "most": _EARLIER,
        "agent": candidate.agent,
        "version": candidate.agent_version,
        "family": candidate.task_family,
    }
    alike = await (await connection.execute(query.format(own).encode(), parameters)).fetchall()
    overall = (
        []
        if len(alike) >= _EARLIER
        else await (await connection.execute(query.format("true").encode(), parameters)).fetchall()
    )
    return predict([row[0] for row in alike], [row[0] for row in overall])


async def link_references(connection: Connection, trial_ids: Sequence[str]) -> None:
    """Find the sessions of briefings that were asked for elsewhere, which came to be known since."""
    await connection.execute(
        """
        UPDATE trial_assignments a SET session_key = s.key FROM trial_assignments u
        LEFT JOIN briefings b ON b.id = u.reference
        JOIN sessions s ON s.metadata @> jsonb_build_object('reverie_briefing', u.reference)
            OR s.id = coalesce(b.reference, u.reference)
        WHERE u.session_key IS NULL AND u.trial_id = ANY (%s) AND a.trial_id = u.trial_id AND a.place = u.place
            AND s.imported_at >= u.eligible_at -- one that was there before was not briefed
            AND NOT EXISTS ( -- a session counts once, whatever briefings it names
                SELECT FROM trial_assignments o JOIN briefings d ON d.id = o.reference
                WHERE o.trial_id = u.trial_id AND o.place < u.place
                    AND (o.session_key = s.key OR s.metadata @> jsonb_build_object('reverie_briefing', o.reference)
                        OR s.id = d.reference)
            )
        """,
        [list(trial_ids)],
    )


async def read_ahead(connection: Connection, trial_id: str, after: int) -> list[Assignment]:
    """Assignments after a place, in their order, with the rewards and measures that their sessions have now."""
    rows = await connection.execute(
        f"""
        SELECT a.place, a.shown, a.share, a.predicted, a.eligible_at, a.counted, s.reward,
            CASE WHEN s.reward IS NULL THEN '{{}}' ELSE {MEASURED} END
        FROM trial_assignments a LEFT JOIN sessions s ON s.key = a.session_key LEFT JOIN {MEASURES} ON true
        WHERE a.trial_id = %s AND a.place > %s ORDER BY a.place
        """.encode(),
        [trial_id, after],
    )
    return [_assignment(*row) for row in await rows.fetchall()]


async def read_scored(connection: Connection, trial_id: str) -> list[Assignment]:
    """All assignments of a trial in their order, with the rewards that their sessions have now."""
    rows = await connection.execute(
        """
        SELECT a.place, a.shown, a.share, a.predicted, a.eligible_at, a.counted, s.reward, '{}'::jsonb
        FROM trial_assignments a LEFT JOIN sessions s ON s.key = a.session_key
        WHERE a.trial_id = %s ORDER BY a.place
        """,
        [trial_id],
    )
    return [_assignment(*row) for row in await rows.fetchall()]


async def count_assigned(connection: Connection, trial_id: str, since: datetime) -> int:
    """Sessions that were eligible for a trial since a moment."""
    row = await connection.execute(
        "SELECT count(*) FROM trial_assignments WHERE trial_id = %s AND eligible_at >= %s", [trial_id, since]
    )
    ((count,),) = await row.fetchall()
    return int(count)


async def read_counted(connection: Connection, trial_id: str, after: int, through: int) -> list[Assignment]:
    """Assignments in a stretch of places as they were counted."""
    rows = await connection.execute(
        """
        SELECT place, shown, share, predicted, eligible_at, counted, folded_reward, measures FROM trial_assignments
        WHERE trial_id = %s AND place > %s AND place <= %s ORDER BY place
        """,
        [trial_id, after, through],
    )
    return [_assignment(*row) for row in await rows.fetchall()]


async def mark_counted(connection: Connection, trial_id: str, counted: Sequence[Assignment]) -> None:
    """Note the rewards and measures that were counted."""
    await connection.execute(
        """
        UPDATE trial_assignments a SET folded_reward = x.reward, measures = x.measures
        FROM jsonb_to_recordset(%s::jsonb) AS x (place bigint, reward double precision, measures jsonb)
        WHERE a.trial_id = %s AND a.place = x.place
        """,
        [
            msgspec.json.encode(
                [{"place": one.order, "reward": one.reward, "measures": one.measures} for one in counted]
            ).decode(),
            trial_id,
        ],
    )


async def correct_counted(connection: Connection, trial_id: str, after: int, through: int) -> bool:
    """Bring the rewards that were counted in a stretch up to date; whether one was another."""
    # Session by session: joined, few of them would be sought by reading all sessions that there are.
    changed = await connection.execute(
        """
        UPDATE trial_assignments a SET folded_reward = now.reward FROM (
            SELECT b.place, s.reward FROM trial_assignments b
            CROSS JOIN LATERAL (SELECT reward FROM sessions WHERE key = b.session_key OFFSET 0) AS s
            WHERE b.trial_id = %(trial)s AND b.place > %(after)s AND b.place <= %(through)s
                AND s.reward IS DISTINCT FROM b.folded_reward
        ) AS now WHERE a.trial_id = %(trial)s AND a.place = now.place RETURNING a.place
        """,
        {"trial": trial_id, "after": after, "through": through},
    )
    return await changed.fetchone() is not None


async def count_assignments(connection: Connection, trial_id: str, after: int, through: int) -> int:
    """How many rows there are in a stretch: fewer than were counted where a session was deleted."""
    row = await connection.execute(
        "SELECT count(*) FROM trial_assignments WHERE trial_id = %s AND place > %s AND place <= %s",
        [trial_id, after, through],
    )
    ((rows,),) = await row.fetchall()
    return int(rows)


def _assignment(
    place: int,
    shown: bool,
    share: float,
    predicted: float,
    eligible_at: datetime,
    counted: bool,
    reward: float | None,
    measures: Mapping[str, Any],
) -> Assignment:
    values = {name: float(value) for name, value in measures.items()}
    return Assignment(place, shown, share, predicted, eligible_at, counted, reward, values)
