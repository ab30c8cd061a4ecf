"""Flows: orders of actions that good sessions share, as templates, and whether following one goes with reward."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from reverie.overview.overview import Branch, Flow, FlowStep
from reverie.overview.sequence import closed_sequences
from reverie.overview.table import SessionTable, examples, went_well
from reverie.statistics.contrast import contrast, design_of
from reverie.statistics.corpus import Codes, Flags, Ints
from reverie.statistics.estimate import Design

_LONGEST_FLOW = 8
_LONGEST_SESSION = 60
"""Actions of a session that are looked at, equal ones in a row counted once."""
_READ_SESSIONS = 1_000
_LEAST_GOOD_SESSIONS = 20
_MOST_ACTIONS = 40
_SUPPORTS = (0.1, 0.2, 0.35, 0.5, 0.7)
_BUDGET = 1_500
_TESTED = 60
_MOST_FLOWS = 12
_SAME_SESSIONS = 0.8
_FDR = 0.05
_MOST_BRANCHES = 3
END = "end of session"
"""A branch that takes no further action."""


@dataclass(frozen=True, slots=True, eq=False)
class _Actions:
    """Actions of all sessions in a row, equal neighbours once; those of session s are at start[s] … start[s + 1]."""

    code: Codes
    start: Ints


def find_flows(table: SessionTable) -> tuple[Flow, ...]:
    """Templates of good sessions, those that go with reward first, then the commonest.

    Found among good sessions of the discovery part (BIDE, Wang & Han 2004) and contrasted within strata on the
    confirmation part, with false discovery control over all that were found: good sessions were chosen by their reward,
    so only other sessions can say whether a flow matters. Coming to the last step may be a success in itself, and a
    longer session holds more flows; sessions are therefore compared at the moment they take the last step: those that
    had taken the steps before it by then, and those that had not.
    """
    actions = _actions(table)
    scored = ~np.isnan(table.reward)
    good = went_well(table)
    candidates = _candidates(actions, np.flatnonzero(good & ~table.strata.confirmation))
    if not candidates:
        return ()
    places = _match(actions, candidates)
    done = np.stack([places[flow] >= 0 for flow in candidates], axis=1)
    confirmation = scored & table.strata.confirmation
    designs = [_at_last_step(table, actions, flow, places, confirmation) for flow in candidates]
    contrasts = contrast(designs, table.reward)
    flows = []
    for i, flow in enumerate(candidates):
        effect, q = contrasts.at(i), contrasts.q_at(i)
        flows.append(
            Flow(
                steps=_steps(table, actions, flow, places, np.flatnonzero(good)),
                sessions=int(done[:, i].sum()),
                share_of_good=float(done[good, i].mean()),
                share_of_others=float(done[scored & ~good, i].mean()) if (scored & ~good).any() else 0.0,
                effect=effect,
                q_value=q,
                helps=effect is not None and q is not None and q <= _FDR and effect.effect > 0,
                example_session_ids=examples(table, np.flatnonzero(done[:, i] & good), good=True),
            )
        )
    chosen = _different(flows, done)
    return tuple(flows[i] for i in chosen)


def _actions(table: SessionTable) -> _Actions:
    session, code = table.action_session, table.action_code
    new = np.ones(len(code), np.bool_)
    new[1:] = (session[1:] != session[:-1]) | (code[1:] != code[:-1])
    kept = np.bincount(session[new], minlength=table.size)
    return _Actions(code[new], np.concatenate([[0], np.cumsum(kept)]).astype(np.int64))


def _candidates(actions: _Actions, good: Ints) -> list[tuple[int, ...]]:
    """Closed sequences of good sessions, those that cover most first; the support is as low as time allows."""
    good = good[np.diff(actions.start)[good] > 0]
    if good.size < _LEAST_GOOD_SESSIONS:
        return []
    read = good[np.unique(np.linspace(0, good.size - 1, min(good.size, _READ_SESSIONS)).astype(np.int64))]
    taken = [actions.code[actions.start[s] : actions.start[s + 1]][:_LONGEST_SESSION] for s in read]
    codes, sizes = np.unique(np.concatenate([np.unique(t) for t in taken]), return_counts=True)
    commonest = codes[np.argsort(-sizes, kind="stable")[:_MOST_ACTIONS]]
    item_of = {int(code): i for i, code in enumerate(commonest)}
    sequences = [[item_of.get(code, -1) for code in t.tolist()] for t in taken]
    for support in _SUPPORTS:
        least = max(5, int(np.ceil(support * len(sequences))))
        found = closed_sequences(sequences, items=len(commonest), least=least, longest=_LONGEST_FLOW, budget=_BUDGET)
        if found is not None:
            found = sorted(
                (f for f in found if len(f[0]) > 1 and all(a != b for a, b in pairwise(f[0]))),
                key=lambda f: (-f[1] * (len(f[0]) - 1), f[0]),
            )
            return [tuple(int(commonest[item]) for item in pattern) for pattern, _ in found[:_TESTED]]
    return []


def _match(actions: _Actions, flows: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], Ints]:
    """For each flow and each beginning of one: per session, the place of its last step in ``code``; −1 without it."""
    starts, ends = actions.start[:-1], actions.start[1:]
    occurrences: dict[int, Ints] = {}
    places: dict[tuple[int, ...], Ints] = {(): starts - 1}
    for flow in flows:
        for length in range(1, len(flow) + 1):
            beginning = flow[:length]
            if beginning in places:
                continue
            code = beginning[-1]
            if code not in occurrences:
                occurrences[code] = np.append(np.flatnonzero(actions.code == code), len(actions.code))
            before = places[beginning[:-1]]
            next_place = occurrences[code][np.searchsorted(occurrences[code], before + 1)]
            came_this_far = (before >= 0) | (length == 1)
            places[beginning] = np.where(came_this_far & (next_place < ends), next_place, -1)
    return places


def _steps(
    table: SessionTable, actions: _Actions, flow: tuple[int, ...], places: dict[tuple[int, ...], Ints], good: Ints
) -> tuple[FlowStep, ...]:
    steps = []
    for length in range(1, len(flow) + 1):
        place = places[flow[:length]][good]
        here = place >= 0
        following = place[here] + 1
        inside = following < actions.start[1:][good][here]
        taken = actions.code[np.minimum(following, len(actions.code) - 1)]
        codes, counts = np.unique(np.where(inside, taken, -1), return_counts=True)
        commonest = np.argsort(-counts, kind="stable")[:_MOST_BRANCHES]
        total = max(int(here.sum()), 1)
        branches = tuple(Branch(action_name(table, int(codes[i])), float(counts[i] / total)) for i in commonest)
        steps.append(FlowStep(action_name(table, flow[length - 1]), float(here.mean()), branches))
    return tuple(steps)


def action_name(table: SessionTable, code: int) -> str:
    """The action's name without ``call:``; the end of the session for −1."""
    return table.corpus.names[code].name.subject if code >= 0 else END


