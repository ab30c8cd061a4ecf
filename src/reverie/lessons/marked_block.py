"""A block between marks in somebody else's text file: written, renewed and taken out without touching other bytes.

The marks are HTML comments on lines of their own, which readers of Markdown do not show. A new block comes to the end
of its file; after that it stays where people put it. A file without a newline at its end goes on without one.
"""

import hashlib
import re
from urllib.parse import quote

import msgspec

from reverie.errors import InputError

_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_LAST_LINE_END = re.compile(rb"(\r\n|\n|\r)\Z")
_LINE_BEGINS = rb"(?:(?<=\n)|(?<=\r)|\A(?:\xef\xbb\xbf)?)"
_LINE_STOPS = rb"(?=\r|\n|\Z)"
_SUM_CHARACTERS = 16


class MarkedBlock(msgspec.Struct, frozen=True):
    """Where a block stands in a file, marks included, and what is in it."""

    start: int
    stop: int
    """After the end mark, before the end of its line."""
    content: str
    """With line feeds, without the last one."""
    is_new_file: bool
    """Whether the file was made for the block."""
    is_intact: bool
    """Whether the content is what its checksum says; else somebody changed it by hand."""


def find_block(data: bytes, owner: str) -> MarkedBlock | None:
    """The block of ``owner`` in a file, if it is there.

    Raises:
        InputError: the file is no text of single bytes, or the marks are not one pair; the message names their lines.
    """
    if b"\0" in data or data.startswith(_WIDE_BOMS):
        raise InputError("is no text in UTF-8; save it as UTF-8, then run this again")
    begins, ends = list(_begin_mark(owner).finditer(data)), list(_end_mark(owner).finditer(data))
    if not begins and not ends:
        return None
    if len(begins) != 1 or len(ends) != 1 or ends[0].start() < begins[0].end():
        lines = ", ".join(str(_line_number(data, found.start("mark"))) for found in (*begins, *ends))
        raise InputError(
            f"the marks of {owner!r} (lines {lines}) are no pair of one begin and one end after it; delete what is "
            "left over, then run this again"
        )
    (begin,), (end,) = begins, ends
    inside = _LINE_END.sub(b"\n", data[begin.end() : end.start()]).decode("utf-8", "replace")
    content = inside.removeprefix("\n").removesuffix("\n")
    is_intact = begin["sum"].decode() == _checksum(content)
    return MarkedBlock(begin.start("mark"), end.end(), content, begin["new"] is not None, is_intact)


def write_block(data: bytes | None, owner: str, content: str, *, head: str = "") -> bytes:
    """The file with this block of ``owner``, with the kind of line ends that the file has.

    A block that says so already is left as it is.

    Args:
        data: the file as it is; None makes one, which begins with ``head``.
        content: with line feeds, without a last one; no line of it may be a mark.

    Raises:
        InputError: as of :func:`find_block`.
    """
    if data is None:
        return f"{head}{_block(owner, content, is_new_file=True)}\n".encode()
    found = find_block(data, owner)
    if found is not None and found.content == content and found.is_intact:
        return data
    first = _LINE_END.search(data)
    line_end = b"\n" if first is None else first[0]
    block = _block(owner, content, is_new_file=found is not None and found.is_new_file).encode()
    block = block.replace(b"\n", line_end)
    if found is not None:
        return data[: found.start] + block + data[found.stop :]
    is_ended = data in (b"", _BOM) or _LAST_LINE_END.search(data) is not None
    return data + block + line_end if is_ended else data + line_end + block


def remove_block(data: bytes, owner: str, *, head: str = "") -> bytes | None:
    """The file without the block of ``owner``, as it was before; None where it was made for the block, and is no more.

    Raises:
        InputError: as of :func:`find_block`.
    """
    found = find_block(data, owner)
    if found is None:
        return data
    before, after = data[: found.start], data[found.stop :]
    if after:
        after = after[_LINE_END.match(after).end() :]  # type: ignore[union-attr] # a mark ends where its line does
    else:
        before = _LAST_LINE_END.sub(b"", before)
    rest = before + after
    is_left_alone = _LINE_END.sub(b"\n", rest) == head.encode()
    return None if found.is_new_file and is_left_alone else rest


def _block(owner: str, content: str, *, is_new_file: bool) -> str:
    new = ' file="new"' if is_new_file else ""
    begin = f'<!-- reverie:begin store="{_quoted(owner)}" sha256="{_checksum(content)}"{new} -->'
    return f'{begin}\n{content}\n<!-- reverie:end store="{_quoted(owner)}" -->'


def _begin_mark(owner: str) -> re.Pattern[bytes]:
    name = re.escape(_quoted(owner).encode())
    told = rb' sha256="(?P<sum>[0-9a-f]*)"(?P<new> file="new")?'
    return re.compile(
        _LINE_BEGINS + rb'(?P<mark><!-- reverie:begin store="' + name + rb'"' + told + rb" -->)" + _LINE_STOPS
    )


def _end_mark(owner: str) -> re.Pattern[bytes]:
    name = re.escape(_quoted(owner).encode())
    return re.compile(_LINE_BEGINS + rb'(?P<mark><!-- reverie:end store="' + name + rb'" -->)' + _LINE_STOPS)


def _quoted(owner: str) -> str:
    """A name that cannot end its quotes or the comment."""
    return quote(owner, safe=" ").replace("--", "-%2D")


def _checksum(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:_SUM_CHARACTERS]


def _line_number(data: bytes, place: int) -> int:
    return len(_LINE_END.findall(data[:place])) + 1
