"""Themes: openings that ask for like things, found without a list of topics, with a name a person understands.

Openings become points by latent semantic analysis of their TF-IDF weights (Deerwester et al. 1990), beside the digest's
text vectors where there are any, and are grouped by k-means on the unit sphere (Dhillon & Modha 2001). Names are the
terms with the highest class-based TF-IDF (Grootendorst 2022).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from reverie.overview.clusters import Points, k_means, nearest_centre, settle, silhouette, squared_distances
from reverie.overview.overview import Exemplar, Theme
from reverie.overview.stop_words import ENGLISH_STOP_WORDS
from reverie.overview.table import OTHER, SessionTable, examples, task_clusters
from reverie.overview.terms import TermMatrix, count_terms, main_directions, weigh_by_rarity
from reverie.statistics.corpus import Codes, Floats, Ints
from reverie.statistics.interval import rate_of

_READ_CHARACTERS = 300
"""Of an opening; what is wanted comes early."""
_LEAST_OPENINGS = 24
_CANDIDATES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
_OPENINGS_PER_THEME = 12
"""Different openings per theme, at least, for a number of themes to be tried."""
_ALMOST_BEST = 0.02
_FITTED, _JUDGED = 10_000, 2_000
"""Openings the centres are fitted on, and openings the number of themes is chosen by."""
_REFINEMENTS = 10
"""Rounds of k-means on all fitted openings, from centres found on those that the number is chosen by."""
_DIMENSIONS = 50
_MOST_TERMS = 20_000
_WORD = r"\b[^\W\d_][^\W\d_]+\b"
"""Words without digits: order numbers are no topics."""
_POLITE = frozenset({
    "assist", "assistance", "dear", "hello", "help", "hey", "hi", "hope", "hoping", "im", "just", "know", "let", "like",
    "looking", "need", "please", "really", "sure", "tell", "thank", "thanks", "today", "try", "trying", "want",
    "wondering", "yes",
})  # fmt: skip
"""Words of openings that say nothing of what is asked for."""
_TYPICAL_INTENT = 0.5
_NAME_TERMS = 3
_TELLING = 0.5
"""Share of the best term's score that a further term of a name must have."""
_PAIR_BONUS = 0.5
"""Pairs of words read better than their words, and are rarer."""
_LONGEST_EXEMPLAR = 160
_SEED = 20_260_103


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Which theme each session's opening belongs to."""

    code: Codes
    """Per session, position in ``names``; −1 for none."""
    names: Sequence[str]
    nearness: Floats
    """Per session, cosine to its theme's centre."""
    chosen_by: str
    """How many themes there are, and why, in words."""

    def labels(self) -> list[str]:
        """The theme's name for each session, ``other`` where it has none."""
        return [self.names[code] if code >= 0 else OTHER for code in self.code.tolist()]


def task_families(table: SessionTable) -> tuple[str, ...]:
    """A family for each session, to compare within where tasks do not repeat: the theme of its opening."""
    return tuple(group_openings(table).labels())


def find_themes(table: SessionTable, grouping: Grouping) -> tuple[Theme, ...]:
    """The themes of a grouping, the largest first."""
    cluster = task_clusters(table)
    themes = []
    for code, name in enumerate(grouping.names):
        members = np.flatnonzero(grouping.code == code)
        scored = members[~np.isnan(table.reward[members])]
        themes.append(
            Theme(
                name=name,
                sessions=len(members),
                share=len(members) / table.size,
                reward=rate_of(table.reward[members], cluster[members]),
                exemplars=_exemplars(table, members, grouping.nearness),
                example_session_ids=examples(table, scored, good=False),
            )
        )
    return tuple(sorted(themes, key=lambda theme: (-theme.sessions, theme.name)))


def group_openings(table: SessionTable) -> Grouping:
    """Group the sessions by what their opening asks for.

    The number of themes is the smallest candidate whose silhouette (Rousseeuw 1987) is within 0.02 of the best,
    with at least 12 different openings to a theme. Equal openings
    count once, so that tasks run often do not become themes by being run often. Deterministic.
    """
    texts = [" ".join(opening[:_READ_CHARACTERS].lower().split()) for opening in table.signals.opening]
    position: dict[str, int] = {}
    of_session = np.fromiter((position.setdefault(text, len(position)) for text in texts), np.int64, len(texts))
    distinct = list(position)
    _, first = np.unique(of_session, return_index=True)
    if len(distinct) < _LEAST_OPENINGS:
        reason = f"no themes: only {len(distinct)} different openings"
        return Grouping(np.full(len(texts), -1, np.int32), (), np.zeros(len(texts)), reason)
    # Sums made by several threads differ in their last digits from run to run, and centres with them.
    with threadpool_limits(limits=1):
        weights = _weigh_terms(distinct)
        points = _place(weights, table.vectors[first])
        centres, chosen_by = _choose_centres(points)
        code = nearest_centre(points, centres).astype(np.int32)
    nearness = np.einsum("ij,ij->i", points, _unit(centres)[code])
    code[np.linalg.norm(points, axis=1) < 0.5] = -1
    code = _without_small(code)
    names = _names(code, weights, [table.signals.intent[i] for i in first.tolist()])
    return Grouping(code[of_session], names, nearness[of_session], chosen_by)


