"""Delegations of sessions as they were read, and what they came to."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from psycopg.rows import args_row
from psycopg.types.json import Jsonb

from reverie.outcomes.metric import REWARD_METRIC
from reverie.sessions.segment import Segment
from reverie.storage.live.charter_watches import AT_REST
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.condition import condition_of
from reverie.storage.sessions.part_scores import part_reward
from reverie.teams.delegation import RECEIVED, Delegation
from reverie.teams.draw_log import LoggedChoice

FOLD = 2
"""Version of what delegations are read by; a higher one reads all sessions again."""
MOST_OUTCOMES = 5_000
"""The latest that a router learns from; at its rate of forgetting, older ones count for less than a millionth."""
MOST_LASTING = 500
"""The latest tasks of a coordinator that tell how long one of each agent lasts."""
_SCORED = f"""delegations d JOIN sessions s ON s.key = d.session_key
    LEFT JOIN LATERAL ({part_reward("d.session_key", "d.to_thread")}) AS p ON true
    WHERE d.coordinator = %(agent)s AND coalesce(p.reward, s.reward) IS NOT NULL"""
"""Tasks that have an outcome: that of their thread, where it was scored by itself, else their session's."""


class UnreadSession(msgspec.Struct, frozen=True):
    """A session whose delegations are to be read."""

    key: int
    id: str
    events: int
    coordinator: str
    """The id of the agent of a live session, else the name that it bears."""
    family: str
    is_ours: bool
    """Whether its turns are run here, so that its draws were made here."""
    has_delegations: bool


class ScoredDraw(msgspec.Struct, frozen=True):
    """A router's draw with its outcome."""

    session: str
    family: str
    agent: str
    chances: Mapping[str, float]
    reward: float
    cost_usd: float
    seconds: float
    is_own: bool
    """Whether the reward is of this task alone, and not of its session."""


async def next_unread(connection: Connection, limit: int) -> list[UnreadSession]:
    """Sessions at rest whose delegations were not read since they grew; held, so that each is read by one server."""
    async with connection.cursor(row_factory=args_row(UnreadSession)) as cursor:
        await cursor.execute(
            f"""
            SELECT s.key, s.id, s.event_count, coalesce(l.agent_id, s.agent, ''), coalesce(s.task_category, ''),
                coalesce(l.run_here, false),
                EXISTS (SELECT FROM events e WHERE e.session_key = s.key AND e.type = %(received)s)
            FROM sessions s LEFT JOIN live_sessions l ON l.session_key = s.key
            LEFT JOIN delegation_reads r ON r.session_key = s.key
            WHERE s.event_count > 0 AND {AT_REST}
                AND (r.session_key IS NULL OR r.event_count <> s.event_count OR r.fold <> %(fold)s)
            ORDER BY s.key LIMIT %(limit)s FOR NO KEY UPDATE OF s SKIP LOCKED
            """.encode(),
            {"received": RECEIVED, "fold": FOLD, "limit": limit},
        )
        return await cursor.fetchall()


async def note_read(connection: Connection, sessions: Sequence[UnreadSession]) -> None:
    """Delegations of these sessions were read; those that were there before are taken away."""
    keys = [one.key for one in sessions]
    await connection.execute("DELETE FROM delegations WHERE session_key = ANY (%s)", [keys])
    await connection.execute(
        """
        INSERT INTO delegation_reads (session_key, event_count, fold)
        SELECT x.key, x.events, %s FROM unnest(%s::bigint[], %s::integer[]) AS x (key, events)
        ON CONFLICT (session_key) DO UPDATE SET event_count = excluded.event_count, fold = excluded.fold
        """,
        [FOLD, keys, [one.events for one in sessions]],
    )


async def add_delegations(
    connection: Connection, session: UnreadSession, found: Sequence[tuple[Delegation, LoggedChoice | None]]
) -> None:
    """Record a session's delegations, each with the draw that chose the agent, where one did."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """
            INSERT INTO delegations (session_key, number, coordinator, from_thread, to_thread, agent, family,
                brief_parts, chosen_by, chances, policy_version, status, calls, errors, tokens, cost_usd, seconds,
                asked_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [_values(session, one, choice) for one, choice in found],
        )


