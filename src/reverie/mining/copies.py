"""Sessions that are copies of each other: forked, resumed or exported again under other ids. One observation, not many.

Equal histories alone prove nothing, as terse agents often go the same way. Two sessions of one task are copies when they
share their history *and* something that independent runs would not: a number or several words that occur in no other
session, long prose word for word, or the very second at which they began. And copies do not end with other scores.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from reverie.digests.marks import Marks, packed_words, unpack_marks
from reverie.statistics.corpus import Corpus, Flags, Ints, label_codes

_LEAST_SHARED = 0.8
"""Of the shorter history."""
_LEAST_PROSE = 400
_LEAST_WORDS = 3
_LEAST_OTHERS = 3
"""Other runs of the task that must not have a word before its being rare says anything."""
_MOST_COPIES = 20
_MOST_OF_A_MOMENT = 6


def copies(corpus: Corpus) -> tuple[Flags, list[tuple[str, ...]]]:
    """Which sessions are copies of one that is counted; and the groups, by session id, the counted one first.

    The longest history counts, then the session that began first: what went on knows how it ended.
    """
    flags, groups = np.zeros(len(corpus.session_ids), np.bool_), []
    if corpus.origins is None:
        return flags, groups
    marks = _Marks(corpus.origins.marks)
    pairs = [pair for pair in _witnessed(corpus, marks) if _are_copies(corpus, marks, *pair)]
    for group in _joined(pairs):
        ordered = sorted(group, key=lambda i: (-marks[i].events, _began(corpus, i), corpus.session_ids[i]))
        flags[ordered[1:]] = True
        groups.append(tuple(corpus.session_ids[i] for i in ordered))
    return flags, groups


class _Marks:
    """Marks by position, unpacked when they are looked at: most never are."""

    def __init__(self, packed: Sequence[bytes]) -> None:
        self.packed = packed
        self._read: dict[int, Marks] = {}

    def __getitem__(self, i: int) -> Marks:
        if i not in self._read:
            self._read[i] = unpack_marks(self.packed[i])
        return self._read[i]


def _witnessed(corpus: Corpus, marks: _Marks) -> Iterator[tuple[int, int]]:
    """Pairs of sessions of one task that share what independent runs of it would not; each pair once."""
    task = label_codes([f"task:{t}" if t is not None else "" for t in corpus.task])
    shared: dict[tuple[int, int], list[str]] = defaultdict(list)
    for kind, keys, sessions in _witnesses(corpus, marks, task):
        order = np.lexsort((sessions, keys))
        bounds = np.flatnonzero(np.diff(keys[order], prepend=keys[order][:1] - 1, append=keys[order][-1:] + 1))
        for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            members = sessions[order[begin:end]].tolist()
            if 2 <= len(members) <= _MOST_COPIES:
                for pair in combinations(members, 2):
                    shared[pair].append(kind)
    for pair, kinds in shared.items():
        if set(kinds) & {"number", "moment", "prose"} or len(kinds) >= _LEAST_WORDS:
            yield pair


def _witnesses(corpus: Corpus, marks: _Marks, task: Ints) -> Iterator[tuple[str, Ints, Ints]]:
    """By kind: a key that two copies share, and the session that has it, as parallel arrays."""
    words = [np.frombuffer(packed_words(packed), "<u4") for packed in marks.packed]
    runs = np.bincount(task)
    session = np.repeat(np.arange(len(words)), [len(each) for each in words])
    hashes = np.concatenate([np.zeros(0, "<u4"), *words]).astype(np.int64)
    _, key, counts = np.unique((task[session].astype(np.int64) << 32) | hashes, return_inverse=True, return_counts=True)
    # What nearly all runs of a task say belongs to the task.
    rare = (counts[key] >= 2) & (counts[key] <= _MOST_COPIES) & (runs[task[session]] - counts[key] >= _LEAST_OTHERS)
    numbers = np.zeros(len(hashes), np.bool_)
    starts = np.concatenate([[0], np.cumsum([len(each) for each in words])])
    for i in np.unique(session[rare]).tolist():
        numbers[starts[i] : starts[i] + len(marks[i].numbers)] = True
    for kind, chosen in (("number", rare & numbers), ("word", rare & ~numbers)):
        yield kind, key[chosen], session[chosen]
    if corpus.at is not None:
        # A day or a full minute is no moment; nor is one at which a whole batch was started.
        precise = np.flatnonzero(corpus.dated() & (np.nan_to_num(corpus.at) % 60 != 0))
        _, moment, counts = np.unique(corpus.at[precise], return_inverse=True, return_counts=True)
        few = counts[moment] <= _MOST_OF_A_MOMENT
        yield "moment", (moment.astype(np.int64) * len(runs) + task[precise])[few], precise[few]
    prose = [i for i in np.flatnonzero([len(p) > 0 for p in marks.packed]).tolist() if _is_prose(marks.packed[i])]
    ends = np.array([hash((int(task[i]), marks[i].chain[-1])) for i in prose], np.int64)
    yield "prose", ends, np.array(prose, np.int64)


def _is_prose(packed: bytes) -> bool:
    return int.from_bytes(packed[4:8], "little") >= _LEAST_PROSE


def _are_copies(corpus: Corpus, marks: _Marks, i: int, other: int) -> bool:
    """Whether one history holds at least four fifths of the shorter one, and equal histories ended alike."""
    a, b = marks[i], marks[other]
    both = set(a.chain) & set(b.chain)
    reached = max((place for place, hashed in zip(a.places, a.chain, strict=True) if hashed in both), default=0)
    rewards = corpus.reward[[i, other]]
    differ = bool(rewards[0] != rewards[1]) and not np.isnan(rewards).any()
    # What went on after it was copied may well have another score.
    return reached > 1 and reached >= _LEAST_SHARED * min(a.events, b.events) and not (differ and a.events == b.events)


def _joined(pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Positions that pairs join, as ascending groups."""
    group_of: dict[int, list[int]] = {}
    for i, other in pairs:
        a, b = group_of.setdefault(i, [i]), group_of.setdefault(other, [other])
        if a is not b:
            a.extend(b)
            group_of.update(dict.fromkeys(b, a))
    return [sorted(group) for group in {id(group): group for group in group_of.values()}.values()]


def _began(corpus: Corpus, i: int) -> float:
    return float(corpus.at[i]) if corpus.at is not None and np.isfinite(corpus.at[i]) else np.inf
