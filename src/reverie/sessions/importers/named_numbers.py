"""``NaN`` and infinities, which Python writes and JSON does not have, as text, so that a stream of JSON can be read.

Only where each value has a line of its own, as in indented JSON: there no text can be mistaken for them.
"""

import io
import re
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK = 1 << 17
_NAMES = (b"NaN", b"Infinity")
_LINE = re.compile(rb'^(\s*(?:"(?:[^"\\\n]|\\.)*"\s*:\s*)?)(NaN|-?Infinity)(\s*,?\s*)$', re.MULTILINE)


class WithoutNamedNumbers(io.RawIOBase):
    """The stream with such numbers in quotes."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._line = b""
        """The beginning of a line of which the rest was not read yet."""
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        while not self._ready:
            chunk = self._stream.read(_CHUNK)
            whole, end, rest = (self._line + chunk).rpartition(b"\n")
            if not chunk or (not end and len(rest) > _CHUNK):  # the end, or not written in lines
                whole, rest = whole + end + rest, b""
                end = b""
            self._ready, self._line = _quoted(whole + end), rest
            if not chunk and not self._ready:
                return 0
        view = memoryview(buffer)
        given, self._ready = self._ready[: len(view)], self._ready[len(view) :]
        view[: len(given)] = given
        return len(given)


def _quoted(lines: bytes) -> bytes:
    if not any(name in lines for name in _NAMES):
        return lines
    return _LINE.sub(rb'\1"\2"\3', lines)
