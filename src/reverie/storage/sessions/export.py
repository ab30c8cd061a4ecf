"""Export: the transcripts of a segment as Reverie JSON Lines."""

import gzip
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from reverie.errors import InputError
from reverie.sessions.importers import encode_line
from reverie.sessions.segment import Segment
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.transcripts import stream_transcripts


class ExportSummary(msgspec.Struct, frozen=True):
    """What was written."""

    sessions: int
    events: int


async def export_sessions(
    database: Database, segment: Segment, file: Path, progress: Callable[[int], None] = lambda _: None
) -> ExportSummary:
    """Write the segment to ``file``: gzipped when it ends in ``.gz``, to standard output when it is ``-``.

    The file appears, or is replaced, when it is complete. ``progress`` is told how many sessions are written.

    Raises:
        InputError: the file cannot be written.
    """
    sessions = events = 0
    try:
        with _writer(file) as output:
            async for transcript in stream_transcripts(database, segment):
                output.write(encode_line(transcript))
                sessions += 1
                events += len(transcript.events)
                progress(sessions)
    except OSError as error:
        raise InputError(f"{file}: cannot be written: {error.strerror}") from error
    return ExportSummary(sessions, events)


@contextmanager
def _writer(file: Path) -> Iterator[BinaryIO | gzip.GzipFile]:
    if str(file) == "-":
        yield sys.stdout.buffer
        return
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as plain:
            if file.suffix == ".gz":
                # The same sessions give the same bytes: no name, no time.
                with gzip.GzipFile(filename="", mode="wb", fileobj=plain, mtime=0, compresslevel=6) as packed:
                    yield packed
            else:
                yield plain
            plain.flush()
            os.fsync(plain.fileno())
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
