"""Changes that agents, or others for them, asked for: tried as versions that are not the agent's until adopted.

Whoever tries, adopts or takes back a change holds its trial's row before the agent's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb

from reverie.agents.bounds import Approval
from reverie.agents.self_change import Step, taken_back
from reverie.errors import InputError, NotFoundError
from reverie.storage.live.assignments import Candidate, assign, unit_of
from reverie.storage.live.sessions import LiveSession
from reverie.storage.live.trials import TrialRow, read_trial
from reverie.storage.postgres.database import Connection
from reverie.storage.service.agents import AgentVersion, add_version, next_version, read_agent
from reverie.trials.draw import is_shown, share_at
from reverie.trials.trial import TrialState

_COLUMNS = """c.id, c.agent_id, c.trial_id, c.base_version, c.candidate_version, c.adopted_version, c.reverted_version,
    c.patch, c.steps, c.approval, c.bounds_version, c.asked_by, c.reason, c.lesson_ids, c.created_at,
    t.state, t.title, t.reason AS told"""
_STANDING = "kind = 'agent_version' AND subject_ids = ARRAY[%s]::text[] AND state IN ('trial', 'adopted', 'frozen')"


class SelfChangeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A change as it was asked for, and where it stands."""

    id: str
    agent_id: str
    trial_id: str
    base_version: int
    """What it was derived from."""
    candidate_version: int
    adopted_version: int | None = None
    reverted_version: int | None = None
    patch: dict[str, Any]
    """JSON merge patch from the base to the candidate."""
    steps: tuple[Step, ...]
    approval: Approval
    bounds_version: int
    asked_by: str
    reason: str
    lesson_ids: tuple[str, ...]
    created_at: datetime
    state: TrialState = "trial"
    title: str = ""
    told: str = ""
    """Why its trial is in this state."""

    @property
    def in_force(self) -> bool:
        """Whether it became the agent's, and was not taken back."""
        return self.adopted_version is not None and self.reverted_version is None


