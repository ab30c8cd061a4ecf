"""Recall: the memories that suit a query, from the index of terms, their neighbours, their meaning and their use."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from reverie.lessons.asker import ANYONE, Asker, is_for
from reverie.lessons.lesson import Scope
from reverie.memory.activation import UseTrace, activation
from reverie.memory.hit import Reason, RecallHit
from reverie.memory.language import AS_IT_IS, ENGLISH
from reverie.memory.memory import Tier
from reverie.memory.passage import passage
from reverie.memory.policy import MemoryPolicy, RecallPolicy
from reverie.memory.rank import (
    Floats,
    Links,
    Postings,
    QueryTerm,
    best_by_words,
    contributions_in_context,
    inverse_document_frequency,
    likeness,
    merge_postings,
    unanswered,
)
from reverie.memory.salience import impact, shown_tokens
from reverie.memory.series import series_neighbours
from reverie.memory.words import LATIN, cut_words, stemmed_words, text_language
from reverie.storage.memory.policies import read_policy
from reverie.storage.memory.postings import ensure_index, read_postings, read_terms
from reverie.storage.memory.uses import LESSON_OF_MEMORY, lesson_effect, use_trace
from reverie.storage.postgres.database import Connection

if TYPE_CHECKING:  # the embedders' libraries take longer to load than a recall
    from reverie.digests.vector import TextEmbedder

_EMBEDDED_CHARACTERS = 2_000
_SELECT_CONTENDERS = f"""
SELECT m.id, m.path, m.number, m.term_count, m.content_size_bytes, m.tier, m.said_at,
    u.use_count, u.first_at, u.recent, l.lesson -> 'effect',
    (SELECT coalesce(array_agg(ended_at), '{{}}') FROM memory_confirmations
     WHERE memory_store_id = m.memory_store_id AND path = m.path),
    CASE WHEN %s THEN left(m.content, {_EMBEDDED_CHARACTERS}) ELSE '' END
FROM found AS m LEFT JOIN memory_uses AS u ON u.memory_id = m.id {LESSON_OF_MEMORY}
"""
# One look-up a row (OFFSET 0 keeps it so), since after a bulk load the planner does not know yet how large a store is.
_BY_NUMBER = """
WITH found AS (SELECT m.* FROM unnest(%s::bigint[]) AS sought CROSS JOIN LATERAL (
    SELECT * FROM memories WHERE memory_store_id = %s AND number = sought OFFSET 0) AS m)
"""
_BY_PATH = """
WITH found AS (SELECT m.* FROM unnest(%s::text[]) AS sought CROSS JOIN LATERAL (
    SELECT * FROM memories WHERE memory_store_id = %s AND path = sought COLLATE "C" OFFSET 0) AS m)
"""
_SELECT_ADOPTED = """
SELECT m.number, coalesce(l.lesson -> 'scope', '{}'), coalesce(l.lesson ->> 'behaviour', ''), l.lesson -> 'effect'
FROM lessons AS l CROSS JOIN LATERAL (
    SELECT number FROM memories WHERE memory_store_id = l.memory_store_id AND lesson_id = l.id OFFSET 0) AS m
WHERE l.memory_store_id = %s AND l.status = 'adopted' AND l.kind <> 'training_priority'
"""
_READ_CHARACTERS = 20_000


class _Contender(msgspec.Struct, frozen=True):
    """A memory that may be shown."""

    memory_id: str
    path: str
    number: int
    length: int
    size_bytes: int
    tier: Tier
    written_at: datetime
    uses: UseTrace | None
    effect: float
    confirmed_at: list[datetime]
    text: str


@dataclass(frozen=True)
class _Query:
    """A query against a store's index."""

    text: str
    terms: list[tuple[QueryTerm, Postings]]
    """Words that some memory holds."""
    searched: tuple[str, ...]
    """What the index was asked for."""
    weight: float
    """The sum of what all its words tell, those that no memory holds included; at least 1."""
    mean_length: float
    scopes: dict[int, float]
    """The lessons found by scope, by number: how sure each is (0.5 to 1)."""


