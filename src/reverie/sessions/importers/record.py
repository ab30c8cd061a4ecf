"""What reading a file gives: records to parse, problems to report, notices of what was passed over."""

import msgspec


class RecordPart(msgspec.Struct, frozen=True):
    """A further file of a session: what one of its side agents did."""

    path: str
    data: bytes


class RawRecord(msgspec.Struct, frozen=True):
    """One session as its file holds it: the picklable unit of parsing work."""

    path: str
    """Where it came from, for messages; an archive's member reads ``archive.tar.gz/folder/member``."""
    line: int
    """The line, or the position in a JSON list or object; both from 1."""
    format: str
    """The importer's name."""
    data: bytes
    """The session's text: one line, list element or member, or the whole file."""
    context: dict[str, str] = {}
    """What only the file knows: ``stem`` (name without suffixes), ``folder`` (its name), ``key`` (in a JSON object),
    ``broken_off`` (why its data ends too early)."""
    parts: tuple[RecordPart, ...] = ()
    """Further files of the same session."""
    elsewhere: frozenset[str] = frozenset()
    """Ids of lines that another session holds, of which this one is a fork."""


class SkippedFile(msgspec.Struct, frozen=True):
    """A file in a folder or archive that was passed over on purpose."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"