def _weigh_terms(texts: Sequence[str]) -> TermMatrix:
    """TF-IDF of single words and of pairs."""
    rare = 2 if len(texts) < _FITTED else 5
    counts = count_terms(
        texts, _WORD, 2, least_texts=rare, most_share=0.5, most_terms=_MOST_TERMS, left_out=ENGLISH_STOP_WORDS | _POLITE
    )
    return weigh_by_rarity(counts)


def _place(weights: TermMatrix, vectors: Points) -> Points:
    """Points of unit length, one per opening; zero where nothing is known of it."""
    blocks = []
    dimensions = min(_DIMENSIONS, len(weights.terms) - 1)
    if dimensions > 0:
        fitted = weights.rows(_spread(weights.texts, _FITTED))
        blocks.append(_unit(weights.times(main_directions(fitted, dimensions, np.random.default_rng(_SEED)))))
    if vectors.shape[1]:
        blocks.append(_unit(vectors.astype(np.float32)))
    return _unit(np.hstack(blocks)) if blocks else np.zeros((weights.texts, 1), np.float32)


def _unit(rows: Points) -> Points:
    """Rows of unit length; those of zeros stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def _choose_centres(points: Points) -> tuple[Points, str]:
    judged = points[_spread(len(points), _JUDGED)]
    candidates = [k for k in _CANDIDATES if k * _OPENINGS_PER_THEME <= len(points)]
    found = [k_means(judged, k, np.random.default_rng(_SEED)) for k in candidates]
    distances = np.sqrt(squared_distances(judged, judged))
    scores = [silhouette(distances, nearest_centre(judged, centres)) for centres in found]
    chosen = next(i for i, score in enumerate(scores) if score >= max(scores) - _ALMOST_BEST)
    reason = f"{candidates[chosen]} themes: silhouette {scores[chosen]:.2f}, best {max(scores):.2f} of {candidates}"
    return settle(points[_spread(len(points), _FITTED)], found[chosen], _REFINEMENTS), reason


def _spread(size: int, most: int) -> Ints:
    """Up to ``most`` positions, evenly spread."""
    return np.unique(np.linspace(0, size - 1, min(size, most)).astype(np.int64))


def _without_small(code: Codes) -> Codes:
    """Codes from 0, with the openings of themes that have too few of them in none."""
    present, sizes = np.unique(code[code >= 0], return_counts=True)
    new = np.full(int(code.max(initial=-1)) + 2, -1, np.int32)
    kept = present[sizes >= _OPENINGS_PER_THEME]
    new[kept] = np.arange(len(kept))
    return new[code]


def _names(code: Codes, weights: TermMatrix, intents: Sequence[str]) -> list[str]:
    """A different short name for each theme."""
    themes = int(code.max(initial=-1)) + 1
    terms = weights.terms
    theme_of = code[weights.text]
    inside = theme_of >= 0
    cell = theme_of[inside].astype(np.int64) * len(terms) + weights.term[inside]
    mass = np.bincount(cell, weights=weights.value[inside], minlength=themes * len(terms)).reshape(themes, len(terms))
    share = mass / np.maximum(mass.sum(axis=1, keepdims=True), 1e-9)
    rarity = np.log1p(mass.sum() / np.maximum(themes, 1) / np.maximum(mass.sum(axis=0), 1e-9))
    pairs_first = np.array([1.0 + _PAIR_BONUS * (" " in term) for term in terms])
    names: list[str] = []
    for theme in range(themes):
        score = share[theme] * rarity * pairs_first
        telling = np.flatnonzero(score >= _TELLING * score.max(initial=0.0))
        ranked = [terms[i] for i in telling[np.argsort(-score[telling], kind="stable")].tolist()]
        name = _name(_typical([intents[i] for i in np.flatnonzero(code == theme).tolist()]), ranked)
        names.append(name if name and name not in names else f"{name} ({theme + 1})".strip())
    return names


def _typical(intents: Sequence[str]) -> str:
    """The intent of most of them, or nothing."""
    intent, count = Counter(intents).most_common(1)[0]
    return intent if intent and count >= _TYPICAL_INTENT * len(intents) else ""


def _name(intent: str, ranked: Sequence[str]) -> str:
    """The typical intent, or the first few terms that do not repeat each other."""
    chosen: list[str] = []
    said = set(intent.split())
    for term in ranked:
        if len(chosen) == (1 if intent else _NAME_TERMS):
            break
        if not said & set(term.split()):
            chosen.append(term)
            said |= set(term.split())
    return ": ".join(filter(None, (intent, ", ".join(chosen))))


def _exemplars(table: SessionTable, members: Ints, nearness: Floats) -> tuple[Exemplar, ...]:
    """The three most typical openings, all different."""
    order = members[np.argsort(-nearness[members], kind="stable")]
    chosen: dict[str, Exemplar] = {}
    for i in order[:200].tolist():
        opening = " ".join(table.signals.opening[i].split())[:_LONGEST_EXEMPLAR]
        chosen.setdefault(opening, Exemplar(table.corpus.session_ids[i], opening))
        if len(chosen) == 3:
            break
    return tuple(chosen.values())