async def recall(
    conn: Connection,
    store_id: str,
    query: str,
    limit: int,
    *,
    now: datetime,
    embedder: TextEmbedder | None = None,
    most_tokens: int | None = None,
    asker: Asker | None = ANYONE,
    hidden: Collection[str] = (),
) -> tuple[RecallHit, ...]:
    """The memories that suit the query best, best first, by the store's policy.

    Any word of the query may match, in any grammatical form that PostgreSQL's stemmer of its language knows; stop words
    are left out. Of the memories so found and their neighbours in series, ``embedder`` compares the meaning too;
    without it the words decide alone. Adopted lessons that are for ``asker`` are found without any word; None leaves
    that out. A hit that would take the contents over ``most_tokens`` (by default the store's budget) is passed over for
    the next. Quarantined memories, and those whose ids are ``hidden``, are never found.

    Raises:
        NotFoundError: there is no such store.
    """
    policy = (await read_policy(conn, store_id)).memory
    await ensure_index(conn, store_id)
    opened = await _open_query(conn, store_id, query)
    if asker is not None and policy.recall.scope_lessons:
        opened = replace(opened, scopes=await _read_scopes(conn, store_id, opened, policy.recall, asker))
    read = await _read_contenders(conn, store_id, opened, policy.recall, with_text=embedder is not None)
    contenders = [each for each in read if each.memory_id not in hidden]
    if not contenders:
        return ()
    # Comparing meanings takes a moment, in which a server can answer others.
    hits = await asyncio.to_thread(_rank, opened, contenders, policy, embedder, now)
    shown = _within(hits, limit, policy.budget.shown_tokens if most_tokens is None else most_tokens)
    snippets = await _read_snippets(conn, opened, [hit.memory_id for hit in shown])
    return tuple(msgspec.structs.replace(hit, snippet=snippets[hit.memory_id]) for hit in shown)


async def _open_query(conn: Connection, store_id: str, query: str) -> _Query:
    rows = await conn.execute("SELECT memory_count, term_count, languages FROM memory_stores WHERE id = %s", [store_id])
    memories, length, languages = await rows.fetchone() or (0, 0, [])
    terms_of = await _read_query_terms(conn, query, languages)
    found = await read_postings(conn, store_id, [term for terms in terms_of.values() for term in terms])
    held = {
        word: merge_postings([found[term] for term in terms if term in found])
        for word, terms in terms_of.items()
        if not found.keys().isdisjoint(terms)
    }
    idf = {word: inverse_document_frequency(memories, len(held.get(word, ()))) for word in terms_of}
    return _Query(
        text=query,
        terms=[(QueryTerm(terms_of[word][0], word, idf[word]), postings) for word, postings in held.items()],
        searched=tuple(found),
        weight=max(1.0, sum(idf.values())),
        mean_length=length / max(memories, 1),
        scopes={},
    )


