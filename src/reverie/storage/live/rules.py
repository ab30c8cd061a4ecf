"""Rules in the database: the versions of each set, and where rules held."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from reverie.errors import NotFoundError
from reverie.ids import event_id
from reverie.runtime.rule import RuleSet, RuleSetVersion
from reverie.runtime.ruling import PlacedFiring
from reverie.runtime.yaml_record import plain_document
from reverie.sessions.event import Event, stored_event
from reverie.storage.live.agent_documents import AgentDocument, find_document, list_documents, write_document
from reverie.storage.postgres.database import Connection

_MAY_BE_NULL = frozenset({"equals"})
"""Fields of rules that say something by being null."""


class StoredRules(AgentDocument, frozen=True):
    """A version of a rule set."""

    @property
    def as_version(self) -> RuleSetVersion:
        """The rules of it."""
        return RuleSetVersion(self.agent_id, self.version, msgspec.convert(self.document, RuleSet))


class StoredFiring(msgspec.Struct, frozen=True):
    """A rule that held for a call."""

    event_id: str
    sequence: int
    rule: str
    agent_id: str
    version: int
    verdict: str
    enforced: bool


class SessionFiring(StoredFiring, frozen=True):
    """A rule that held for a call, and in which session."""

    session_id: str
    session_key: int


async def write_rules(connection: Connection, agent_id: str, rules: RuleSet, now: datetime) -> StoredRules:
    """Set the rules of an agent, or with ``''`` of the workspace: a new version, and the one that stands."""
    return await write_document(connection, "rules", StoredRules, agent_id, document_of(rules), now)


def document_of(rules: RuleSet) -> dict[str, Any]:
    """A rule set as it is stored and shown, without what was not said."""
    return {"rules": [], **plain_document(msgspec.to_builtins(rules), _MAY_BE_NULL)}


async def read_rules(connection: Connection, agent_id: str = "", version: int | None = None) -> StoredRules:
    """A version of a rule set, by default the one that stands: the empty one where none was set.

    Raises:
        NotFoundError: there is no such version.
    """
    stored = await find_document(connection, "rules", StoredRules, agent_id, version)
    if stored is not None:
        return stored
    if version:
        raise NotFoundError(f"there is no version {version} of these rules; `reverie rules show` prints what stands")
    return StoredRules(agent_id, 0, document_of(RuleSet()), None)


async def list_rules(connection: Connection, agent_id: str, before: int | None, limit: int) -> list[StoredRules]:
    """Versions of a rule set before number ``before``, newest first."""
    return await list_documents(connection, "rules", StoredRules, agent_id, before, limit)


async def standing_versions(connection: Connection, agent_id: str) -> tuple[tuple[str, int], ...]:
    """The rule sets that stand for an agent's calls: owner and version of the workspace's and of its own."""
    row = await connection.execute(
        "SELECT agent_id, max(version) FROM rules WHERE agent_id IN ('', %s) GROUP BY agent_id ORDER BY agent_id",
        [agent_id],
    )
    return tuple((owner, version) for owner, version in await row.fetchall())


async def record_firings(connection: Connection, session_key: int, placed: Sequence[PlacedFiring]) -> None:
    """Record where rules held; one that is there already stays as it is."""
    if not placed:
        return
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """
            INSERT INTO rule_firings (session_key, sequence, agent_id, rule, version, verdict, enforced)
            VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
            """,
            [
                (session_key, one.sequence, fired.agent_id, fired.rule, fired.version, fired.verdict, fired.enforced)
                for one in placed
                for fired in (one.firing,)
            ],
        )


async def list_firings(
    connection: Connection, session_id: str, after: tuple[int, str, str] | None, limit: int
) -> list[StoredFiring]:
    """Firings in a session after a place (sequence, agent, rule; None: from the beginning), in the order of the log."""
    sequence, agent_id, rule = after or (-1, "", "")
    row = await connection.execute(
        """
        SELECT f.sequence, f.rule, f.agent_id, f.version, f.verdict, f.enforced
        FROM rule_firings f JOIN sessions s ON s.key = f.session_key
        WHERE s.id = %s AND (f.sequence, f.agent_id, f.rule) > (%s, %s, %s)
        ORDER BY f.sequence, f.agent_id, f.rule LIMIT %s
        """,
        [session_id, sequence, agent_id, rule, limit],
    )
    return [StoredFiring(event_id(session_id, one[0]), *one) for one in await row.fetchall()]


async def list_firings_of_agent(
    connection: Connection, agent_id: str, before: tuple[int, int, str, str] | None, limit: int
) -> list[SessionFiring]:
    """Firings in the sessions of an agent before a place (session, sequence, owner, rule), the latest session first."""
    session_key, sequence, owner, rule = before or (None, None, None, None)
    row = await connection.execute(
        """
        SELECT s.id, f.session_key, f.sequence, f.rule, f.agent_id, f.version, f.verdict, f.enforced
        FROM live_sessions l JOIN rule_firings f USING (session_key) JOIN sessions s ON s.key = l.session_key
        WHERE l.agent_id = %(agent)s AND (%(key)s::bigint IS NULL
            OR (f.session_key, f.sequence, f.agent_id, f.rule) < (%(key)s, %(sequence)s, %(owner)s, %(rule)s))
        ORDER BY f.session_key DESC, f.sequence DESC, f.agent_id DESC, f.rule DESC LIMIT %(limit)s
        """,
        {"agent": agent_id, "key": session_key, "sequence": sequence, "owner": owner, "rule": rule, "limit": limit},
    )
    return [SessionFiring(event_id(one[0], one[2]), *one[2:], *one[:2]) for one in await row.fetchall()]


async def read_log(connection: Connection, session_key: int, from_sequence: int = 0) -> list[tuple[int, Event]]:
    """The events of all threads of a session from one place on, as rules are asked about them."""
    row = await connection.execute(
        "SELECT sequence, type, payload, at, thread_id FROM events"
        " WHERE session_key = %s AND sequence >= %s ORDER BY sequence",
        [session_key, from_sequence],
    )
    return [(sequence, stored_event(*rest)) for sequence, *rest in await row.fetchall()]
