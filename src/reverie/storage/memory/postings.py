"""The index of terms behind recall: for each term the memories that hold it, packed into blocks.

A block is at most :data:`BLOCK` postings of eight bytes, by ascending number; blocks of a term do not overlap. Every
indexed content gets a new, higher number, so additions go to the end of a term's last block.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

from reverie.memory.language import AS_IT_IS, OTHER_LATIN
from reverie.memory.path import QUARANTINE
from reverie.memory.rank import INDEX_VERSION, MOST_OCCURRENCES, POSTING, Postings, Terms, Words, count_terms
from reverie.memory.words import cut_words, fold, stemmed_words, text_language
from reverie.storage.postgres.database import Connection

_MADE_AT_ONCE = 5_000
BLOCK = 230  # A row of so many stays in the table's page: PostgreSQL moves rows above some 2,000 bytes out.

_SELECT_BLOCKS = """
SELECT b.term, b.first_number, b.postings FROM unnest(%s::text[], %s::bigint[]) AS sought (term, number)
CROSS JOIN LATERAL (
    SELECT term, first_number, postings FROM memory_postings AS p
    WHERE p.memory_store_id = %s AND p.term = sought.term AND p.first_number <= sought.number
    ORDER BY p.first_number DESC LIMIT 1
) AS b
"""
_UPSERT_BLOCKS = """
INSERT INTO memory_postings (memory_store_id, term, first_number, postings)
SELECT %s, * FROM unnest(%b::text[], %b::bigint[], %b::bytea[])
ON CONFLICT (memory_store_id, term, first_number) DO UPDATE SET postings = excluded.postings
"""
_DELETE_BLOCKS = """
DELETE FROM memory_postings AS p USING unnest(%s::text[], %s::bigint[]) AS gone (term, first_number)
WHERE p.memory_store_id = %s AND p.term = gone.term AND p.first_number = gone.first_number
"""

_UPDATE_STORE = """
UPDATE memory_stores SET term_count = term_count + %s, last_number = greatest(last_number, %s),
    languages = ARRAY(SELECT DISTINCT unnest(languages || %s::text[]) ORDER BY 1)
WHERE id = %s
"""
_SELECT_UNINDEXED = """
SELECT id, path, content FROM memories WHERE memory_store_id = %s AND path > %s ORDER BY path LIMIT %s
"""

_NONE: Postings = np.array([], POSTING)
_Blocks = dict[tuple[str, int], Postings]


class IndexedText(msgspec.Struct, frozen=True):
    """A memory's words, and the number they have in the index."""

    number: int
    path: str
    content: str


async def change_index(
    conn: Connection, store_id: str, removed: Sequence[IndexedText], added: Sequence[IndexedText]
) -> list[int]:
    """Take texts out of the index and put others in; returns the lengths, in terms, of those added.

    Quarantined texts have length 0 and are found by no query. The store's counts are brought up to date. The caller
    holds the store's lock; numbers added are above all in the index.
    """
    words = {text.number: _words(text) for text in (*removed, *added)}
    stems = await read_terms(conn, _by_stemmer(part for parts in words.values() for part in parts))
    terms = {number: count_terms(*parts, stems) for number, parts in words.items()}
    gone = _invert({text.number: terms[text.number] for text in removed})
    new = _invert({text.number: terms[text.number] for text in added})
    lengths = [terms[text.number].total() for text in added]
    grown = sum(lengths) - sum(terms[text.number].total() for text in removed)
    blocks = await _read_blocks(conn, store_id, gone, new)
    await _write_blocks(conn, store_id, blocks, _changed_blocks(blocks, gone, new))
    last = max((text.number for text in added), default=0)
    await conn.execute(_UPDATE_STORE, [grown, last, sorted(stems.keys() & OTHER_LATIN), store_id])
    return lengths


async def read_postings(conn: Connection, store_id: str, terms: Iterable[str]) -> dict[str, Postings]:
    """All postings of each term that occurs at all."""
    rows = await conn.cursor(binary=True).execute(
        "SELECT term, string_agg(postings, '' ORDER BY first_number) FROM memory_postings"
        " WHERE memory_store_id = %s AND term = ANY(%s) GROUP BY term",
        [store_id, list(terms)],
    )
    return {term: np.frombuffer(packed, POSTING) for term, packed in await rows.fetchall()}


async def ensure_index(conn: Connection, store_id: str) -> None:
    """Make the index of a store again where an older Reverie, which counted terms in another way, has made it."""
    query = "SELECT FROM memory_stores WHERE id = %s AND index_version <> %s"
    if await (await conn.execute(query, [store_id, INDEX_VERSION])).fetchone() is None:
        return
    if await (await conn.execute(f"{query} FOR UPDATE", [store_id, INDEX_VERSION])).fetchone() is None:
        return  # another process has just done it
    await conn.execute("DELETE FROM memory_postings WHERE memory_store_id = %s", [store_id])
    await conn.execute("UPDATE memory_stores SET term_count = 0, last_number = 0 WHERE id = %s", [store_id])
    path = ""
    while path := await _index_next(conn, store_id, path):
        pass
    await conn.execute("UPDATE memory_stores SET index_version = %s WHERE id = %s", [INDEX_VERSION, store_id])