async def _read_query_terms(conn: Connection, query: str, languages: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What each word of a query is looked for as, in the query's order; a word that says the same as another is left
    out, and so is a stop word of the query's language.

    Words in Latin script are looked for in all languages of the store: a query is too short to be sure of its own.
    """
    cut = cut_words(query)
    own = text_language(cut)
    others = [language for language in dict.fromkeys([ENGLISH, *languages]) if language != own]
    words = stemmed_words(cut, own)
    terms = await read_terms(conn, {**words, **{language: cut[LATIN] for language in others if cut[LATIN]}})
    found: dict[str, tuple[str, ...]] = {}
    taken: set[str] = set()
    for stemmer, listed in words.items():
        for word in dict.fromkeys(listed):
            first = (word,) if stemmer == AS_IT_IS else terms[stemmer].get(word, ())
            if first and taken.isdisjoint(first):
                variants = [term for language in others if stemmer == own for term in terms[language].get(word, ())]
                found[word] = tuple(dict.fromkeys([*first, *variants]))
                taken.update(found[word])
    return found


async def _read_scopes(
    conn: Connection, store_id: str, query: _Query, policy: RecallPolicy, asker: Asker
) -> dict[int, float]:
    """The surest lessons that are for the asker, no more than may be found, by number.

    The surest counts 1, one whose effect has no certain size in reward half of that.
    """
    rows = await conn.execute(_SELECT_ADOPTED, [store_id])
    effects = {
        number: lesson_effect(effect)
        for number, scope, behaviour, effect in await rows.fetchall()
        if is_for(msgspec.convert(scope, Scope), behaviour, asker, query.text)
    }
    surest = sorted(effects, key=lambda number: (-effects[number], number))[: policy.scope_lessons]
    most = max(effects.values(), default=0.0) or 1.0
    return {number: (1 + effects[number] / most) / 2 for number in surest}


async def _read_contenders(
    conn: Connection, store_id: str, query: _Query, policy: RecallPolicy, *, with_text: bool
) -> list[_Contender]:
    """The best by their own words, those found by scope and, where any stand in series, those around them."""
    numbers = best_by_words(query.terms, query.mean_length, policy.candidates).tolist()
    numbers = list(dict.fromkeys([*numbers, *query.scopes]))
    found = await _select(conn, store_id, _BY_NUMBER, numbers, with_text=with_text)
    # Twice the reach, so that a neighbour that enters is itself seen with its neighbours.
    around = {path for each in found for path, _ in series_neighbours(each.path, 2 * policy.context_reach)}
    around -= {each.path for each in found}
    if around:
        found += await _select(conn, store_id, _BY_PATH, sorted(around), with_text=with_text)
    return found


async def _select(
    conn: Connection, store_id: str, by: str, values: Sequence[object], *, with_text: bool
) -> list[_Contender]:
    cursor = await conn.execute(f"{by} {_SELECT_CONTENDERS}", [list(values), store_id, with_text])
    return [_contender(*row) for row in await cursor.fetchall()]


def _contender(*row: Any) -> _Contender:
    memory_id, path, number, length, size, tier, written_at, count, first_at, recent, effect, confirmed_at, text = row
    uses = use_trace(count, first_at, recent)
    return _Contender(
        memory_id, path, number, length, size, tier, written_at, uses, lesson_effect(effect), confirmed_at, text
    )


def _rank(
    query: _Query, contenders: Sequence[_Contender], policy: MemoryPolicy, embedder: TextEmbedder | None, now: datetime
) -> list[RecallHit]:
    """All contenders that anything speaks for, best first, equals in path order; snippets are still empty."""
    numbers = np.array([each.number for each in contenders])
    lengths = np.array([each.length for each in contenders], dtype=np.float64)
    links = _links(contenders, policy.recall)
    by_words = contributions_in_context(query.terms, numbers, lengths, query.mean_length, links)
    meaning = _meanings(query, contenders, by_words, policy.recall, embedder)
    most = policy.recall.scope_weight * unanswered(query.weight, float(by_words.sum(axis=0).max()))
    hits = [
        _hit(query, each, by_words[:, row], float(meaning[row]), most * query.scopes.get(each.number, 0.0), policy, now)
        for row, each in enumerate(contenders)
    ]
    return sorted((hit for hit in hits if hit.score > 0), key=lambda hit: (-hit.score, hit.path))


def _links(contenders: Sequence[_Contender], policy: RecallPolicy) -> Links:
    row_of = {each.path: row for row, each in enumerate(contenders)}
    found = [
        (row, row_of[path], policy.context_decay**distance)
        for row, each in enumerate(contenders)
        for path, distance in series_neighbours(each.path, policy.context_reach)
        if path in row_of
    ]
    rows, others, weights = zip(*found, strict=True) if found else ((), (), ())
    return Links(np.array(rows, np.int64), np.array(others, np.int64), np.array(weights, np.float64))


def _meanings(
    query: _Query,
    contenders: Sequence[_Contender],
    by_words: Floats,
    policy: RecallPolicy,
    embedder: TextEmbedder | None,
) -> Floats:
    """What meaning adds, in the words' units: so much that it decides ``meaning_weight`` of the best's relevance."""
    if embedder is None:
        return np.zeros(len(contenders))
    vectors = embedder.embed([query.text, *(each.text for each in contenders)])
    share = policy.meaning_weight / (1 - policy.meaning_weight)
    return likeness(vectors[0], vectors[1:]) * float(by_words.sum(axis=0).max()) * share


def _hit(
    query: _Query,
    contender: _Contender,
    by_words: Floats,
    meaning: float,
    scope: float,
    policy: MemoryPolicy,
    now: datetime,
) -> RecallHit:
    reasons = [
        Reason(term.word, float(added)) for (term, _), added in zip(query.terms, by_words, strict=True) if added > 0
    ]
    relevance = float(by_words.sum()) + meaning + scope
    salience = policy.salience
    active = activation(contender.tier, contender.written_at, contender.uses, contender.confirmed_at, salience, now)
    impacting = impact(contender.effect, salience)
    return RecallHit(
        path=contender.path,
        memory_id=contender.memory_id,
        score=relevance * active * impacting,
        reasons=tuple(sorted(reasons, key=lambda reason: (-reason.contribution, reason.term))),
        snippet="",
        relevance=relevance,
        meaning=meaning,
        activation=active,
        impact=impacting,
        tier=contender.tier,
        tokens=shown_tokens(contender.size_bytes),
        scope=scope,
    )


def _within(hits: Sequence[RecallHit], limit: int, most_tokens: int) -> list[RecallHit]:
    shown: list[RecallHit] = []
    left = most_tokens
    for hit in hits:
        if len(shown) == limit:
            break
        if hit.tokens <= left:
            shown.append(hit)
            left -= hit.tokens
    return shown


async def _read_snippets(conn: Connection, query: _Query, memory_ids: Sequence[str]) -> dict[str, str]:
    rows = await conn.execute(
        "SELECT id, left(content, %s) FROM memories WHERE id = ANY(%s)", [_READ_CHARACTERS, list(memory_ids)]
    )
    return {memory_id: passage(content, query.searched) for memory_id, content in await rows.fetchall()}
