"""Sessions that met one situation, laid out so that every behaviour shown there is tested at once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reverie.digests.behaviour_name import Situation
from reverie.mining.determined import determined_codes
from reverie.mining.finding import Hypothesis
from reverie.mining.policy import MiningPolicy
from reverie.mining.preference import rank_of
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
    stable_order,
    sums,
)
from reverie.statistics.estimate import Design, make_design

_GENERAL = frozenset({"session", "start", "before", "delegating", "reporting"})
"""Situations that are looked at in every large enough task category, too."""
_SETTLED = frozenset({"before", "delegating", "reporting"})
"""Situations in which nothing is left to be done: what counts was done by then, or in the very event."""


@dataclass(frozen=True, slots=True, eq=False)
class ComparisonGroup:
    """One comparison group: the sessions of a category (or all) that were in a situation."""

    hypotheses: tuple[Hypothesis, ...]
    """One per column of the designs."""
    sessions: Flags
    """Which sessions of the corpus are compared."""
    discovery: Design
    confirmation: Design
    alike: tuple[tuple[Hypothesis, ...], ...] = ()
    """Per hypothesis: the others that exactly the same sessions show, which no data can tell from it."""

    @property
    def situation(self) -> Situation:
        """The situation that its sessions were in."""
        return self.hypotheses[0].situation


def form_groups(
    corpus: Corpus, strata: Strata, policy: MiningPolicy, within: Mapping[Situation, Flags] = {}
) -> list[ComparisonGroup]:
    """A group for every situation, and for the general situations inside every large enough task category.

    ``within`` says which rows of the corpus may stand for a situation, where not all of them may. What the task
    determines is no choice, and is compared nowhere.
    """
    groups, codes_of = [], situation_codes(corpus)
    categories = _large_categories(corpus, policy)
    everything: list[tuple[str | None, Flags]] = [(None, np.ones(len(corpus.session_ids), np.bool_))]
    for situation, sessions, codes in _by_situation(corpus, determined_codes(corpus, strata)):
        reached = situation_rows(corpus, situation, codes_of) & _had_the_choice(corpus, situation, sessions)
        reached = reached & within[situation] if situation in within else reached
        is_general = situation.kind in _GENERAL
        for category, inside in [*everything, *(categories if is_general else [])]:
            group = _form_group(corpus, strata, policy, (category, situation), reached & inside, sessions, codes)
            if group is not None:
                groups.append(group)
    return groups


def _had_the_choice(corpus: Corpus, situation: Situation, acted: Codes) -> Flags:
    """Which sessions could have done what others did in the situation: what was cut off may never have come to it.

    ``acted``: the sessions of the behaviours shown in it. By the time of an action, of a task given
    or answered, everything before it was done.
    """
    if corpus.cut is None or situation.kind in _SETTLED:
        return np.ones(len(corpus.session_ids), np.bool_)
    if situation.kind in ("session", "seen"):
        return ~corpus.cut
    did = np.zeros(len(corpus.session_ids), np.bool_)
    did[acted] = True
    return ~corpus.cut | did


def _by_situation(corpus: Corpus, determined: Flags) -> Iterator[tuple[Situation, Codes, Codes]]:
    """Situations with the entries (sessions, codes) of the behaviours shown in them, those determined left out."""
    labels = sorted({name.situation for name in corpus.names}, key=lambda situation: situation.text)
    position = {label: i for i, label in enumerate(labels)}
    of_code = np.array([position[name.situation] for name in corpus.names], np.int32)
    is_behaviour = np.array([name.kind != SITUATION_KIND for name in corpus.names], np.bool_) & ~determined
    chosen = np.flatnonzero(is_behaviour[corpus.entry_code])
    situation = of_code[corpus.entry_code[chosen]]
    order = chosen[stable_order(situation, len(labels))]
    bounds = np.concatenate([[0], np.cumsum(np.bincount(situation, minlength=len(labels)))])
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
    equal = _one_of_each(corpus.names, enough, _signatures(entry_session, entry_code, len(corpus.names)))
    if not equal:
        return None
    codes = np.array([first for first, *_ in equal], np.int64)
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
        ).balanced()

    def hypothesis(code: int) -> Hypothesis:
        name = corpus.names[code]
        return Hypothesis(label[0], label[1].text, name.name.text, name.kind, code)

    return ComparisonGroup(
        hypotheses=tuple(hypothesis(first) for first, *_ in equal),
        sessions=compared,
        discovery=part(compared & ~strata.confirmation),
        confirmation=part(compared & strata.confirmation),
        alike=tuple(tuple(hypothesis(code) for code in others) for _, *others in equal),
    )


def _signatures(entry_session: Codes, entry_code: Codes, codes: int) -> Floats:
    """A number per behaviour that two behaviours share only when the same sessions show them."""
    session_number = np.random.default_rng(0).random(int(entry_session.max(initial=0)) + 1)
    return sums(entry_code, session_number[entry_session], codes)


def _one_of_each(names: Sequence[Observable], codes: Ints, signatures: Floats) -> list[list[int]]:
    """Behaviours shown by exactly the same sessions, which no data can tell apart: the one to tell, then the others."""
    rank = {code: rank_of(names[code].situation, names[code].name, names[code].kind) for code in codes.tolist()}
    same: dict[float, list[int]] = {}
    for code in sorted(rank, key=rank.__getitem__):
        same.setdefault(float(signatures[code].round(9)), []).append(code)
    return sorted(same.values())


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
