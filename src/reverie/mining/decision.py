"""What agents did at moments of choice, where having had more time is no help.

A session that went on longer had more time to do anything, so whatever is counted "anywhere in the session" goes with
seconds, tokens and money without causing them. A choice can be compared on these outcomes only where every session
made one: its first action, its next move after trouble, the first value it gave a setting. What was done *by* a later
moment, or at any time after one, is no such choice.
"""

import dataclasses

import msgspec
import numpy as np

from reverie.digests.behaviour_name import SESSION, Situation
from reverie.mining.trouble import is_trouble
from reverie.statistics.corpus import (
    SITUATION_KIND,
    Codes,
    Corpus,
    Flags,
    Floats,
    Ints,
    Observable,
    Strata,
    first_steps,
    reached,
    situation_codes,
)
from reverie.statistics.estimate import cleared_reward, strata_design

SETTING = "arg"
"""The family of a setting that was given a value, ``arg:T.field=value``."""
_LEAST_SHARE_KEPT = 0.5
_LEAST_Z = 1.645


def is_choice(situation: Situation) -> bool:
    """Whether every session that was in the situation made exactly one choice in it."""
    return situation.kind in ("start", "after", "given")


def choices_only(corpus: Corpus) -> Corpus:
    """The corpus with what was done at moments of choice, and when trouble was met.

    Sessions that ended at a moment made no choice in it and are not in its situation. Settings become a situation
    ``given T.field`` with the first value that was given.
    """
    is_chosen = np.array([is_choice(name.situation) for name in corpus.names], np.bool_)
    is_row = np.array([name.kind == SITUATION_KIND for name in corpus.names], np.bool_)
    kept = (is_chosen | is_trouble(corpus.names))[corpus.entry_code]
    kept[np.flatnonzero(kept & is_row[corpus.entry_code])] = _moved(corpus, is_chosen & ~is_row, is_chosen & is_row)
    session, code, step, names = _first_settings(corpus)
    return dataclasses.replace(
        corpus,
        entry_session=np.concatenate([corpus.entry_session[kept], session]),
        entry_code=np.concatenate([corpus.entry_code[kept], code]),
        entry_step=np.concatenate([corpus.entry_step[kept], step]),
        names=[*corpus.names, *names],
        by_code=False,
    ).sorted_by_code()


def _moved(corpus: Corpus, behaviours: Flags, rows: Flags) -> Flags:
    """Of the entries that say a moment was reached, which belong to sessions that also acted in it."""
    number: dict[Situation, int] = {}
    situation = np.array([number.setdefault(name.situation, len(number)) for name in corpus.names], np.int64)
    moment = corpus.entry_session * np.int64(len(number)) + situation[corpus.entry_code]
    acted = np.unique(moment[behaviours[corpus.entry_code]])
    return np.isin(moment[rows[corpus.entry_code]], acted)


def _first_settings(corpus: Corpus) -> tuple[Codes, Codes, Codes, list[Observable]]:
    """Entries (session, code, step) of the first value of each setting, and that it was given; and their names."""
    number: dict[str, int] = {}
    field = np.full(len(corpus.names), -1, np.int64)
    for position, name in enumerate(corpus.names):
        if name.situation == SESSION and name.name.family == SETTING:
            field[position] = number.setdefault(name.name.argument.parameter, len(number))
    places = np.flatnonzero(field[corpus.entry_code] >= 0)
    session, code, step = corpus.entry_session[places], corpus.entry_code[places], corpus.entry_step[places]
    order = np.lexsort((code, step, field[code], session))
    session, code, step = session[order], code[order], step[order]
    _, first = np.unique(session * np.int64(max(len(number), 1)) + field[code], return_index=True)
    session, code, step = session[first], code[first], step[first]
    values = np.flatnonzero(field >= 0)
    own = np.full(len(corpus.names), -1, np.int64)
    own[values] = len(corpus.names) + np.arange(values.size)
    situations = [Situation("given", parameter) for parameter in number]
    settings = [
        msgspec.structs.replace(corpus.names[value], situation=situations[int(field[value])])
        for value in values.tolist()
    ]
    given = len(corpus.names) + values.size + field[code]
    return (
        np.concatenate([session, session]),
        np.concatenate([own[code], given]).astype(np.int32),
        np.concatenate([step, step]),
        [*settings, *(reached(situation) for situation in situations)],
    )


def mark_of_length(
    corpus: Corpus, strata: Strata, sessions: Ints, situation: Situation, shown: Flags, values: Floats
) -> bool:
    """Whether a choice goes with ``values`` only because of when its moment came.

    Sessions are compared within their stratum and variant, and then also at about the same step (1, 2, 3, 4–5, 6–7,
    8–11 …). All but the situation's name is parallel to ``sessions``. It is a mark when less than half of the effect is
    left, or nothing beyond chance (one-sided 5 %).
    """
    came_at = _came_at(corpus, situation)[sessions]
    stage = np.floor(2.0 * np.log2(came_at.astype(np.float64) + 1.0)).astype(np.int64)
    plain, _ = _slope(strata.code[sessions], strata.variant[sessions], shown, values)
    staged = (strata.variant[sessions] * (stage.max(initial=0) + 1) + stage).astype(np.int32)
    effect, error = _slope(strata.code[sessions], staged, shown, values)
    kept = effect * np.sign(plain)
    return bool(kept < _LEAST_SHARE_KEPT * abs(plain) or kept < _LEAST_Z * error)


def _came_at(corpus: Corpus, situation: Situation) -> Ints:
    """The step at which each session came to the moment; 0 where it always is the first."""
    code = situation_codes(corpus).get(situation)
    return np.zeros(len(corpus.session_ids), np.int64) if code is None else np.maximum(first_steps(corpus, code), 0)


def _slope(stratum: Codes, variant: Codes, shown: Flags, values: Floats) -> tuple[float, float]:
    """Difference between those with and without, cleared of stratum and variant, and its robust error (White 1980)."""
    design = strata_design(np.arange(len(stratum)), stratum, variant)
    x, y = cleared_reward(design, shown.astype(np.float64)), cleared_reward(design, values)
    weight = float((x * x).sum())
    if weight < 1e-9:
        return 0.0, np.inf
    effect = float((x * y).sum()) / weight
    return effect, float(np.sqrt((x * x * (y - effect * x) ** 2).sum())) / weight
