"""What routers have learned, by coordinator and by what they learn by: versions of one agent may differ in that."""

from collections.abc import Collection
from datetime import datetime

import msgspec

from reverie.storage.postgres.database import Connection


class StoredPolicy(msgspec.Struct, frozen=True):
    """A router's policy as it was kept last."""

    version: int
    """0: nothing was learned yet."""
    policy: bytes
    """JSON of a :class:`reverie.teams.routing.RoutingPolicy`; whoever draws reads it."""
    learned_from: str = ""
    learned_at: datetime | None = None


async def read_policy(connection: Connection, agent_id: str, learned_by: str) -> StoredPolicy:
    """What the router of a coordinator knows.

    Args:
        learned_by: as :class:`reverie.teams.draw_log.RoutingWish` has it; what no version of the agent learns by any
            more is not kept, and then the latest that was learned is taken.
    """
    row = await connection.execute(
        "SELECT version, policy::text, learned_from, learned_at FROM routing_policies WHERE agent_id = %s"
        " ORDER BY learned_by = %s DESC, learned_at DESC LIMIT 1",
        [agent_id, learned_by],
    )
    found = await row.fetchone()
    return StoredPolicy(0, b"{}") if found is None else StoredPolicy(found[0], found[1].encode(), found[2], found[3])


async def write_policy(
    connection: Connection, agent_id: str, learned_by: str, policy: bytes, learned_from: str, now: datetime
) -> None:
    """Keep what was learned as the next version; what was learned of the same already changes nothing."""
    await connection.execute(
        """
        INSERT INTO routing_policies AS p (agent_id, learned_by, version, policy, learned_from, learned_at)
        VALUES (%(agent)s, %(by)s, 1, %(policy)s::jsonb, %(from)s, %(now)s)
        ON CONFLICT (agent_id, learned_by) DO UPDATE SET version = p.version + 1, policy = excluded.policy,
            learned_from = excluded.learned_from, learned_at = excluded.learned_at
        WHERE p.learned_from <> excluded.learned_from
        """,
        {"agent": agent_id, "by": learned_by, "policy": policy.decode(), "from": learned_from, "now": now},
    )


async def keep_policies(connection: Connection, agent_id: str, learned_by: Collection[str]) -> None:
    """Forget what was learned by anything else."""
    await connection.execute(
        "DELETE FROM routing_policies WHERE agent_id = %s AND learned_by <> ALL (%s)", [agent_id, list(learned_by)]
    )