async def read_terms(conn: Connection, words: Words) -> Terms:
    """The terms of words, by the stemmers they go through: the stem, and that of the word without its accents.

    Both without accents. Stop words have no terms; words taken as they are are not looked up.
    """
    asked = {
        stemmer: list(dict.fromkeys([*found, *map(fold, found)]))
        for stemmer, found in words.items()
        if stemmer != AS_IT_IS
    }
    selects = [
        f"SELECT '{stemmer}', word, stems[1]"
        f" FROM unnest(%s::text[]) AS word, ts_lexize('{stemmer}_stem', word) AS stems WHERE cardinality(stems) > 0"
        for stemmer in asked
    ]
    stems: dict[str, dict[str, str]] = {stemmer: {} for stemmer in asked}
    if asked:
        rows = await conn.execute(" UNION ALL ".join(selects), list(asked.values()))
        for stemmer, word, stem in await rows.fetchall():
            stems[stemmer][word] = fold(stem)
    return {
        stemmer: {
            word: tuple(dict.fromkeys([stem, *filter(None, [stemmed.get(fold(word))])]))
            for word, stem in stemmed.items()
        }
        for stemmer, stemmed in stems.items()
    }


async def _index_next(conn: Connection, store_id: str, after: str) -> str:
    """Index the memories that follow a path, as many as are made at once; the last one's path, empty at the end."""
    rows = await conn.execute(_SELECT_UNINDEXED, [store_id, after, _MADE_AT_ONCE])
    memories = await rows.fetchall()
    counted = await conn.execute("SELECT last_number FROM memory_stores WHERE id = %s", [store_id])
    ((last_number,),) = await counted.fetchall()
    texts = [IndexedText(number, path, content) for number, (_, path, content) in enumerate(memories, last_number + 1)]
    lengths = await change_index(conn, store_id, [], texts)
    await conn.execute(
        "UPDATE memories AS m SET number = given.number, term_count = given.length"
        " FROM unnest(%s::text[], %s::bigint[], %s::integer[]) AS given (id, number, length) WHERE m.id = given.id",
        [[row[0] for row in memories], [text.number for text in texts], lengths],
    )
    return texts[-1].path if texts else ""


def _words(text: IndexedText) -> tuple[Words, Words]:
    """Of the path and of the content, stemmed alike."""
    if text.path.startswith(QUARANTINE):
        return {}, {}
    cut = cut_words(text.content)
    language = text_language(cut)
    return stemmed_words(cut_words(text.path), language), stemmed_words(cut, language)


def _by_stemmer(texts: Iterable[Words]) -> Words:
    """Each word of some texts, once for each stemmer."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for text in texts:
        for stemmer, words in text.items():
            found[stemmer].update(dict.fromkeys(words))
    return {stemmer: list(words) for stemmer, words in found.items()}


def _invert(held: Mapping[int, Counter[str]]) -> dict[str, Postings]:
    """The postings of each term, from the terms that each number holds."""
    rows = np.array(
        [
            (number, min(occurrences, MOST_OCCURRENCES), min(length, MOST_OCCURRENCES))
            for number, counts in sorted(held.items())
            for length in [counts.total()]
            for occurrences in counts.values()
        ],
        POSTING,
    )
    terms = [term for _, counts in sorted(held.items()) for term in counts]
    code_of = {term: code for code, term in enumerate(dict.fromkeys(terms))}
    codes = np.fromiter((code_of[term] for term in terms), np.int64, len(terms))
    ends = np.cumsum(np.bincount(codes, minlength=len(code_of)))
    parts = np.split(rows[np.argsort(codes, kind="stable")], ends[:-1]) if terms else []
    return dict(zip(code_of, parts, strict=True))


async def _read_blocks(
    conn: Connection, store_id: str, gone: Mapping[str, Postings], new: Mapping[str, Postings]
) -> _Blocks:
    """The blocks that postings are in, or are to be added to."""
    sought = {(term, int(number)) for term, postings in gone.items() for number in postings["memory"]}
    sought.update((term, int(postings["memory"][0])) for term, postings in new.items())
    rows = await conn.cursor(binary=True).execute(
        _SELECT_BLOCKS, [[term for term, _ in sought], [number for _, number in sought], store_id]
    )
    return {(term, first): np.frombuffer(packed, POSTING) for term, first, packed in await rows.fetchall()}


def _changed_blocks(blocks: _Blocks, gone: Mapping[str, Postings], new: Mapping[str, Postings]) -> _Blocks:
    """The blocks as they shall be, in place of those read; an emptied block is left out."""
    by_term: dict[str, list[Postings]] = defaultdict(list)
    for (term, _), postings in sorted(blocks.items(), key=lambda item: item[0]):
        kept = postings[~np.isin(postings["memory"], gone[term]["memory"])] if term in gone else postings
        by_term[term].append(kept)
    changed: _Blocks = {}
    for term in by_term.keys() | new.keys():
        parts = by_term.get(term, [])
        if term in new:
            # Old and new meet in the last block alone.
            parts[-1:] = [np.concatenate([*parts[-1:], new[term]])]
        for part in parts:
            for start in range(0, len(part), BLOCK):
                block = part[start : start + BLOCK]
                changed[term, int(block["memory"][0])] = block
    return changed


async def _write_blocks(conn: Connection, store_id: str, before: _Blocks, after: _Blocks) -> None:
    gone = sorted(before.keys() - after.keys())
    await conn.execute(_DELETE_BLOCKS, [[term for term, _ in gone], [first for _, first in gone], store_id])
    written = sorted(key for key, block in after.items() if not np.array_equal(block, before.get(key, _NONE)))
    await conn.execute(
        _UPSERT_BLOCKS,
        [
            store_id,
            [term for term, _ in written],
            [first for _, first in written],
            [after[key].tobytes() for key in written],
        ],
    )
