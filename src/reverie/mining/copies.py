"""Copies: sessions that were forked, resumed or exported again under other ids. One observation, not many.

Equal histories alone prove nothing, as terse agents often go the same way. Sessions of one task are copies when they
share their history *and* something that independent runs would not: a number or several words that occur in no other
session, long prose word for word, or the very second at which they began. And copies do not end with other scores.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from reverie.digests.digest import Marks
from reverie.digests.marks import packed_words, places, unpack_marks
from reverie.statistics.corpus import Corpus, Flags, Ints

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
    flags: Flags = np.zeros(len(corpus.session_ids), np.bool_)
    groups: list[tuple[str, ...]] = []
    if corpus.origins is None:
        return flags, groups
    marks = _Marks(corpus.origins.marks)
    for group in _joined(_copied(corpus, marks)):
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


def _copied(corpus: Corpus, marks: _Marks) -> list[tuple[int, ...]]:
    """Sets of sessions of one task that share their history and what independent runs of it would not share.

    All sessions that have a rare word must be copies of each other: the words of a rare turn of events are shared by
    sessions that came to it in different ways.
    """
    shared: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for kind, keys, sessions in _witnesses(corpus, marks):
        order = np.lexsort((sessions, keys))
        bounds = np.flatnonzero(np.diff(keys[order], prepend=keys[order][:1] - 1, append=keys[order][-1:] + 1))
        for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            if 2 <= end - begin <= _MOST_COPIES:
                shared[tuple(sessions[order[begin:end]].tolist())].append(kind)
    runs = Counter(corpus.task)
    return [
        members
        for members, kinds in shared.items()
        if len({corpus.task[i] for i in members}) == 1
        and _is_telling(kinds, runs[corpus.task[members[0]]] - len(members))
        and all(_are_copies(corpus, marks, *pair) for pair in combinations(members, 2))
    ]


def _is_telling(kinds: Sequence[str], others: int) -> bool:
    """Whether witnesses of these kinds tell copies from runs of a task that had so many ``others``."""
    if "moment" in kinds or "prose" in kinds:
        return True
    return others >= _LEAST_OTHERS and ("number" in kinds or kinds.count("word") >= _LEAST_WORDS)


def _witnesses(corpus: Corpus, marks: _Marks) -> Iterator[tuple[str, Ints, Ints]]:
    """By kind: keys that few sessions have, and which session has each, as parallel arrays."""
    words = [np.frombuffer(packed_words(packed), "<u4") for packed in marks.packed]
    session = np.repeat(np.arange(len(words)), [len(each) for each in words])
    hashes = np.concatenate([np.zeros(0, "<u4"), *words]).astype(np.int64)
    _, key, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    rare = (counts[key] >= 2) & (counts[key] <= _MOST_COPIES)
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
        yield "moment", moment.astype(np.int64)[few], precise[few]
    prose = [i for i, packed in enumerate(marks.packed) if _is_prose(packed)]
    yield "prose", np.array([marks[i].chain[-1] >> 1 for i in prose], np.int64), np.array(prose, np.int64)


def _is_prose(packed: bytes) -> bool:
    return int.from_bytes(packed[4:8], "little") >= _LEAST_PROSE


def _are_copies(corpus: Corpus, marks: _Marks, i: int, other: int) -> bool:
    """Whether one history holds at least four fifths of the shorter one, and equal histories ended alike."""
    a, b = marks[i], marks[other]
    both = set(a.chain) & set(b.chain)
    reached = max((place for place, hashed in zip(places(a), a.chain, strict=True) if hashed in both), default=0)
    rewards = corpus.reward[[i, other]]
    differ = bool(rewards[0] != rewards[1]) and not np.isnan(rewards).any()
    # What went on after it was copied may well have another score.
    return reached > 1 and reached >= _LEAST_SHARED * min(a.events, b.events) and not (differ and a.events == b.events)


def _joined(sets: Sequence[tuple[int, ...]]) -> list[list[int]]:
    """Positions that these sets join, as ascending groups."""
    group_of: dict[int, list[int]] = {}
    for members in sets:
        whole = group_of.setdefault(members[0], [members[0]])
        for other in members[1:]:
            rest = group_of.setdefault(other, [other])
            if rest is not whole:
                whole.extend(rest)
                group_of.update(dict.fromkeys(rest, whole))
    return [sorted(group) for group in {id(group): group for group in group_of.values()}.values()]


def _began(corpus: Corpus, i: int) -> float:
    return float(corpus.at[i]) if corpus.at is not None and np.isfinite(corpus.at[i]) else np.inf
