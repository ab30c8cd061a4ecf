"""Sessions at the moments of their choices, so that each choice is held against what came after it and nothing else.

A row is a session at one moment: its start, its first move after trouble, its first use of a setting, its first call
of a tool (by then it had done certain things before, or not), or the end of its first turn, which is when the user
can first answer. All sessions of a comparison stand at the same kind of moment, whatever they chose: comparing "did it
at some time" with "never did it" would give those that did a later moment to count from, and so less time for
anything to go wrong (immortal time; the landmark method of Anderson, Cain & Gelber 1983).
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from reverie.digests.behaviour_name import SESSION, Situation
from reverie.mining.decision import choices_only
from reverie.mining.trouble import is_trouble
from reverie.statistics.corpus import SITUATION_KIND, Codes, Corpus, Flags, Floats, Ints, Observable, Strata

_MOMENTS = frozenset({"start", "after", "given", "before"})


@dataclass(frozen=True, slots=True, eq=False)
class MomentRows:
    """Rows of sessions at moments, laid out as a corpus."""

    corpus: Corpus
    """Its "sessions" are the rows; a session id comes once for each of its moments."""
    session: Ints
    """Of each row, the position of its session."""
    situation: Ints
    """Of each row, the position of its moment in ``situations``."""
    situations: Sequence[Situation]

    def within(self) -> dict[Situation, Flags]:
        """Which rows stand for each situation."""
        return {name: self.situation == i for i, name in enumerate(self.situations)}

    def strata(self, strata: Strata) -> Strata:
        """The sessions' strata, of the rows: a session is in one stratum and on one side at all of its moments."""
        session = self.session
        return dataclasses.replace(
            strata,
            code=strata.code[session],
            variant=strata.variant[session],
            confirmation=strata.confirmation[session],
        )


def moment_rows(
    corpus: Corpus,
    first_turn: Ints,
    value_after: Callable[[int, int], float],
    is_excluded: Callable[[Observable], bool],
    least_sessions: int,
) -> MomentRows:
    """The rows, each with the value of what came after its moment for its reward; rows without a value are left out.

    Args:
        first_turn: per session, how many actions it took before its user could first answer.
        value_after: of a session's position and the number of an action, what the outcome is after that action.
        is_excluded: whether a behaviour produces the outcome, or decides whether it exists.
        least_sessions: of both kinds together that a moment needs to be looked at.
    """
    entries, names = _entries(corpus, first_turn, is_excluded)
    situations = sorted({name.situation for name in names if name.situation.kind in _MOMENTS}, key=lambda s: s.text)
    situations = [SESSION, *situations]
    place = {situation: i for i, situation in enumerate(situations)}
    of_code = np.array([place.get(name.situation, -1) for name in names], np.int64)
    reaches = np.array([name.kind == SITUATION_KIND for name in names], np.bool_)
    session, code, step = entries
    at_moment = reaches[code] & (of_code[code] > 0)
    everyone = np.flatnonzero(first_turn > 0)
    row_session = np.concatenate([everyone, session[at_moment]])
    row_place = np.concatenate([np.zeros(everyone.size, np.int64), of_code[code[at_moment]]])
    row_step = np.concatenate([first_turn[everyone] - 1, step[at_moment]])
    common = np.bincount(row_place, minlength=len(situations)) >= 2 * least_sessions
    values = np.array(
        [
            value_after(int(i), int(at)) if common[where] else np.nan
            for i, where, at in zip(row_session, row_place, row_step, strict=True)
        ],
        np.float64,
    )
    kept = np.isfinite(values)
    row_session, row_place, row_step, values = row_session[kept], row_place[kept], row_step[kept], values[kept]
    rows = _rows_of_entries(session, of_code[code], row_session, row_place, len(situations))
    found = rows >= 0
    placed = rows[found], code[found], step[found]
    troubled = _earlier_trouble(names, entries, row_session, row_place, row_step)
    columns = [np.concatenate(pair) for pair in zip(placed, troubled, strict=True)]
    return MomentRows(
        corpus=_as_corpus(corpus, names, row_session, values, columns, first_turn, row_place),
        session=row_session,
        situation=row_place,
        situations=situations,
    )


def _entries(
    corpus: Corpus, first_turn: Ints, is_excluded: Callable[[Observable], bool]
) -> tuple[tuple[Ints, Ints, Ints], list[Observable]]:
    """What was chosen at moments, and what was done in the first turn: session, code and step of each, and names."""
    choices = choices_only(corpus)
    names = list(choices.names)
    kinds = np.array([name.situation.kind for name in corpus.names], object)
    at = corpus.entry_code
    prepared = np.flatnonzero((kinds == "before")[at])
    trouble = is_trouble(corpus.names)
    anywhere = np.flatnonzero(
        (kinds == "session")[at] & ~trouble[at] & (corpus.entry_step < first_turn[corpus.entry_session])
    )
    more = np.concatenate([prepared, anywhere])
    session = np.concatenate([choices.entry_session, corpus.entry_session[more]]).astype(np.int64)
    code = np.concatenate([choices.entry_code, corpus.entry_code[more]]).astype(np.int64)
    step = np.concatenate([choices.entry_step, corpus.entry_step[more]]).astype(np.int64)
    told = np.array([name.kind == SITUATION_KIND or not is_excluded(name) for name in names], np.bool_)
    kept = told[code]
    return (session[kept], code[kept], step[kept]), names


def _rows_of_entries(session: Ints, place: Ints, row_session: Ints, row_place: Ints, places: int) -> Ints:
    """The row that each entry belongs to; −1 where there is none."""
    keys = row_session * places + row_place
    order = np.argsort(keys)
    wanted = session * places + place
    found = np.minimum(np.searchsorted(keys[order], wanted), max(len(keys) - 1, 0))
    if not len(keys):
        return np.full(len(session), -1, np.int64)
    rows = order[found]
    return np.where((keys[rows] == wanted) & (place >= 0), rows, -1)


def _earlier_trouble(
    names: Sequence[Observable], entries: tuple[Ints, Ints, Ints], row_session: Ints, row_place: Ints, row_step: Ints
) -> tuple[Ints, Ints, Ints]:
    """For the rows of later moments, the first trouble that their session had had by then."""
    session, code, step = entries
    trouble = np.flatnonzero(is_trouble(names)[code])
    order = trouble[np.lexsort((step[trouble], session[trouble]))]
    having, first = np.unique(session[order], return_index=True)
    if not having.size:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing
    place = np.minimum(np.searchsorted(having, row_session), having.size - 1)
    entry = order[first[place]]
    rows = np.flatnonzero((having[place] == row_session) & (row_place > 0) & (step[entry] <= row_step))
    return rows, code[entry[rows]], step[entry[rows]]


def _as_corpus(
    corpus: Corpus,
    names: list[Observable],
    session: Ints,
    values: Floats,
    columns: Sequence[Ints],
    first_turn: Ints,
    place: Ints,
) -> Corpus:
    chosen: list[int] = session.tolist()
    rows, code, step = (column.astype(np.int32) for column in columns)
    steps: Codes = np.where(place == 0, first_turn[session], corpus.steps[session]).astype(np.int32)
    return Corpus(
        session_ids=[corpus.session_ids[i] for i in chosen],
        reward=values,
        steps=steps,
        task=[corpus.task[i] for i in chosen],
        category=[corpus.category[i] for i in chosen],
        variant=[corpus.variant[i] for i in chosen],
        entry_session=rows,
        entry_code=code,
        entry_step=step,
        names=names,
        at=None if corpus.at is None else corpus.at[session],
        owner=session,
    ).sorted_by_code()