async def insert_change(connection: Connection, change: SelfChangeRow) -> None:
    """Record a change whose trial begins."""
    await connection.execute(
        """
        INSERT INTO self_changes (id, agent_id, trial_id, base_version, candidate_version, patch, steps, approval,
            bounds_version, asked_by, reason, lesson_ids, created_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            *(change.id, change.agent_id, change.trial_id, change.base_version, change.candidate_version),
            *(Jsonb(change.patch), Jsonb(msgspec.to_builtins(change.steps)), change.approval, change.bounds_version),
            *(change.asked_by, change.reason, list(change.lesson_ids), change.created_at),
        ],
    )


async def read_change(connection: Connection, agent_id: str, change_id: str) -> SelfChangeRow:
    """One change of an agent.

    Raises:
        NotFoundError: there is none.
    """
    found = await _select(connection, "WHERE c.agent_id = %s AND c.id = %s", [agent_id, change_id])
    if not found:
        raise NotFoundError(f"agent {agent_id} has no change {change_id!r}; `reverie agents changes list` names them")
    return found[0]


async def change_of_trial(connection: Connection, trial_id: str) -> SelfChangeRow:
    """The change that a trial is about."""
    (change,) = await _select(connection, "WHERE c.trial_id = %s", [trial_id])
    return change


async def list_changes(
    connection: Connection, agent_id: str, before: tuple[datetime, str] | None, limit: int | None
) -> list[SelfChangeRow]:
    """Changes of an agent that were asked for before a place (time and id), newest first."""
    at, change_id = before or (None, None)
    return await _select(
        connection,
        """
        WHERE c.agent_id = %(agent)s AND (%(at)s::timestamptz IS NULL OR (c.created_at, c.id) < (%(at)s, %(id)s))
        ORDER BY c.created_at DESC, c.id DESC LIMIT %(limit)s
        """,
        {"agent": agent_id, "at": at, "id": change_id, "limit": limit},
    )


async def standing_trial(connection: Connection, agent_id: str, *, lock: bool = False) -> TrialRow | None:
    """The trial of an agent's version that stands, if any; held until the transaction ends where asked for."""
    held = "FOR NO KEY UPDATE" if lock else ""
    row = await connection.execute(f"SELECT id FROM trials WHERE {_STANDING} {held}".encode(), [agent_id])
    found = await row.fetchone()
    return None if found is None else await read_trial(connection, found[0])


async def is_taken_over(connection: Connection, trial: TrialRow) -> bool:
    """Whether the agent is archived, or at another version than its trial began or left it at."""
    change = await change_of_trial(connection, trial.id)
    agent = await read_agent(connection, change.agent_id)
    return agent.archived or agent.version != _present_of(trial, change)


def _present_of(trial: TrialRow, change: SelfChangeRow) -> int | None:
    return change.adopted_version if trial.state == "adopted" else change.base_version


async def adopt_candidate(connection: Connection, trial: TrialRow, now: datetime) -> tuple[int, int] | str:
    """Make what was tried the agent's, as a new version; the versions before and after, or why it was left alone."""
    change = await change_of_trial(connection, trial.id)
    present = await read_agent(connection, change.agent_id, lock=True)
    expected = change.base_version if change.reverted_version is None else change.reverted_version
    if present.archived or present.version != expected:
        return (
            f"agent {present.id} was changed by somebody else, and is left at version {present.version}: needs review"
        )
    candidate = await read_agent(connection, change.agent_id, change.candidate_version)
    after = await _next(connection, present, candidate.definition, now)
    await connection.execute(
        "UPDATE self_changes SET adopted_version = %s, reverted_version = NULL WHERE id = %s", [after, change.id]
    )
    return present.version, after


async def take_back(connection: Connection, trial: TrialRow, now: datetime) -> tuple[int, int] | str | None:
    """Take an adopted change back by a new version; the versions before and after, or why it was left alone.

    None where there is nothing to take back, since it never became the agent's.
    """
    change = await change_of_trial(connection, trial.id)
    if not change.in_force:
        return None
    present = await read_agent(connection, change.agent_id, lock=True)
    try:
        definition = await _without(connection, change, present)
    except InputError as error:
        return f"agent {present.id} is left at version {present.version}: {error}: needs review"
    after = await _next(connection, present, definition, now)
    await connection.execute("UPDATE self_changes SET reverted_version = %s WHERE id = %s", [after, change.id])
    return present.version, after


async def require_revertible(connection: Connection, change: SelfChangeRow) -> None:
    """Accept an adopted change whose parts stand as it made them.

    Raises:
        InputError: a part was changed again since; the message names it.
    """
    await _without(connection, change, await read_agent(connection, change.agent_id))


async def _without(connection: Connection, change: SelfChangeRow, present: AgentVersion) -> dict[str, Any]:
    before = await read_agent(connection, change.agent_id, change.base_version)
    after = await read_agent(connection, change.agent_id, change.adopted_version)
    return taken_back(present.definition, before.definition, after.definition)


async def _next(connection: Connection, present: AgentVersion, definition: dict[str, Any], now: datetime) -> int:
    version = await next_version(connection, present.id)
    await add_version(connection, AgentVersion(present.id, version, definition, present.created_at, now))
    return version


class ChosenVersion(msgspec.Struct, frozen=True):
    """The version that a new session gets, and the draw that it is of."""

    agent: AgentVersion
    trial: TrialRow | None = None
    share: float = 0.0


def names_no_version(asked: str | Mapping[str, Any]) -> bool:
    """Whether an agent is asked for as it is: without a version, and with nothing replaced for the session."""
    return isinstance(asked, str) or not set(asked) - {"type", "id"}


async def trial_of_asked(connection: Connection, asked: str | Mapping[str, Any]) -> TrialRow | None:
    """The trial that a session for this agent takes part in, which is held; to be called before the agent is."""
    if not names_no_version(asked):
        return None
    trial = await standing_trial(connection, asked if isinstance(asked, str) else asked["id"], lock=True)
    return trial if trial is not None and trial.state != "frozen" else None


async def choose_version(
    connection: Connection,
    trial: TrialRow | None,
    present: AgentVersion,
    session_id: str,
    metadata: Mapping[str, str],
) -> ChosenVersion:
    """Draw the version of a new session: the present one unless a trial of another stands that is up to date."""
    if trial is None:
        return ChosenVersion(present)
    change = await change_of_trial(connection, trial.id)
    if present.version != _present_of(trial, change):
        return ChosenVersion(present)
    share = share_at(trial.shares, trial.exposures - trial.from_place)
    shown = is_shown(trial.salt, unit_of(trial, session_id, metadata.get("user_id")), trial.subject.text, share)
    other = change.base_version if trial.state == "adopted" else change.candidate_version
    if shown != (trial.state == "adopted"):
        present = await read_agent(connection, present.id, other)
    return ChosenVersion(present, trial, share)


async def note_draw(connection: Connection, chosen: ChosenVersion, session: LiveSession, now: datetime) -> None:
    """Record the draw of a session that has been made."""
    if chosen.trial is None:
        return
    metadata = session.metadata
    name = chosen.agent.definition["name"]
    candidate = Candidate(session.id, session.key, metadata.get("user_id"), name, metadata.get("task_category"))
    await assign(connection, chosen.trial, candidate, now, share=chosen.share)


async def _select(
    connection: Connection, clauses: str, parameters: Sequence[Any] | Mapping[str, Any]
) -> list[SelfChangeRow]:
    async with connection.cursor(row_factory=kwargs_row(_row)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM self_changes c JOIN trials t ON t.id = c.trial_id {clauses}".encode(), parameters
        )
        return await cursor.fetchall()


def _row(**columns: Any) -> SelfChangeRow:
    return msgspec.convert(columns, SelfChangeRow)
