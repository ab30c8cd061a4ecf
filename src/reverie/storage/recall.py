"""The index of terms behind recall: written with each memory, read rarest term first."""

from collections.abc import Iterable, Sequence

from psycopg.rows import args_row

from reverie.memory.rank import (
    Posting,
    QueryTerm,
    Ranking,
    RecallHit,
    count_terms,
    inverse_document_frequency,
    words_of,
)
from reverie.storage.database import Connection

_HEADLINE = 'StartSel="", StopSel="", MinWords=15, MaxWords=40'
# Equal scores in path order, so that the same store gives the same hits wherever it is kept.
_SELECT_HITS = """
SELECT path, id, score, ts_headline('english', content, %s::tsquery, %s) FROM (
    SELECT path, id, score, content FROM memories
    JOIN unnest(%s::text[], %s::double precision[]) AS best (id, score) USING (id)
    ORDER BY score DESC, path LIMIT %s
) AS hits ORDER BY score DESC, path
"""


async def index_memories(conn: Connection, store_id: str, documents: Sequence[tuple[str, str, str]]) -> int:
    """Add the terms of memories given as (id, path, content); returns how many terms occur in them."""
    stems = await _read_stems(
        conn, {word for _, path, content in documents for text in (path, content) for word in words_of(text)}
    )
    total = 0
    async with conn.cursor() as cursor, cursor.copy("COPY memory_terms FROM STDIN") as copy:
        for memory_id, path, content in documents:
            counts = count_terms(path, content, stems)
            length = counts.total()
            total += length
            for term, occurrences in counts.items():
                await copy.write_row((store_id, term, memory_id, occurrences, length))
    return total


async def unindex_memories(conn: Connection, memory_ids: Sequence[str]) -> int:
    """Remove the terms of memories; returns how many terms occurred in them."""
    rows = await conn.execute(
        "WITH gone AS (DELETE FROM memory_terms WHERE memory_id = ANY(%s) RETURNING occurrences)"
        " SELECT coalesce(sum(occurrences), 0)::bigint FROM gone",
        [list(memory_ids)],
    )
    row = await rows.fetchone()
    return row[0] if row else 0


async def recall(conn: Connection, store_id: str, query: str, limit: int) -> tuple[RecallHit, ...]:
    """The memories that suit the query best, best first; any of its words may match.

    Words are stemmed as PostgreSQL's ``english`` configuration does, and its stop words are left out.
    """
    ranking = await _open_ranking(conn, store_id, query, limit)
    for term in ranking.terms:
        ranking.add(term, await _read_postings(conn, store_id, term.stem, ranking.contenders()))
    best = ranking.best()
    # Stems hold letters and digits only, so they need no quoting inside the quotes.
    lexemes = " | ".join(f"'{term.stem}'" for term in ranking.terms)
    rows = await conn.execute(_SELECT_HITS, [lexemes, _HEADLINE, list(best), list(best.values()), limit])
    return tuple(
        RecallHit(path, memory_id, score, ranking.reasons(memory_id), " ".join(headline.split()))
        for path, memory_id, score, headline in await rows.fetchall()
    )


async def _open_ranking(conn: Connection, store_id: str, query: str, limit: int) -> Ranking:
    stems = await _read_stems(conn, words_of(query))
    first_words = {stem: word for word, stem in reversed(stems.items())}
    rows = await conn.execute("SELECT memory_count, term_count FROM memory_stores WHERE id = %s", [store_id])
    memories, terms = await rows.fetchone() or (0, 0)
    rows = await conn.execute(
        "SELECT term, count(*) FROM memory_terms WHERE memory_store_id = %s AND term = ANY(%s) GROUP BY term",
        [store_id, list(first_words)],
    )
    query_terms = [
        QueryTerm(stem, first_words[stem], inverse_document_frequency(memories, holding))
        for stem, holding in await rows.fetchall()
    ]
    return Ranking(query_terms, mean_length=terms / max(memories, 1), limit=limit)


async def _read_postings(conn: Connection, store_id: str, term: str, memory_ids: list[str] | None) -> list[Posting]:
    query = "SELECT memory_id, occurrences, memory_length FROM memory_terms WHERE memory_store_id = %s AND term = %s"
    async with conn.cursor(row_factory=args_row(Posting), binary=True) as cursor:
        if memory_ids is None:
            await cursor.execute(query, [store_id, term])
        else:
            await cursor.execute(f"{query} AND memory_id = ANY(%s)", [store_id, term, memory_ids])
        return await cursor.fetchall()


async def _read_stems(conn: Connection, words: Iterable[str]) -> dict[str, str]:
    """The stem of each word, in the words' order; stop words have none."""
    rows = await conn.execute(
        "SELECT word, stems[1] FROM unnest(%s::text[]) WITH ORDINALITY AS words (word, position),"
        " ts_lexize('english_stem', word) AS stems WHERE cardinality(stems) > 0 ORDER BY position",
        [list(dict.fromkeys(words))],
    )
    return dict(await rows.fetchall())
