"""Hashes that tell copies of a session apart from other runs that went the same way.

A session that was forked, resumed or exported again has the same history under another id. Two runs may go the same
way, too, when agents are terse; what makes the difference are numbers, names and prose that nobody writes twice.
"""

import re
import struct
from collections.abc import Sequence
from hashlib import blake2b
from zlib import crc32

import msgspec

from reverie.digests.digest import Marks
from reverie.sessions.event import Event, text_of

_MOST_CHAINED = 64
_WRITTEN = ("user.message", "agent.message", "agent.tool_use", "agent.tool_result", "user.tool_result")
_SHORTEST_TOKEN, _LONGEST_TOKEN = 4, 64
_TOKEN = re.compile(rf"[\w\-]{{{_SHORTEST_TOKEN},{_LONGEST_TOKEN}}}")
_APART = bytes(ord(chr(i).lower()) if i < 128 and (chr(i).isalnum() or chr(i) in "_-") else 32 for i in range(256))
"""ASCII in lower case, with a space for whatever is no part of a token."""
_DIGITS = re.compile(r"\d")
_MOST_TOKENS = 16
_HEADER = "<IIHHH"
_LEAST_DIGITS = 4
_LONGEST_TEXT = 8_000
_encoder = msgspec.json.Encoder(order="deterministic")


def places(marks: Marks) -> list[int]:
    """After how many events the history is hashed: each of the first 64, then ever fewer, and the last."""
    return [place for place in range(1, marks.events + 1) if _is_kept(place) or place == marks.events]


def read_marks(events: Sequence[Event]) -> Marks:
    """The marks of these events. Ids, times and white space are left out: exports change them."""
    chain: list[int] = []
    so_far, last = b"", 0
    texts: list[str] = []
    authored, place = 0, 0
    for event in events:
        if event.type not in _WRITTEN:
            continue
        text = " ".join(_content(event)[:_LONGEST_TEXT].split())
        so_far = blake2b(so_far + f"{event.type}\n{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
        place += 1
        authored += len(text) if event.type == "agent.message" else 0
        texts.append(text)
        if _is_kept(place):
            last = place
            chain.append(int.from_bytes(so_far, "little"))
    if place != last:
        chain.append(int.from_bytes(so_far, "little"))
    tokens = _tokens(texts)
    numbers = {token for token in tokens if not token.isalpha() and _is_number(token)}
    return Marks(place, authored, tuple(chain), _smallest(numbers), _smallest(tokens - numbers))


def _is_kept(place: int) -> bool:
    """Each of the first 64, then 16 to 32 in every doubling."""
    return place <= _MOST_CHAINED or place % (1 << (place.bit_length() - 5)) == 0


def _content(event: Event) -> str:
    if event.type != "agent.tool_use":
        return text_of(event)
    return f"{event.payload.get('name')} {_encoder.encode(event.payload.get('input')).decode()}"


def _tokens(texts: Sequence[str]) -> set[bytes]:
    """The different tokens of all texts, in lower case and UTF-8."""
    other = "\n".join(text for text in texts if not text.isascii()).lower()
    tokens = {token.encode("utf-8", "surrogatepass") for token in _TOKEN.findall(other)}
    # Most texts are ASCII, where a table of bytes finds the same tokens several times as fast as the expression.
    runs = set("\n".join(text for text in texts if text.isascii()).encode().translate(_APART).split())
    tokens.update(run for run in runs if _SHORTEST_TOKEN <= len(run) <= _LONGEST_TOKEN)
    for run in runs:
        if len(run) > _LONGEST_TOKEN:
            pieces = (run[start : start + _LONGEST_TOKEN] for start in range(0, len(run), _LONGEST_TOKEN))
            tokens.update(piece for piece in pieces if len(piece) >= _SHORTEST_TOKEN)
    return tokens


def _is_number(token: bytes) -> bool:
    return len(_DIGITS.findall(token.decode("utf-8", "surrogatepass"))) >= _LEAST_DIGITS


def _smallest(tokens: set[bytes]) -> tuple[int, ...]:
    """The smallest hashes: a sample that two sessions with the same words take alike (Broder 1997)."""
    return tuple(sorted(set(map(crc32, tokens)))[:_MOST_TOKENS])


def pack_marks(marks: Marks) -> bytes:
    """The marks as bytes: five counts, then the hashes, all little-endian."""
    sizes = len(marks.chain), len(marks.numbers), len(marks.words)
    layout = f"{_HEADER}{sizes[0]}Q{sizes[1] + sizes[2]}I"
    return struct.pack(layout, marks.events, marks.authored, *sizes, *marks.chain, *marks.numbers, *marks.words)


def unpack_marks(packed: bytes | None) -> Marks:
    """What :func:`pack_marks` packed; no marks where there is nothing."""
    if not packed:
        return Marks()
    events, authored, chained, numbers, words = struct.unpack_from(_HEADER, packed)
    hashes = struct.unpack_from(f"<{chained}Q{numbers + words}I", packed, struct.calcsize(_HEADER))
    return Marks(events, authored, hashes[:chained], hashes[chained : chained + numbers], hashes[chained + numbers :])


def packed_words(packed: bytes) -> bytes:
    """The hashes of words and numbers in packed marks, as they are stored: 32 bits each, little-endian."""
    chained = struct.unpack_from(_HEADER, packed)[2] if packed else 0
    return packed[struct.calcsize(_HEADER) + 8 * chained :]
