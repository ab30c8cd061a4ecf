"""What is known of each session of a dream, as columns: the corpus that mining reads, and what the other kinds read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reverie.statistics.corpus import (
    Codes,
    Corpus,
    Flags,
    Floats,
    Ints,
    Strata,
    a_stratum_each_first,
    form_strata,
    label_codes,
)

MAIN_AGENT = "main agent"
"""What the primary thread's agent is called."""
OTHER = "other"
"""The label of what is too rare, or too unlike the rest, to be a group of its own."""
_REPEATED = 2.0
_MOST_EXAMPLES = 5

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class SignalColumns:
    """Columns besides those of the corpus, each of length n; NaN and "" where a session does not say."""

    started_at: Floats
    """The session's own date in seconds since 1970, UTC; NaN where it has none."""
    opening: Sequence[str]
    """The first user message."""
    intent: Sequence[str]
    """A short key of what was asked for."""
    sentiment_first: Floats
    """Mood of the user's first message, −1 to 1; so are the next two."""
    sentiment_last: Floats
    sentiment_lowest: Floats
    counts: Mapping[str, Floats]
    """How many per session, by name: ``questions``, ``fallbacks``, ``escalations``, ``hand-offs``, ``errors`` …"""
    seconds: Floats
    """Wall time."""
    tokens: Floats
    """Input and output together."""
    cost_usd: Floats
    scores: Mapping[str, Floats]
    """Values of each metric, in its unit."""


@dataclass(frozen=True, slots=True, eq=False)
class SessionTable:
    """Sessions as columns of length n, and how they are grouped for comparison."""

    corpus: Corpus
    strata: Strata
    signals: SignalColumns
    vectors: Vectors
    """Of the openings, n × dimensions, rows of unit length or zero; no dimensions where there are none."""
    action_session: Codes
    """Position of the session of each action, ascending; the actions of a session are in order."""
    action_code: Codes
    """Position in the corpus's names of what was done."""
    hand_off_session: Codes
    """Position of the session of each hand-off; the same pair is listed once a session."""
    hand_off_from: Sequence[str]
    hand_off_to: Sequence[str]

    @property
    def size(self) -> int:
        """How many sessions there are."""
        return len(self.corpus.session_ids)

    @property
    def reward(self) -> Floats:
        """In [0, 1]; NaN where the session has no score."""
        return self.corpus.reward


def blank_signals(size: int) -> SignalColumns:
    """Signals of sessions of which nothing more is known; sources replace what they do give."""
    nothing = np.full(size, np.nan)
    return SignalColumns(
        started_at=nothing,
        opening=[""] * size,
        intent=[""] * size,
        sentiment_first=nothing,
        sentiment_last=nothing,
        sentiment_lowest=nothing,
        counts={},
        seconds=nothing,
        tokens=nothing,
        cost_usd=nothing,
        scores={},
    )


def make_table(
    corpus: Corpus,
    signals: SignalColumns | None = None,
    *,
    vectors: Vectors | None = None,
    actions: Sequence[tuple[int, int]] = (),
    hand_offs: Sequence[tuple[int, str, str]] = (),
) -> SessionTable:
    """A table of plain values, its strata formed as mining forms them.

    Args:
        actions: (session position, code) in the order they were taken in.
        hand_offs: (session position, from, to).
    """
    size = len(corpus.session_ids)
    taken = np.array(actions, np.int32).reshape(-1, 2)
    taken = taken[np.argsort(taken[:, 0], kind="stable")]
    pairs = sorted(set(hand_offs))
    return SessionTable(
        corpus=corpus,
        strata=form_strata(corpus),
        signals=signals if signals is not None else blank_signals(size),
        vectors=vectors if vectors is not None else np.zeros((size, 0), np.float32),
        action_session=taken[:, 0],
        action_code=taken[:, 1],
        hand_off_session=np.array([session for session, _, _ in pairs], np.int32),
        hand_off_from=[giver for _, giver, _ in pairs],
        hand_off_to=[taker for _, _, taker in pairs],
    )


def task_clusters(table: SessionTable) -> Codes:
    """Sessions of one task as one cluster, whose outcomes go together; a session without a task is its own."""
    ids = table.corpus.session_ids
    return label_codes([f"t {t}" if t is not None else f"s {i}" for t, i in zip(table.corpus.task, ids, strict=True)])


def request_groups(table: SessionTable) -> Codes:
    """What was asked for: the task where tasks repeat, else the task category. Agent variants are mixed."""
    corpus = table.corpus
    tasks = [task for task in corpus.task if task is not None]
    if tasks and len(tasks) >= _REPEATED * len(set(tasks)) and len(tasks) >= 0.8 * table.size:
        return label_codes([task if task is not None else OTHER for task in corpus.task])
    return label_codes([category or OTHER for category in corpus.category])


def went_well(table: SessionTable) -> Flags:
    """Sessions whose reward is above the median (of 0 and 1: those that succeeded); never those without a reward."""
    scored = table.reward[~np.isnan(table.reward)]
    middle = float(np.clip(np.median(scored), 1e-9, 1 - 1e-9)) if scored.size else 0.5
    flags: Flags = table.reward > middle
    return flags


def examples(table: SessionTable, sessions: Ints, *, good: bool | None = None) -> tuple[str, ...]:
    """Up to five of ``sessions``, of different strata where possible; the best or the worst first when asked."""
    if good is not None:
        reward = np.nan_to_num(table.reward[sessions], nan=0.5)
        sessions = sessions[np.argsort(-reward if good else reward, kind="stable")]
    order = a_stratum_each_first(table.strata.code[sessions])[:_MOST_EXAMPLES]
    return tuple(table.corpus.session_ids[int(i)] for i in sessions[order])
