"""Trials and their decisions as recorded."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb

from reverie.errors import ConflictError, NotFoundError
from reverie.ids import new_id
from reverie.storage.postgres.database import Connection
from reverie.trials.policy import LivePolicy
from reverie.trials.tally import Tally
from reverie.trials.trial import Act, Decision, Guardrail, Subject, Trial, TrialState

STANDING: tuple[TrialState, ...] = ("trial", "adopted", "frozen")
"""States of which a subject has one trial at most."""
_COLUMNS = """id, memory_store_id, kind, subject_ids, subject_version, state, salt, policy, guardrails, batch, title,
    created_at, created_by, decided_at, reason, proposal, e_benefit, exposures, from_place, tally::text"""
_METRICS = "(SELECT coalesce(md5(string_agg(m::text, chr(10) ORDER BY m.name)), '') FROM metrics m)"
_DECISIONS = "id, trial_id, at, act, by, reason, numbers, revision_before, revision_after, undone_by, note"


class TrialRow(Trial, frozen=True, kw_only=True):
    """A trial with its sums as they were kept last."""

    exposures: int
    """Sessions assigned so far."""
    from_place: int
    """The present state counts assignments after this one."""
    tally: Tally


async def insert_trial(connection: Connection, trial: Trial) -> None:
    """Record a trial that begins.

    Raises:
        ConflictError: another one of the same subject stands.
    """
    made = await connection.execute(
        f"""
        INSERT INTO trials (id, memory_store_id, kind, subject_ids, subject_version, state, salt, policy, guardrails,
            batch, title, created_at, created_by, reason, metrics)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, {_METRICS})
        ON CONFLICT (memory_store_id, subject_ids) WHERE state IN ('trial', 'adopted', 'frozen') DO NOTHING RETURNING id
        """.encode(),
        [
            *(trial.id, trial.memory_store_id, trial.subject.kind, list(trial.subject.ids), trial.subject.version),
            *(trial.state, trial.salt, Jsonb(msgspec.to_builtins(trial.policy))),
            *(Jsonb(msgspec.to_builtins(trial.guardrails)), trial.batch, trial.title, trial.created_at),
            *(trial.created_by, trial.reason),
        ],
    )
    if await made.fetchone() is None:
        raise ConflictError(
            f"{trial.subject.kind} {', '.join(trial.subject.ids)} is in a trial already; end that first"
        )


async def read_trial(connection: Connection, trial_id: str, *, lock: bool = False) -> TrialRow:
    """One trial, held until the transaction ends where asked for.

    Raises:
        NotFoundError: there is none.
    """
    rows = await _select(connection, f"WHERE id = %s {'FOR UPDATE' if lock else ''}", [trial_id])
    if not rows:
        raise NotFoundError(f"there is no trial {trial_id!r}; `reverie trials list` names those that there are")
    return rows[0]


async def list_trials(
    connection: Connection,
    *,
    store_id: str | None = None,
    state: TrialState | None = None,
    batch: str | None = None,
    waiting: bool = False,
    before: tuple[datetime, str] | None = None,
    limit: int | None = None,
) -> list[TrialRow]:
    """Trials that were begun before a place (time and id), newest first; of ``waiting`` those that need a person."""
    at, trial_id = before or (None, None)
    return await _select(
        connection,
        """
        WHERE (%(store)s::text IS NULL OR memory_store_id = %(store)s)
            AND (%(state)s::text IS NULL OR state = %(state)s)
            AND (%(batch)s::text IS NULL OR batch = %(batch)s)
            AND (NOT %(waiting)s OR state = 'frozen' OR (state IN ('trial', 'adopted') AND proposal ->> 'mode' = 'ask'))
            AND (%(at)s::timestamptz IS NULL OR (created_at, id) < (%(at)s, %(id)s))
        ORDER BY created_at DESC, id DESC LIMIT %(limit)s
        """,
        {
            "store": store_id,
            "state": state,
            "batch": batch,
            "waiting": waiting,
            "at": at,
            "id": trial_id,
            "limit": limit,
        },
    )


async def standing_trials(connection: Connection, store_ids: Sequence[str], *, lock: bool = False) -> list[TrialRow]:
    """Trials of stores in which sessions are drawn, by id; held in that order, so that nobody waits in a circle.

    Where a store's live trials are off, or hold no memory out any more, nobody is drawn: what is in trial is shown to
    none and what is adopted to all.
    """
    return await _select(
        connection,
        f"""
        WHERE state IN ('trial', 'adopted') AND memory_store_id IN (
            SELECT s.id FROM memory_stores s
            WHERE s.id = ANY (%s) AND coalesce(s.policy #>> '{{live,mode}}', 'off') <> 'off'
                AND (trials.kind <> 'memory' OR coalesce((s.policy #>> '{{live,memory_holdout}}')::float8, 0) > 0)
        ) ORDER BY id
        {"FOR NO KEY UPDATE" if lock else ""}
        """,
        [list(store_ids)],
    )


async def trials_of_batch(connection: Connection, batch: str) -> list[TrialRow]:
    """The trials that are adopted together."""
    return await _select(connection, "WHERE batch = %s ORDER BY id", [batch])


async def trials_of_lesson(connection: Connection, store_id: str, lesson_id: str) -> list[TrialRow]:
    """Every trial that a lesson was in, the latest first."""
    return await _select(
        connection,
        "WHERE memory_store_id = %s AND %s = ANY (subject_ids) ORDER BY created_at DESC, id DESC",
        [store_id, lesson_id],
    )


async def keep_tally(connection: Connection, trial_id: str, tally: Tally) -> None:
    """Keep a trial's sums."""
    await connection.execute(
        "UPDATE trials SET tally = %s::jsonb WHERE id = %s", [msgspec.json.encode(tally).decode(), trial_id]
    )


async def is_about_other_outcomes(connection: Connection, trial_id: str) -> bool:
    """Whether a reward is made of other metrics than when the trial began."""
    row = await connection.execute(f"SELECT metrics <> {_METRICS} FROM trials WHERE id = %s".encode(), [trial_id])
    ((changed,),) = await row.fetchall()
    return bool(changed)


async def set_state(
    connection: Connection,
    trial: TrialRow,
    state: TrialState,
    reason: str,
    now: datetime,
    *,
    e_benefit: float | None = None,
) -> None:
    """Bring a trial into another state; what is counted of an adopted subject begins after the assignments so far."""
    await connection.execute(
        """
        UPDATE trials SET state = %(state)s, reason = %(reason)s, decided_at = %(now)s, proposal = NULL,
            from_place = CASE WHEN %(anew)s THEN exposures ELSE from_place END,
            tally = CASE WHEN %(anew)s THEN '{}' ELSE tally END, e_benefit = coalesce(e_benefit, %(e_benefit)s)
        WHERE id = %(id)s
        """,
        {
            "state": state,
            "reason": reason,
            "now": now,
            "anew": state == "adopted",
            "e_benefit": e_benefit,
            "id": trial.id,
        },
    )


async def write_proposal(connection: Connection, trial_id: str, proposal: Mapping[str, Any] | None) -> None:
    """Note the decision that waits for a person; None takes it back."""
    await connection.execute(
        "UPDATE trials SET proposal = %s WHERE id = %s", [None if proposal is None else Jsonb(dict(proposal)), trial_id]
    )


async def insert_decision(
    connection: Connection,
    trial_id: str,
    act: Act,
    by: str,
    reason: str,
    numbers: Mapping[str, Any],
    now: datetime,
    *,
    revisions: tuple[int | None, int | None] = (None, None),
    note: str = "",
) -> Decision:
    """Record what was decided."""
    decision = Decision(new_id("trd", now), trial_id, now, act, by, reason, dict(numbers), *revisions, note=note)
    await connection.execute(
        f"INSERT INTO trial_decisions ({_DECISIONS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, NULL, %s)",
        [decision.id, trial_id, now, act, by, reason, Jsonb(decision.numbers), *revisions, note],
    )
    return decision


async def list_decisions(connection: Connection, trial_id: str) -> list[Decision]:
    """The decisions of a trial, oldest first."""
    async with connection.cursor(row_factory=kwargs_row(Decision)) as cursor:
        await cursor.execute(
            f"SELECT {_DECISIONS} FROM trial_decisions WHERE trial_id = %s ORDER BY number", [trial_id]
        )
        return await cursor.fetchall()


async def mark_undone(connection: Connection, decision_id: str, by: str) -> None:
    """Note that a decision was taken back."""
    await connection.execute("UPDATE trial_decisions SET undone_by = %s WHERE id = %s", [by, decision_id])


async def _select(
    connection: Connection, clauses: str, parameters: Sequence[Any] | Mapping[str, Any]
) -> list[TrialRow]:
    async with connection.cursor(row_factory=kwargs_row(_row)) as cursor:
        await cursor.execute(f"SELECT {_COLUMNS} FROM trials {clauses}", parameters)
        return await cursor.fetchall()


def _row(**columns: Any) -> TrialRow:
    kind, ids, version = (columns.pop(name) for name in ("kind", "subject_ids", "subject_version"))
    return TrialRow(
        **columns
        | {
            "subject": Subject(kind, tuple(ids), version),
            "policy": msgspec.convert(columns["policy"], LivePolicy),
            "guardrails": msgspec.convert(columns["guardrails"], tuple[Guardrail, ...]),
            "tally": msgspec.json.decode(columns["tally"], type=Tally),
        }
    )
