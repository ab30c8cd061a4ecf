"""The digested sessions of a dream, column by column, and how they are grouped for comparison."""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from reverie.digests.behaviour_name import NOTHING_DONE, SESSION, BehaviourName, Situation, read_name, read_situation

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]


def sums(index: Codes | Ints, values: Floats, size: int) -> Floats:
    """``values`` added up by ``index``, into an array of ``size``."""
    return np.asarray(np.bincount(index, values, size), np.float64)


def stable_order(codes: Codes, size: int) -> Ints:
    """Positions of ``codes`` (from 0, below ``size``) in ascending order, equal ones as they stand.

    NumPy sorts numbers of 16 bits by their digits, in one pass over them, and wider ones by comparing.
    """
    narrow = codes.astype(np.uint16) if size <= _SIXTEEN_BITS else codes
    return np.asarray(np.argsort(narrow, kind="stable"), np.int64)


_SIXTEEN_BITS = 2**16
_FEW_TASKS, _MANY_RUNS = 10, 5

SITUATION_KIND = "situation"
"""Kind of the rows of a corpus that say a situation was reached, rather than what was done in it."""


class Observable(msgspec.Struct, frozen=True):
    """What a code of a corpus stands for: a behaviour in a situation, or that the situation was reached."""

    situation: Situation
    name: BehaviourName
    """``NOTHING_DONE`` in a situation's own row."""
    kind: str
    from_reading: bool = False
    """Whether somebody thought of it by reading sessions of the discovery part: only the other part may confirm it."""


def read_observable(situation: str, name: str, kind: str, *, from_reading: bool = False) -> Observable:
    """The observable whose situation and behaviour are stored as these texts."""
    return Observable(read_situation(situation), read_name(name), kind, from_reading)


def reached(situation: Situation) -> Observable:
    """The observable of a situation's own row: that it was reached, whatever was done in it."""
    return Observable(situation, NOTHING_DONE, SITUATION_KIND)


