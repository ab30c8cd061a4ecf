"""Digested sessions with all their columns, and the texts of some, for the patterns that describe them."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reverie.digests.digest import DIGEST_VERSION
from reverie.digests.vector import unpack_vectors
from reverie.mining.counting import without_scores_left_out
from reverie.outcomes.metric import Metric
from reverie.overview.table import MAIN_AGENT, SessionTable, SignalColumns, Vectors
from reverie.sessions.event import Event, text_of
from reverie.sessions.segment import Segment
from reverie.statistics.corpus import Codes, Corpus, Floats, Ints, form_strata
from reverie.storage.learning.digests import DATED, load_corpus, mined
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.sessions.condition import condition_of

_ROWS_AT_ONCE = 10_000
_COUNTS = {
    **{name: name for name in ("questions", "confirmations", "fallbacks", "escalations", "threads", "errors")},
    "user_turns": "user turns",
    "hand_offs": "hand-offs",
}
"""Counts by the digest's column, and what a session table calls them."""
_MEASURES = {
    "started_at": f"extract(epoch FROM {DATED})::float8",
    **{name: f"d.{name}::float8" for name in ("sentiment_first", "sentiment_last", "sentiment_lowest")},
    **{name: f"d.{name}::float8" for name in (*_COUNTS, "seconds", "cost_usd")},
    # Sources that do not say how many tokens were used leave zeros.
    "tokens": "nullif(d.input_tokens + d.output_tokens, 0)::float8",
}
_COLUMNS = {"opening": "left(d.opening, 400)", "intent": "d.intent", "actions": "d.actions"}
_VECTOR = {"vector": "d.vector", "embedder": "d.embedder"}


async def load_session_table(
    database: Database, segment: Segment, last_key: int, metrics: Sequence[Metric] = ()
) -> SessionTable:
    """The digested sessions of the segment, up to ``last_key``, as of one moment; ``metrics`` as for the corpus."""
    condition = condition_of(segment)
    parameters = {**condition.parameters, "last_key": last_key, "version": DIGEST_VERSION}
    digested = f"""FROM sessions s JOIN digests d ON d.session_key = s.key
        WHERE d.version = %(version)s AND {mined(condition)}"""
    async with database.connection() as connection:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        corpus = await load_corpus(connection, segment, last_key, metrics)
        columns = await _columns(connection, digested, parameters)
        scores = await _scores(connection, digested, parameters, corpus)
        hand_offs = await _hand_offs(connection, digested, parameters, corpus)
        position_of_code = await _positions(connection, corpus)
    # Many sessions take a while, in which a server can answer others.
    return await asyncio.to_thread(_made_table, corpus, columns, scores, hand_offs, position_of_code)


