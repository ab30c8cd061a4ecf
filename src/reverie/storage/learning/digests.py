"""Digests in the database: which sessions lack one, writing them, and reading them column by column for mining."""

import datetime
import math
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np

from reverie.digests.derived.occurrence import Trace
from reverie.digests.digest import DIGEST_VERSION, CauseOfEnd, Ending, Signals
from reverie.digests.ending import cause_of
from reverie.mining.implicit_policy import DEFAULT_WEIGHTS, implicit_outcome
from reverie.outcomes.metric import Metric, reward_of
from reverie.sessions.segment import Segment
from reverie.sessions.stated_end import END_FIELDS, stated_end
from reverie.statistics.corpus import Codes, Corpus, Observable, Origins, read_observable
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.condition import Condition, condition_of

_ROWS_AT_ONCE = 10_000
_UNDIGESTED = """
    FROM sessions s LEFT JOIN digests d ON d.session_key = s.key
    WHERE s.key <= %(last_key)s AND (d.version IS DISTINCT FROM %(version)s OR d.event_count <> s.event_count)
"""
_COLUMNS = (
    *("session_key", "version", "event_count", "opening", "steps", "codes", "sequences", "first_steps"),
    *("errors", "input_tokens", "output_tokens", "first_at", "seconds", "cost_usd"),
    *("ending", "ended_on", "last_action", "marks"),
    *(*Signals.__struct_fields__, "vector", "embedder", "actions", "trace", "implicit"),
)
"""Of a row, in the order of ``_values``; each signal is a column of its own."""
DATED = "coalesce(s.started_at, d.first_at)"
"""SQL for a session's own date: its start, else its first dated event. The moment of import is none: without either a
session has no place in time."""
INDEPENDENT = """
    NOT EXISTS (
        SELECT FROM sessions p
        WHERE p.id = coalesce(s.metadata ->> 'part_of', s.metadata ->> 'forked_from') AND p.id <> s.id
            AND p.key <= %(last_key)s AND (p.reward IS NOT NULL OR s.reward IS NULL)
    )
"""
"""A part or fork of a session that is there says nothing of its own accord: it began where that one was."""
_WRITE = f"""
    INSERT INTO digests ({", ".join(_COLUMNS)}) VALUES ({", ".join(["%s"] * len(_COLUMNS))})
    ON CONFLICT (session_key) DO UPDATE SET {", ".join(f"{name} = EXCLUDED.{name}" for name in _COLUMNS[1:])}
"""


class DigestRow(msgspec.Struct, frozen=True):
    """One session's digest as it is stored; ``sequences`` and ``first_steps`` are little-endian int32 arrays."""

    session_key: int
    event_count: int
    opening: str
    steps: int
    names: tuple[int, ...]
    """What held, as positions in the batch's names; parallel to ``sequences`` and ``first_steps``."""
    sequences: bytes
    first_steps: bytes
    errors: int
    input_tokens: int
    output_tokens: int
    first_at: datetime.datetime | None
    """When its first dated event happened."""
    seconds: float | None
    cost_usd: float | None
    ending: Ending
    marks: bytes
    """What copies are known by, packed."""
    signals: Signals
    vector: bytes | None
    """The opening as little-endian float16; None where it has no text."""
    embedder: str | None
    """What made the vector."""
    actions: tuple[int, ...]
    """Tool actions in order, as positions in the batch's names."""
    trace: Trace


class DigestBatch(msgspec.Struct, frozen=True):
    """Digests of some sessions, and the behaviours they speak of."""

    names: tuple[Observable, ...]
    rows: tuple[DigestRow, ...]


async def count_undigested(connection: Connection, segment: Segment, last_key: int) -> int:
    """Sessions of the segment, up to ``last_key``, whose digest is missing or out of date."""
    condition = condition_of(segment)
    parameters = {**condition.parameters, "last_key": last_key, "version": DIGEST_VERSION}
    query = f"SELECT count(*) {_UNDIGESTED} AND ({condition.sql})"
    row = await (await connection.execute(query.encode(), parameters)).fetchone()
    return int(row[0]) if row else 0


async def next_undigested(connection: Connection, segment: Segment, last_key: int, limit: int) -> list[int]:
    """The first ``limit`` of them, by session key."""
    condition = condition_of(segment)
    parameters = {**condition.parameters, "last_key": last_key, "version": DIGEST_VERSION, "limit": limit}
    query = f"SELECT s.key {_UNDIGESTED} AND ({condition.sql}) ORDER BY s.key LIMIT %(limit)s"
    return [row[0] async for row in await connection.execute(query.encode(), parameters)]


async def write_digests(connection: Connection, batch: DigestBatch) -> None:
    """Store digests; those of a session replace each other, so doing it twice changes nothing.

    Sessions that were deleted meanwhile are passed over.
    """
    code_of = await _codes(connection, batch.names)
    codes = np.array([code_of[name.situation.text, name.name.text] for name in batch.names], "<i4")
    keys = [row.session_key for row in batch.rows]
    rows = await connection.execute("SELECT key FROM sessions WHERE key = ANY (%s) FOR KEY SHARE", [keys])
    present = {row[0] for row in await rows.fetchall()}
    values = [_values(row, codes) for row in batch.rows if row.session_key in present]
    async with connection.cursor() as cursor:
        await cursor.executemany(_WRITE.encode(), values)


