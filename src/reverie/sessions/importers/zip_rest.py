"""What can be read of a zip file that breaks off: the list of members, at its end, is missing; each names itself."""

import io
import struct
import sys
import zlib
from collections.abc import Iterator
from typing import IO

import msgspec

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_HEADER = struct.Struct("<4sHHHHHLLLHH")
_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED, _SIZES_FOLLOW, _UTF8 = 1, 8, 0x800
"""Bits of a member's flags."""
_STORED, _DEFLATED, _ZSTANDARD = 0, 8, 93
_LARGEST = 1 << 30
"""Bytes of a member; a larger one is the last that is looked at."""


class Member(msgspec.Struct, frozen=True):
    """One whole member."""

    name: str
    data: bytes


def whole_members(file: IO[bytes]) -> Iterator[Member]:
    """The members that are whole, in order, up to the first that is not, or that does not say where it ends."""
    file.seek(0)
    while len(header := file.read(_HEADER.size)) == _HEADER.size:
        signature, _, flags, method, _, _, _, packed, unpacked, name_length, extra_length = _HEADER.unpack(header)
        if signature != _SIGNATURE or flags & (_ENCRYPTED | _SIZES_FOLLOW) or max(packed, unpacked) > _LARGEST:
            return
        name = file.read(name_length).decode("utf-8" if flags & _UTF8 else "cp437", errors="replace")
        file.read(extra_length)
        data = file.read(packed)
        if len(data) < packed or method not in (_STORED, _DEFLATED, _ZSTANDARD):
            return
        if not name.endswith("/"):
            yield Member(name, _unpacked(data, method))


def _unpacked(data: bytes, method: int) -> bytes:
    if method == _STORED:
        return data
    if method == _DEFLATED:
        return zlib.decompress(data, -zlib.MAX_WBITS)
    with zstd.open(io.BytesIO(data)) as stream:
        return bytes(stream.read())
