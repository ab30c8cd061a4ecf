"""Words and pieces of words as counts of hashes: the features of the embedder ``hashed-256``.

Stored vectors hold what this makes, so it never changes: the hash is MurmurHash3 (Appleby 2011; 32 bits, seed 0) of
the UTF-8 bytes, its remainder the column and its sign the sign (Weinberger et al., ICML 2009). Whole batches are hashed
at once, by numpy.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.float32]

_Spans = Callable[[Bytes, Ints, Ints], tuple[Ints, Ints, Ints]]
"""From bytes, and where each text begins and ends in them, to text, start and length of each feature."""

_WORD = re.compile(r"\b\w\w+\b")
_SPACE = 0x20
_BATCH_CHARACTERS = 1 << 17
"""What is hashed at once: enough to keep numpy busy, little enough to stay in the caches."""
_C1, _C2, _ADDED = np.uint32(0xCC9E2D51), np.uint32(0x1B873593), np.uint32(0xE6546B64)


def letter_counts(texts: Sequence[str], columns: int) -> Counts:
    """Signed counts, n × ``columns``, of the runs of 3 and 4 characters inside each word with a space around it."""
    return _counted([" " + " ".join(text.lower().split()) + " " for text in texts], columns, _letter_spans)


def word_counts(texts: Sequence[str], columns: int) -> Counts:
    """Signed counts, n × ``columns``, of words of two characters and more, and of pairs of them."""
    return _counted([" ".join(_WORD.findall(text.lower())) for text in texts], columns, _word_spans)


def murmur3(data: Bytes, start: Ints, length: Ints) -> npt.NDArray[np.int32]:
    """The hash of each span of ``data``."""
    order = np.argsort(-length, kind="stable")  # the longest first, so that those with a block left are a prefix
    start, length = start[order], length[order]
    blocks = length // 4
    four = _four_bytes(data)
    state = np.zeros(len(start), np.uint32)
    for block in range(int(blocks.max(initial=0))):
        some = slice(0, int(np.searchsorted(-blocks, -block, side="left")))
        state[some] = _rotated(state[some] ^ _mixed(four[start[some] + 4 * block]), 13) * np.uint32(5) + _ADDED
    rest = (length % 4).astype(np.uint32)
    tail = four[start + 4 * blocks] & ((np.uint32(1) << (np.uint32(8) * rest)) - np.uint32(1))
    state ^= _mixed(tail)  # of nothing it is 0
    state ^= length.astype(np.uint32)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        state = (state ^ (state >> np.uint32(shift))) * np.uint32(factor)
    hashes = np.empty(len(start), np.uint32)
    hashes[order] = state ^ (state >> np.uint32(16))
    return hashes.view(np.int32)


def _four_bytes(data: Bytes) -> npt.NDArray[np.uint32]:
    """At each position, and one beyond the last, the four bytes from there on as one little-endian number."""
    padded = np.concatenate([data, np.zeros(4, np.uint8)]).astype(np.uint32)
    size = len(data) + 1
    four = padded[:size]
    for place in (1, 2, 3):
        four = four | (padded[place : size + place] << np.uint32(8 * place))
    return four


def _mixed(block: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    return _rotated(block * _C1, 15) * _C2


def _rotated(value: npt.NDArray[np.uint32], bits: int) -> npt.NDArray[np.uint32]:
    return (value << np.uint32(bits)) | (value >> np.uint32(32 - bits))


def _letter_spans(data: Bytes, _begins: Ints, ends: Ints) -> tuple[Ints, Ints, Ints]:
    """Text, start and length of each run of characters; a run may begin or end with a space, and has none inside."""
    starts = np.flatnonzero((data & 0xC0) != 0x80)  # the first byte of each character
    text = np.searchsorted(ends, starts, side="right")
    bounds = np.append(starts, len(data))
    space = np.append(data[starts] == _SPACE, np.ones(4, np.bool_))
    spans = []
    for size in (3, 4):
        first = np.arange(max(len(starts) - size + 1, 0))
        inside = text[first] == text[first + size - 1]
        for place in range(1, size - 1):
            inside &= ~space[first + place]
        kept = first[inside]
        spans.append((text[kept], starts[kept], bounds[kept + size] - starts[kept]))
    return _joined(spans)


def _word_spans(data: Bytes, begins: Ints, ends: Ints) -> tuple[Ints, Ints, Ints]:
    """Text, start and length of each word and of each two neighbours."""
    first = np.zeros(len(data), np.bool_)
    first[begins[begins < ends]] = True
    first[1:] |= data[:-1] == _SPACE
    starts = np.flatnonzero(first)
    text = np.searchsorted(ends, starts, side="right")
    stops = np.where(np.append(text[1:] == text[:-1], False), np.append(starts[1:], 0) - 1, ends[text])
    paired = np.flatnonzero(text[1:] == text[:-1])
    return _joined([
        (text, starts, stops - starts),
        (text[paired], starts[paired], stops[paired + 1] - starts[paired]),
    ])  # fmt: skip


def _joined(spans: Sequence[tuple[Ints, Ints, Ints]]) -> tuple[Ints, Ints, Ints]:
    text, start, length = (np.concatenate(parts) for parts in zip(*spans, strict=True))
    return text, start, length


def _counted(lines: Sequence[str], columns: int, spans_of: _Spans) -> Counts:
    blocks = [np.zeros((0, columns), np.float32)]
    first = 0
    while first < len(lines):
        last, characters = first + 1, len(lines[first])
        while last < len(lines) and characters + len(lines[last]) <= _BATCH_CHARACTERS:
            characters += len(lines[last])
            last += 1
        blocks.append(_count_batch(lines[first:last], columns, spans_of))
        first = last
    return np.concatenate(blocks)


def _count_batch(lines: Sequence[str], columns: int, spans_of: _Spans) -> Counts:
    encoded = [line.encode("utf-8", "surrogatepass") for line in lines]
    ends = np.cumsum([len(line) for line in encoded])
    data = np.frombuffer(b"".join(encoded), np.uint8)
    text, start, length = spans_of(data, np.append(0, ends[:-1]), ends)
    hashes = murmur3(data, start, length).astype(np.int64)
    sign = np.where(hashes >= 0, 1.0, -1.0)
    counts = np.bincount(text * columns + np.abs(hashes) % columns, weights=sign, minlength=len(lines) * columns)
    return counts.reshape(len(lines), columns).astype(np.float32)