@dataclass(frozen=True, slots=True, eq=False)
class Origins:
    """Where sessions come from and how they ended, as columns of length n: what makes some say little or nothing."""

    cause: Sequence[str]
    """Why each ended, as far as its source or its transcript says: see ``digests/ending.py``."""
    ended_on: Sequence[str]
    """What its transcript ends on: ``message``, ``result``, ``call``, ``user``, ``error`` or nothing."""
    last_action: Sequence[str]
    """The tool it ends on, where it ends on a call or its result."""
    user: Sequence[str | None]
    marks: Sequence[bytes]
    """What copies of it are known by, packed: see ``digests/marks.py``; empty where nothing is known."""

    def kept(self, chosen: Sequence[int]) -> "Origins":
        """Those of the sessions at these positions."""
        return Origins(
            [self.cause[i] for i in chosen],
            [self.ended_on[i] for i in chosen],
            [self.last_action[i] for i in chosen],
            [self.user[i] for i in chosen],
            [self.marks[i] for i in chosen],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """Sessions as columns of length n, and what held for them as parallel arrays (one entry per behaviour shown).

    Everything here comes from digests, tags and scores.
    """

    session_ids: Sequence[str]
    reward: Floats
    """In [0, 1]; NaN where the session has no score."""
    steps: Codes
    """Agent actions in the session."""
    task: Sequence[str | None]
    category: Sequence[str | None]
    variant: Sequence[str]
    """Agent, its version and its model as one label."""
    entry_session: Codes
    """Position of the session an entry belongs to."""
    entry_code: Codes
    """Position in ``names`` of what held."""
    entry_step: Codes
    """How many agent actions came before it first held."""
    names: Sequence[Observable]
    at: Floats | None = None
    """Each session's own date (seconds since 1970), NaN where it has none; None where none has.

    Claims about time rest on dated sessions alone; the order of import is no time.
    """
    origins: Origins | None = None
    """None where nothing is known of where sessions come from."""
    cut: Flags | None = None
    """Which sessions were cut off by the machinery though their scores say something; None where none was."""
    owner: Ints | None = None
    """Where the "sessions" are rows, one for each moment of a session: which session each row is of, from 0."""
    by_code: bool = False
    """Whether entries are sorted by code, so that those of one behaviour are found without looking at all."""

    def sorted_by_code(self) -> "Corpus":
        """The same corpus with its entries sorted by code."""
        if self.by_code:
            return self
        order = stable_order(self.entry_code, len(self.names))
        return dataclasses.replace(
            self,
            entry_session=self.entry_session[order],
            entry_code=self.entry_code[order],
            entry_step=self.entry_step[order],
            by_code=True,
        )

    def entries_of(self, code: int) -> slice | Ints:
        """Positions of the entries of one behaviour; a slice where entries are sorted by code."""
        if not self.by_code:
            return np.flatnonzero(self.entry_code == code)
        # Of the array's own type: otherwise NumPy converts the whole array first.
        first, last = np.searchsorted(self.entry_code, np.array([code, code + 1], self.entry_code.dtype))
        return slice(int(first), int(last))

    def dated(self) -> Flags:
        """Which sessions have a date of their own."""
        flags: Flags = np.zeros(len(self.session_ids), np.bool_) if self.at is None else ~np.isnan(self.at)
        return flags

    def scored_only(self) -> "Corpus":
        """The sessions that have a reward; the others are neither good nor bad."""
        return self.kept(~np.isnan(self.reward))

    def kept(self, keep: Flags) -> "Corpus":
        """The corpus with the flagged sessions alone; entries of the others are dropped, names keep their codes."""
        if keep.all():
            return self
        position = np.cumsum(keep) - 1
        kept_entries = keep[self.entry_session]
        chosen: list[int] = np.flatnonzero(keep).tolist()
        return Corpus(
            session_ids=[self.session_ids[i] for i in chosen],
            reward=self.reward[keep],
            steps=self.steps[keep],
            task=[self.task[i] for i in chosen],
            category=[self.category[i] for i in chosen],
            variant=[self.variant[i] for i in chosen],
            entry_session=position[self.entry_session[kept_entries]].astype(np.int32),
            entry_code=self.entry_code[kept_entries],
            entry_step=self.entry_step[kept_entries],
            names=self.names,
            at=None if self.at is None else self.at[keep],
            origins=None if self.origins is None else self.origins.kept(chosen),
            cut=None if self.cut is None else self.cut[keep],
            owner=None if self.owner is None else self.owner[keep],
            by_code=self.by_code,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """Groups of comparable sessions, as columns parallel to a corpus's sessions."""

    code: Codes
    """The stratum of each session, from 0."""
    count: int
    variant: Codes
    """The agent variant, adjusted for besides the stratum; all 0 where strata already hold one variant each."""
    variants: int
    confirmation: Flags
    """True for sessions kept away from discovery."""
    by: str
    """How strata were formed, in words."""
    split_by: str
    """``task``: whole strata are kept for confirmation; ``session``: sessions of every stratum are; ``nothing``: there
    are too few sessions to keep any."""
    labels: Sequence[str] = ()
    """The name of each stratum, by code."""
    same_task: bool = True
    """Whether the sessions of a stratum attempted the same task; otherwise what was asked may differ between them."""

    def unsplit(self) -> "Strata":
        """The same strata, with no session kept for confirmation."""
        return dataclasses.replace(self, confirmation=np.zeros_like(self.confirmation), split_by="nothing")

    def kept(self, keep: Flags) -> "Strata":
        """The same strata and parts with the sessions that are flagged."""
        if keep.all():
            return self
        code, variant, confirmation = self.code[keep], self.variant[keep], self.confirmation[keep]
        return dataclasses.replace(self, code=code, variant=variant, confirmation=confirmation)


def label_codes(labels: Sequence[str]) -> Codes:
    """Labels as numbers from 0, in order of first appearance."""
    index: dict[str, int] = {}
    return np.fromiter((index.setdefault(label, len(index)) for label in labels), np.int32, len(labels))


def a_stratum_each_first(stratum: Codes) -> Ints:
    """Positions, parallel to a ranking's strata: the first of each stratum, then the others, both in their order."""
    size = len(stratum)
    first = np.full(int(stratum.max(initial=-1)) + 1, size)
    # Of several positions of one stratum, the last that is assigned stays: the first, when read from the end.
    first[stratum[::-1]] = np.arange(size)[::-1]
    leads = np.zeros(size, np.bool_)
    leads[first[first < size]] = True
    return np.concatenate([np.flatnonzero(leads), np.flatnonzero(~leads)])


def _kept_for_confirmation(label: str) -> bool:
    return hashlib.blake2b(label.encode("utf-8", "surrogatepass"), digest_size=1, person=b"confirm").digest()[0] < 128


def tasks_repeat(corpus: Corpus) -> bool:
    """Whether most sessions name a task, and tasks were run twice or more on average."""
    tasks = [task for task in corpus.task if task is not None]
    return len(tasks) >= 0.8 * len(corpus.task) and len(tasks) >= 2 * max(1, len(set(tasks)))


def _few_tasks_of_many_runs(corpus: Corpus) -> bool:
    """Whether several variants ran each of a few tasks again and again.

    Variants are then compared with themselves: adjusting for them by regression needs many tasks.
    """
    tasks = {task for task in corpus.task if task is not None}
    pairs = len(set(zip(corpus.task, corpus.variant, strict=True)))
    few = len(tasks) < _FEW_TASKS and len(set(corpus.variant)) > 1
    return few and len(corpus.task) >= _MANY_RUNS * pairs


def _strata_labels(corpus: Corpus, families: Sequence[str] | None) -> tuple[list[str], str, bool]:
    """Labels, how they came about, and whether they leave agent variants mixed."""
    if tasks_repeat(corpus):
        if _few_tasks_of_many_runs(corpus):
            labels = [f"task:{t} × {v}" for t, v in zip(corpus.task, corpus.variant, strict=True)]
            return labels, "task × agent variant", False
        labels = [
            f"task:{t}" if t is not None else f"other:{v}" for t, v in zip(corpus.task, corpus.variant, strict=True)
        ]
        return labels, "task", True
    if families is not None:
        labels = [f"{family} × {variant}" for family, variant in zip(families, corpus.variant, strict=True)]
        return labels, "task family × agent variant", False
    kinds = zip(corpus.category, corpus.variant, strict=True)
    labels = [f"{category or 'any'} × {variant}" for category, variant in kinds]
    return labels, "task category × agent variant", False


def form_strata(corpus: Corpus, families: Sequence[str] | None = None, *, least_strata_to_split: int = 20) -> Strata:
    """Group sessions by task where tasks repeat, else by task family (``families``, else category) and agent variant.

    Where one task was run by several agent variants, variants stay mixed inside a stratum and are adjusted for.
    Half of the strata are kept for confirmation, chosen by a hash of their label so that a task stays on its side
    from dream to dream; with fewer than ``least_strata_to_split`` informative strata, half of the sessions instead.
    """
    labels, by, mixed = _strata_labels(corpus, families)
    code, names = label_codes(labels), list(dict.fromkeys(labels))
    variant = label_codes(corpus.variant) if mixed else np.zeros(len(labels), np.int32)
    count, variants = len(names), len(set(corpus.variant)) if mixed else 1
    if mixed and variants > 1:
        by = "task, adjusted for agent variant"
    spread = _sum_of_squares(code, count, corpus.reward)
    by_task = mixed and int((spread > 1e-12).sum()) >= least_strata_to_split
    keys = labels if by_task else corpus.session_ids
    side = {key: _kept_for_confirmation(key) for key in set(keys)}
    confirmation = np.fromiter((side[key] for key in keys), np.bool_, len(keys))
    split_by = "task" if by_task else "session"
    same_task = tasks_repeat(corpus)
    return Strata(code, count, variant, variants, confirmation, by, split_by, names, same_task)


def _sum_of_squares(code: Codes, count: int, reward: Floats) -> Floats:
    size = np.bincount(code, minlength=count).astype(np.float64)
    total = np.bincount(code, reward, count)
    squares = np.bincount(code, reward * reward, count)
    spread: Floats = squares - total * total / np.maximum(size, 1.0)
    return spread


def informative_strata(strata: Strata, reward: Floats) -> int:
    """Strata in which rewards differ at all."""
    return int((_sum_of_squares(strata.code, strata.count, reward) > 1e-12).sum())


def situation_codes(corpus: Corpus) -> dict[Situation, int]:
    """Where each situation's own row is among the corpus's names."""
    return {name.situation: code for code, name in enumerate(corpus.names) if name.kind == SITUATION_KIND}


def situation_rows(corpus: Corpus, situation: Situation, codes: Mapping[Situation, int] | None = None) -> Flags:
    """Which sessions were ever in the situation; ``codes`` are the :func:`situation_codes`, where they are known."""
    if situation == SESSION:
        return np.ones(len(corpus.session_ids), np.bool_)
    flags = np.zeros(len(corpus.session_ids), np.bool_)
    code = (situation_codes(corpus) if codes is None else codes).get(situation)
    if code is not None:
        flags[corpus.entry_session[corpus.entries_of(code)]] = True
    return flags


def first_steps(corpus: Corpus, code: int) -> Ints:
    """Per session, the step at which the behaviour first held; -1 where it never did."""
    first = np.full(len(corpus.session_ids), -1, np.int64)
    entries = corpus.entries_of(code)
    first[corpus.entry_session[entries]] = corpus.entry_step[entries]
    return first