def _made_table(
    corpus: Corpus,
    columns: Mapping[str, list[Any]],
    scores: Mapping[str, Floats],
    hand_offs: Sequence[tuple[int, str, str]],
    position_of_code: Codes,
) -> SessionTable:
    corpus = without_scores_left_out(corpus)
    lengths = np.fromiter((len(codes) // 4 for codes in columns["actions"]), np.int64, len(corpus.session_ids))
    return SessionTable(
        corpus=corpus,
        strata=form_strata(corpus),
        signals=_signals(columns, scores),
        vectors=_vectors(columns["vector"], columns["embedder"]),
        action_session=np.repeat(np.arange(len(lengths), dtype=np.int32), lengths),
        action_code=position_of_code[np.frombuffer(b"".join(columns["actions"]), "<i4")],
        hand_off_session=np.array([session for session, _, _ in hand_offs], np.int32),
        hand_off_from=[giver for _, giver, _ in hand_offs],
        hand_off_to=[taker for _, _, taker in hand_offs],
    )


async def read_agent_texts(database: Database, table: SessionTable, sessions: Ints) -> list[tuple[int, list[str]]]:
    """The agents' messages, in order, of the sessions at these positions of the table."""
    position = {table.corpus.session_ids[i]: i for i in sessions.tolist()}
    query = """
        SELECT s.id, e.payload FROM events e JOIN sessions s ON s.key = e.session_key
        WHERE s.id = ANY(%s) AND e.type = 'agent.message' ORDER BY e.session_key, e.sequence
    """
    texts: dict[int, list[str]] = {}
    async with database.connection() as connection:
        async for session_id, payload in await connection.execute(query, [list(position)]):
            texts.setdefault(position[session_id], []).append(text_of(Event("agent.message", payload)))
    return sorted(texts.items())


async def _columns(connection: Connection, digested: str, parameters: dict[str, Any]) -> dict[str, list[Any]]:
    """Columns of values in the order of the corpus."""
    wanted = {**_COLUMNS, **_VECTOR, **_MEASURES}
    columns: dict[str, list[Any]] = {name: [] for name in wanted}
    query = f'SELECT {", ".join(wanted.values())} {digested} ORDER BY s.id COLLATE "C"'
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(query.encode(), parameters)
        while rows := await cursor.fetchmany(_ROWS_AT_ONCE):
            for column, values in zip(columns.values(), zip(*rows, strict=True), strict=True):
                column.extend(values)
    return columns


async def _scores(
    connection: Connection, digested: str, parameters: dict[str, Any], corpus: Corpus
) -> dict[str, Floats]:
    position = _position(corpus)
    scores: dict[str, Floats] = {}
    query = f"""SELECT chosen.id, scores.metric, scores.value FROM (SELECT s.key, s.id {digested}) chosen
        JOIN scores ON scores.session_key = chosen.key ORDER BY scores.metric"""
    async for session_id, metric, value in await connection.execute(query.encode(), parameters):
        scores.setdefault(metric, np.full(len(position), np.nan))[position[session_id]] = value
    return scores


async def _hand_offs(
    connection: Connection, digested: str, parameters: dict[str, Any], corpus: Corpus
) -> list[tuple[int, str, str]]:
    """Session position, from and to: each time an agent acts after another did, a pair once a session."""
    query = f"""
        WITH chosen AS (SELECT s.key, s.id {digested} AND d.hand_offs > 0),
        named AS (
            SELECT e.session_key, e.payload->>'session_thread_id' AS thread, max(e.payload->>'agent_name') AS agent
            FROM chosen JOIN events e ON e.session_key = chosen.key
            WHERE e.type = 'session.thread_created' GROUP BY 1, 2
        ),
        acting AS (
            SELECT chosen.id, coalesce(nullif(named.agent, ''), e.thread_id) AS taker,
                lag(coalesce(nullif(named.agent, ''), e.thread_id)) OVER turns AS giver, row_number() OVER turns AS turn
            FROM chosen JOIN events e ON e.session_key = chosen.key
            LEFT JOIN named ON named.session_key = e.session_key AND named.thread = e.thread_id
            WHERE e.type IN ('agent.message', 'agent.tool_use')
            WINDOW turns AS (PARTITION BY chosen.key ORDER BY e.sequence)
        )
        SELECT DISTINCT id, coalesce(giver, %(main)s), coalesce(taker, %(main)s) FROM acting
        WHERE turn > 1 AND giver IS DISTINCT FROM taker
    """
    position = _position(corpus)
    rows = await connection.execute(query.encode(), {**parameters, "main": MAIN_AGENT})
    return sorted([(position[session_id], giver, taker) async for session_id, giver, taker in rows])


async def _positions(connection: Connection, corpus: Corpus) -> Codes:
    """Where in the corpus's names a stored code is."""
    place = {(name.situation.text, name.name.text): i for i, name in enumerate(corpus.names)}
    rows = await (await connection.execute("SELECT code, situation, name FROM behaviours")).fetchall()
    positions = np.full(max((code for code, _, _ in rows), default=0) + 1, -1, np.int32)
    for code, situation, name in rows:
        positions[code] = place[situation, name]
    return positions


def _position(corpus: Corpus) -> dict[str, int]:
    return {session_id: i for i, session_id in enumerate(corpus.session_ids)}


def _signals(columns: Mapping[str, list[Any]], scores: Mapping[str, Floats]) -> SignalColumns:
    measures = {name: np.array(columns[name], np.float64) for name in _MEASURES}
    return SignalColumns(
        opening=columns["opening"],
        intent=columns["intent"],
        counts={name: measures.pop(column) for column, name in _COUNTS.items()},
        scores=scores,
        **measures,
    )


def _vectors(packed: Sequence[bytes | None], embedders: Sequence[str | None]) -> Vectors:
    """Vectors of the commonest embedder; zeros for openings that have none of it."""
    known = Counter(name for name in embedders if name is not None)
    if not known:
        return np.zeros((len(packed), 0), np.float32)
    embedder = known.most_common(1)[0][0]
    rows = [i for i, name in enumerate(embedders) if name == embedder]
    chosen = [value for i in rows if (value := packed[i]) is not None]
    unpacked = unpack_vectors(chosen, len(chosen[0]) // 2)
    vectors = np.zeros((len(packed), unpacked.shape[1]), np.float32)
    vectors[rows] = unpacked
    return vectors