def _at_last_step(
    table: SessionTable, actions: _Actions, flow: tuple[int, ...], places: dict[tuple[int, ...], Ints], compared: Flags
) -> Design:
    """Sessions that took the last action as often as the flow has it, and which of them had taken the rest before."""
    occurrences = np.flatnonzero(actions.code == flow[-1])
    nth = np.searchsorted(occurrences, actions.start[:-1]) + flow.count(flow[-1]) - 1
    moment = np.append(occurrences, len(actions.code))[np.minimum(nth, len(occurrences))]
    there = moment < actions.start[1:]
    before = places[flow[:-1]]
    members = np.flatnonzero(there & (before >= 0) & (before < moment))
    strata = table.strata
    return design_of(strata.code, strata.variant, np.flatnonzero(there & compared), members, np.zeros_like(members), 1)


def _different(flows: Sequence[Flow], done: Flags) -> list[int]:
    """Positions of the flows to report; of those that the same sessions follow, the first."""
    order = sorted(
        range(len(flows)),
        key=lambda i: (not flows[i].helps, -flows[i].share_of_good * (len(flows[i].steps) - 1), i),
    )
    chosen: list[int] = []
    for i in order:
        if len(chosen) == _MOST_FLOWS:
            break
        both = (done[:, [i]] & done[:, chosen]).sum(axis=0) / np.maximum(
            (done[:, [i]] | done[:, chosen]).sum(axis=0), 1
        )
        if not (both > _SAME_SESSIONS).any():
            chosen.append(i)
    return chosen
