"""Prefixed identifiers: random ones ordered by time, and ones derived from content.

Prefixes follow the wire API (``sesn_`` session, ``sevt_`` event, ``memstore_`` store, ``mem_`` memory,
``memver_`` memory version, ``drm_`` dream) plus our own: ``lsn_`` lesson, ``rev_`` revision,
``chg_`` change of an agent by itself.
"""

import hashlib
from datetime import datetime
from functools import lru_cache
from secrets import randbits

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BODY_LENGTH = 24
_SEQUENCE_LENGTH = 5


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, remainder = divmod(number, 62)
        digits.append(_ALPHABET[remainder])
    return "".join(reversed(digits))


def derived_id(prefix: str, *parts: str) -> str:
    """The same parts always give the same id: ``prefix_`` and 24 base-62 characters."""
    digest = hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()
    return f"{prefix}_{_base62(int.from_bytes(digest), _BODY_LENGTH)}"


def new_id(prefix: str, now: datetime) -> str:
    """A fresh id that sorts by ``now`` (milliseconds), then at random."""
    milliseconds = int(now.timestamp() * 1000)
    return f"{prefix}_{_base62(milliseconds, 8)}{_base62(randbits(95), _BODY_LENGTH - 8)}"


def event_id(session_id: str, sequence: int) -> str:
    """The id of event ``sequence`` (0-based) of a session; computed, never stored."""
    return f"{_event_id_stem(session_id)}{_base62(sequence, _SEQUENCE_LENGTH)}"


@lru_cache(maxsize=256)  # Events come session by session.
def _event_id_stem(session_id: str) -> str:
    return derived_id("sevt", session_id)[:-_SEQUENCE_LENGTH]


def event_sequence(event: str) -> int:
    """The sequence number inside an event id made by :func:`event_id`.

    Raises:
        ValueError: the text does not end in base-62 digits.
    """
    number = 0
    for character in event[-_SEQUENCE_LENGTH:]:
        number = number * 62 + _ALPHABET.index(character)
    return number