def _values(row: DigestRow, codes: Codes) -> tuple[Any, ...]:
    mine, actions = (codes[list(names)].astype("<i4").tobytes() for names in (row.names, row.actions))
    return (
        *(row.session_key, DIGEST_VERSION, row.event_count, row.opening, row.steps),
        *(mine, row.sequences, row.first_steps),
        *(row.errors, row.input_tokens, row.output_tokens, row.first_at, row.seconds, row.cost_usd),
        *(row.ending.cause, row.ending.on, row.ending.action, row.marks),
        *(*msgspec.structs.astuple(row.signals), row.vector, row.embedder, actions),
        *(msgspec.msgpack.encode(row.trace), _known(implicit_outcome(row.trace, DEFAULT_WEIGHTS))),
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


async def _codes(connection: Connection, names: Sequence[Observable]) -> dict[tuple[str, str], int]:
    columns = ([n.situation.text for n in names], [n.name.text for n in names], [n.kind for n in names])
    # In one order everywhere, so that two writers never wait for each other in a circle.
    await connection.execute(
        """
        INSERT INTO behaviours (situation, name, kind)
        SELECT wanted.* FROM unnest(%s::text[], %s::text[], %s::text[]) AS wanted (situation, name, kind)
        WHERE NOT EXISTS (SELECT FROM behaviours b WHERE (b.situation, b.name) = (wanted.situation, wanted.name))
        ORDER BY 1, 2 ON CONFLICT DO NOTHING
        """,
        columns,
    )
    rows = await connection.execute(
        """
        SELECT b.situation, b.name, b.code FROM behaviours b
        JOIN unnest(%s::text[], %s::text[]) AS wanted (situation, name) USING (situation, name)
        """,
        columns[:2],
    )
    return {(situation, name): code async for situation, name, code in rows}


def mined(condition: Condition) -> str:
    """The condition on ``sessions s`` of being mined: in the segment, stored by ``last_key``, and independent."""
    return f"s.key <= %(last_key)s AND ({condition.sql}) AND {INDEPENDENT}"


async def load_corpus(
    connection: Connection, segment: Segment, last_key: int, metrics: Sequence[Metric] = ()
) -> Corpus:
    """The digested sessions of the segment, up to ``last_key``, as columns for mining.

    With ``metrics`` the reward is made of these instead of those defined for everyone.
    """
    condition = condition_of(segment)
    names, position_of = await _names(connection)
    query = f"""
        SELECT s.id, s.reward, s.task_id, s.task_category, concat_ws(' ', s.agent, s.agent_version, s.model),
            extract(epoch FROM {DATED})::float8, d.steps, d.codes, d.first_steps,
            d.ending, d.ended_on, d.last_action, s.user_id, d.marks,
            CASE WHEN s.metadata ?| %(end_fields)s THEN s.metadata END
        FROM sessions s JOIN digests d ON d.session_key = s.key
        WHERE d.version = %(version)s AND {mined(condition)}
        ORDER BY s.id COLLATE "C"
    """
    parameters = {**condition.parameters, "last_key": last_key, "version": DIGEST_VERSION}
    parameters["end_fields"] = list(END_FIELDS)
    columns: tuple[list[Any], ...] = tuple([] for _ in range(15))
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(query.encode(), parameters)
        while rows := await cursor.fetchmany(_ROWS_AT_ONCE):
            for column, values in zip(columns, zip(*rows, strict=True), strict=True):
                column.extend(values)
    if metrics:
        own = await _rewards_by(connection, condition, parameters, metrics)
        columns[1][:] = [own.get(session_id) for session_id in columns[0]]
    ids, rewards, tasks, categories, variants, times, steps, codes, first_steps = columns[:9]
    lengths = np.fromiter((len(value) // 4 for value in codes), np.int64, len(codes))
    return Corpus(
        session_ids=ids,
        reward=np.array([np.nan if value is None else value for value in rewards], np.float64),
        steps=np.array(steps, np.int32),
        task=tasks,
        category=categories,
        variant=variants,
        entry_session=np.repeat(np.arange(len(codes), dtype=np.int32), lengths),
        entry_code=position_of[np.frombuffer(b"".join(codes), "<i4")],
        entry_step=np.frombuffer(b"".join(first_steps), "<i4"),
        names=names,
        at=np.array([np.nan if time is None else time for time in times], np.float64),
        origins=_origins(*columns[9:]),
    )


def _origins(
    causes: Sequence[CauseOfEnd],
    ended_on: Sequence[str],
    actions: Sequence[str],
    users: Sequence[str | None],
    marks: Sequence[bytes | None],
    tags: Sequence[dict[str, object] | None],
) -> Origins:
    # Few sources say how a session ended; where one does not, its transcript has.
    told = zip(causes, ended_on, actions, tags, strict=True)
    return Origins(
        cause=[
            cause_of(Ending(cause, on, action), *stated_end(said)) if said else cause
            for cause, on, action, said in told
        ],
        ended_on=ended_on,
        last_action=actions,
        user=users,
        marks=[packed or b"" for packed in marks],
    )


async def _rewards_by(
    connection: Connection, condition: Condition, parameters: dict[str, Any], metrics: Sequence[Metric]
) -> dict[str, float | None]:
    query = f"""
        SELECT s.id, array_agg(c.metric), array_agg(c.value)
        FROM sessions s JOIN scores c ON c.session_key = s.key
        WHERE {mined(condition)} GROUP BY s.id
    """
    rows = await connection.execute(query.encode(), parameters)
    return {row[0]: reward_of(dict(zip(row[1], row[2], strict=True)), metrics) async for row in rows}


async def _names(connection: Connection) -> tuple[list[Observable], Codes]:
    """All behaviours in an order that does not depend on when they were first seen, and their place by code."""
    rows = await (await connection.execute("SELECT code, situation, name, kind FROM behaviours")).fetchall()
    rows.sort(key=lambda row: row[1:])
    position_of = np.full(max((row[0] for row in rows), default=0) + 1, -1, np.int32)
    position_of[[row[0] for row in rows]] = np.arange(len(rows))
    return [read_observable(*row[1:]) for row in rows], position_of


async def proving_sequences(
    connection: Connection, wanted: Iterable[tuple[str, str, str]]
) -> dict[tuple[str, str, str], int]:
    """For (session id, situation, behaviour name): the sequence number of the event that proves it."""
    triples = list(dict.fromkeys(wanted))
    rows = await connection.execute(
        """
        SELECT wanted.id, wanted.situation, wanted.name, b.code, d.codes, d.sequences
        FROM unnest(%s::text[], %s::text[], %s::text[]) AS wanted (id, situation, name)
        JOIN sessions s ON s.id = wanted.id
        JOIN digests d ON d.session_key = s.key
        JOIN behaviours b ON b.situation = wanted.situation AND b.name = wanted.name
        """,
        [[t[0] for t in triples], [t[1] for t in triples], [t[2] for t in triples]],
    )
    found = {}
    async for session_id, situation, name, code, codes, sequences in rows:
        places = np.flatnonzero(np.frombuffer(codes, "<i4") == code)
        if places.size:
            found[session_id, situation, name] = int(np.frombuffer(sequences, "<i4")[places[0]])
    return found


class SegmentSize(msgspec.Struct, frozen=True):
    """How much a dream over a segment would read."""

    sessions: int
    scored: int
    events: int
    agents: tuple[str, ...]
    """Names of the agents in it; two at the most."""


async def measure_segment(connection: Connection, segment: Segment, last_key: int) -> SegmentSize:
    """Count the sessions of the segment up to ``last_key``."""
    condition = condition_of(segment)
    query = f"""
        SELECT count(*), count(reward), coalesce(sum(event_count), 0), (array_agg(DISTINCT coalesce(agent, '')))[:2]
        FROM sessions s WHERE {mined(condition)}
    """
    row = await (await connection.execute(query.encode(), {**condition.parameters, "last_key": last_key})).fetchone()
    return SegmentSize(row[0], row[1], row[2], tuple(row[3] or ())) if row else SegmentSize(0, 0, 0, ())


class TrendRow(msgspec.Struct, frozen=True):
    """Sessions of one stretch of time and their rewards."""

    start: datetime.datetime
    end: datetime.datetime
    sessions: int
    scored: int
    mean_reward: float | None
    deviation: float | None


async def read_trend(connection: Connection, segment: Segment, last_key: int, points: int = 12) -> list[TrendRow]:
    """The dated sessions of the segment cut into ``points`` stretches of equally many, by date.

    Sessions of one moment are in one stretch. Empty where all dated sessions are of one moment, or none is dated.
    """
    condition = condition_of(segment)
    query = f"""
        WITH dated AS (
            SELECT {DATED} AS at, s.reward FROM sessions s JOIN digests d ON d.session_key = s.key
            WHERE {DATED} IS NOT NULL AND {mined(condition)}
        ), placed AS (
            SELECT at, reward, (rank() OVER (ORDER BY at) - 1) * %(points)s / count(*) OVER () AS stretch FROM dated
        )
        SELECT min(at), max(at), count(*), count(reward), avg(reward), stddev_samp(reward)
        FROM placed GROUP BY stretch ORDER BY stretch
    """
    parameters = {**condition.parameters, "last_key": last_key, "points": points}
    rows = [TrendRow(*row) async for row in await connection.execute(query.encode(), parameters)]
    return rows if len(rows) > 1 else []


async def count_dated(connection: Connection, segment: Segment, last_key: int) -> int:
    """How many digested sessions of the segment have a date of their own."""
    condition = condition_of(segment)
    query = f"""
        SELECT count({DATED}) FROM sessions s JOIN digests d ON d.session_key = s.key
        WHERE {mined(condition)}
    """
    row = await (await connection.execute(query.encode(), {**condition.parameters, "last_key": last_key})).fetchone()
    return int(row[0]) if row else 0