def _values(session: UnreadSession, one: Delegation, choice: LoggedChoice | None) -> tuple[Any, ...]:
    drawn = ("model", None, None) if choice is None else ("router", Jsonb(dict(choice.chances)), choice.policy_version)
    return (
        *(session.key, one.number, session.coordinator, one.from_thread, one.to_thread, one.agent),
        *(session.family if choice is None else choice.family, sorted(one.parts), *drawn),
        *(one.status, one.calls, one.errors, one.tokens, one.cost_usd, one.seconds, one.asked_at),
    )


async def routed_coordinators(connection: Connection) -> list[str]:
    """Agents with draws, and those that a router learned of before; their draws may be gone."""
    rows = await connection.execute(
        "SELECT coordinator FROM delegations WHERE chosen_by = 'router' UNION SELECT agent_id FROM routing_policies"
        " ORDER BY 1"
    )
    return [agent for (agent,) in await rows.fetchall()]


async def coordinators_of(connection: Connection, segment: Segment, last_session_key: int, most: int) -> list[str]:
    """Agents whose router drew in sessions of a segment, those with most draws first.

    Args:
        last_session_key: sessions that came later are left out.
        most: how many at most.
    """
    condition = condition_of(segment)
    rows = await connection.execute(
        f"""
        SELECT d.coordinator FROM delegations d JOIN sessions s ON s.key = d.session_key
        WHERE d.chosen_by = 'router' AND s.key <= %(last_key)s AND ({condition.sql})
        GROUP BY d.coordinator ORDER BY count(*) DESC, d.coordinator LIMIT %(most)s
        """.encode(),
        {**condition.parameters, "last_key": last_session_key, "most": most},
    )
    return [agent for (agent,) in await rows.fetchall()]


async def outcomes_digest(connection: Connection, agent_id: str) -> str:
    """Another one whenever an outcome of an agent's draws is another."""
    row = await connection.execute(
        f"""
        SELECT md5(coalesce(string_agg(concat_ws(' ', d.session_key, d.number, coalesce(p.reward, s.reward),
            d.cost_usd, d.seconds, d.family, d.agent), ',' ORDER BY d.session_key, d.number), ''))
        FROM {_SCORED} AND d.chosen_by = 'router'
        """.encode(),
        {"agent": agent_id, "reward": REWARD_METRIC},
    )
    ((digest,),) = await row.fetchall()
    return str(digest)


async def scored_draws(connection: Connection, agent_id: str) -> list[ScoredDraw]:
    """The latest of a coordinator's draws that have an outcome, in the order of asking."""
    async with connection.cursor(row_factory=args_row(_scored_draw)) as cursor:
        await cursor.execute(
            f"""
            SELECT s.id, d.family, d.agent, d.chances, coalesce(p.reward, s.reward), coalesce(d.cost_usd, 0),
                coalesce(d.seconds, 0), p.reward IS NOT NULL
            FROM {_SCORED} AND d.chosen_by = 'router'
            ORDER BY d.asked_at DESC NULLS LAST, d.session_key DESC, d.number DESC LIMIT %(most)s
            """.encode(),
            {"agent": agent_id, "most": MOST_OUTCOMES, "reward": REWARD_METRIC},
        )
        return (await cursor.fetchall())[::-1]


def _scored_draw(*columns: Any) -> ScoredDraw:
    return ScoredDraw(*columns)


async def mean_seconds(connection: Connection, agent_id: str) -> dict[str, float]:
    """How long tasks of a coordinator's lasted, by agent: the mean of those that were reported, of the latest."""
    rows = await connection.execute(
        """
        SELECT agent, avg(seconds) FROM (
            SELECT agent, seconds FROM delegations
            WHERE coordinator = %s AND status = 'reported' AND seconds IS NOT NULL
            ORDER BY session_key DESC, number DESC LIMIT %s
        ) latest GROUP BY agent
        """,
        [agent_id, MOST_LASTING],
    )
    return {agent: float(mean) for agent, mean in await rows.fetchall()}


async def count_chosen(connection: Connection, agent_id: str) -> dict[tuple[str, str], int]:
    """Tasks that a coordinator gave out by itself and that have an outcome, by family and agent."""
    rows = await connection.execute(
        f"SELECT d.family, d.agent, count(*) FROM {_SCORED} AND d.chosen_by = 'model' GROUP BY 1, 2".encode(),
        {"agent": agent_id, "reward": REWARD_METRIC},
    )
    return {(family, agent): int(count) for family, agent, count in await rows.fetchall()}
