"""Sessions that met one situation, laid out so that every behaviour shown there is tested at once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reverie.digests.behaviour_name import Situation
from reverie.mining.finding import Hypothesis
from reverie.mining.policy import MiningPolicy
from reverie.statistics.corpus import (
    SITUATION_KIND,
    Codes,
    Corpus,
    Flags,
    Floats,
    Ints,
    Observable,
    Strata,
    situation_codes,
    situation_rows,
    sums,
)
from reverie.statistics.estimate import Design, make_design

_KIND_ORDER = {"choice": 0, "sequence": 1, "manner": 2, "marker": 3}


@dataclass(frozen=True, slots=True, eq=False)
class ComparisonGroup:
    """One comparison group: the sessions of a category (or all) that were in a situation."""

    hypotheses: tuple[Hypothesis, ...]
    """One per column of the designs."""
    sessions: Flags
    """Which sessions of the corpus are compared."""
    discovery: Design
    confirmation: Design

    @property
    def situation(self) -> Situation:
        """The situation that its sessions were in."""
        return self.hypotheses[0].situation


def form_groups(
    corpus: Corpus, strata: Strata, policy: MiningPolicy, within: Mapping[Situation, Flags] = {}
) -> list[ComparisonGroup]:
    """A group for every situation, and for the general situations inside every large enough task category.

    ``within`` says which rows of the corpus may stand for a situation, where not all of them may.
    """
    groups, codes_of = [], situation_codes(corpus)
    categories = _large_categories(corpus, policy)
    everything: list[tuple[str | None, Flags]] = [(None, np.ones(len(corpus.session_ids), np.bool_))]
    for situation, sessions, codes in _by_situation(corpus):
        reached = situation_rows(corpus, situation, codes_of)
        reached = reached & within[situation] if situation in within else reached
        is_general = situation.kind in ("session", "start", "before")
        for category, inside in [*everything, *(categories if is_general else [])]:
            group = _form_group(corpus, strata, policy, (category, situation), reached & inside, sessions, codes)
            if group is not None:
                groups.append(group)
    return groups


def _by_situation(corpus: Corpus) -> Iterator[tuple[Situation, Codes, Codes]]:
    """Situations with the entries (sessions, codes) of the behaviours shown in them."""
    labels = sorted({name.situation for name in corpus.names}, key=lambda situation: situation.text)
    position = {label: i for i, label in enumerate(labels)}
    of_code = np.array([position[name.situation] for name in corpus.names], np.int32)
    is_behaviour = np.array([name.kind != SITUATION_KIND for name in corpus.names], np.bool_)
    chosen = np.flatnonzero(is_behaviour[corpus.entry_code])
    situation = of_code[corpus.entry_code[chosen]]
    order = chosen[np.argsort(situation, kind="stable")]
    bounds = np.searchsorted(np.sort(situation), np.arange(len(labels) + 1))
    for i, label in enumerate(labels):
        entries = order[bounds[i] : bounds[i + 1]]
        yield label, corpus.entry_session[entries], corpus.entry_code[entries]


def _large_categories(corpus: Corpus, policy: MiningPolicy) -> list[tuple[str | None, Flags]]:
    """Each task category that can be looked at alone, with its sessions; none where there is only one."""
    sizes = Counter(label for label in corpus.category if label is not None)
    if len(sizes) < 2:
        return []
    labels = np.array([label or "" for label in corpus.category])
    large = sorted(label for label, size in sizes.items() if size >= policy.least_condition_sessions)
    return [(label, labels == label) for label in large]


def _form_group(
    corpus: Corpus,
    strata: Strata,
    policy: MiningPolicy,
    label: tuple[str | None, Situation],
    compared: Flags,
    entry_session: Codes,
    entry_code: Codes,
) -> ComparisonGroup | None:
    inside = compared[entry_session]
    entry_session, entry_code = entry_session[inside], entry_code[inside]
    size = int(compared.sum())
    shown = np.bincount(entry_code, minlength=len(corpus.names))
    enough = np.flatnonzero((shown >= policy.least_sessions) & (size - shown >= policy.least_sessions))
    codes = _one_of_each(corpus.names, enough, _signatures(entry_session, entry_code, len(corpus.names)))
    if codes.size == 0:
        return None
    column_of = np.full(len(corpus.names), -1, np.int32)
    column_of[codes] = np.arange(codes.size)
    kept = column_of[entry_code] >= 0
    entry_session, entry_column = entry_session[kept], column_of[entry_code[kept]]

    def part(members: Flags) -> Design:
        sessions = np.flatnonzero(members)
        row_of = np.full(len(members), -1, np.int32)
        row_of[sessions] = np.arange(sessions.size)
        mine = members[entry_session]
        return make_design(
            sessions,
            strata.code[sessions],
            strata.variant[sessions],
            row_of[entry_session[mine]],
            entry_column[mine],
            codes.size,
        )

    names = [corpus.names[int(code)] for code in codes]
    situation = label[1].text
    return ComparisonGroup(
        hypotheses=tuple(
            Hypothesis(label[0], situation, name.name.text, name.kind, int(code))
            for name, code in zip(names, codes, strict=True)
        ),
        sessions=compared,
        discovery=part(compared & ~strata.confirmation),
        confirmation=part(compared & strata.confirmation),
    )


def _signatures(entry_session: Codes, entry_code: Codes, codes: int) -> Floats:
    """A number per behaviour that two behaviours share only when the same sessions show them."""
    session_number = np.random.default_rng(0).random(int(entry_session.max(initial=0)) + 1)
    return sums(entry_code, session_number[entry_session], codes)


def _one_of_each(names: Sequence[Observable], codes: Ints, signatures: Floats) -> Ints:
    """Of behaviours shown by exactly the same sessions, which no data can tell apart, the plainest one."""
    texts = {code: names[code].name.text for code in codes.tolist()}
    rank = sorted(texts, key=lambda code: (_KIND_ORDER[names[code].kind], len(texts[code]), texts[code]))
    _, first = np.unique(signatures[rank].round(9), return_index=True)
    return np.sort(np.array(rank, np.int64)[first])


def pooled_comparison(groups: Sequence[ComparisonGroup], values: Floats) -> tuple[Floats, Floats]:
    """What a comparison that ignores strata would say of every hypothesis of ``groups``: difference and Welch's z."""
    parts = [_pooled(group, values) for group in groups]
    effects, z = ([np.zeros(0), *(part[i] for part in parts)] for i in (0, 1))
    return np.concatenate(effects), np.concatenate(z)


def _pooled(group: ComparisonGroup, values: Floats) -> tuple[Floats, Floats]:
    designs, columns = (group.discovery, group.confirmation), len(group.hypotheses)
    y = np.concatenate([values[design.sessions[design.entry_row]] for design in designs])
    column = np.concatenate([design.entry_column for design in designs])
    n1 = np.bincount(column, minlength=columns).astype(np.float64)
    sum1, squares1 = np.bincount(column, y, columns), np.bincount(column, y * y, columns)
    compared = values[group.sessions]
    n0, sum0, squares0 = len(compared) - n1, compared.sum() - sum1, (compared**2).sum() - squares1
    mean1, mean0 = sum1 / n1, sum0 / n0
    variance = (squares1 / n1 - mean1**2) / n1 + (squares0 / n0 - mean0**2) / n0
    effect = mean1 - mean0
    return effect, effect / np.sqrt(np.maximum(variance, 1e-12))
