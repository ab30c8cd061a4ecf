"""Looks at session files again and again, and imports those that have come to rest.

Nothing but the ledger is kept between looks and between processes: a file whose stamp is not in the ledger is due.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from reverie.cli.ledger import Ledger
from reverie.cli.session_files import Source, Stamp, files_in
from reverie.cli.sink import Batch, Sink
from reverie.errors import ReverieError
from reverie.sessions.importers.registry import POINT, importer_named
from reverie.storage.sessions.import_summary import ImportSummary

LONGEST_UNREST_SECONDS = 60.0
"""A file that never rests is imported as it stands, this often."""
MOST_FILES = 500
MOST_BYTES = 64 << 20
"""Of a batch: what is imported and noted down at a time."""
_NANOSECONDS = 1_000_000_000


class Change(msgspec.Struct, frozen=True, tag="imported"):
    """Files that were imported together, and what came of it."""

    paths: tuple[str, ...]
    summary: ImportSummary


class Failure(msgspec.Struct, frozen=True, tag="failed"):
    """Why nothing can be imported now; it is tried again."""

    reason: str
    waiting: int
    """Files that are due."""


class Watch:
    """What is watched, and what is known of it."""

    def __init__(
        self, sources: Sequence[Source], sink: Sink, ledger: Ledger, *, quiet_seconds: float, agent: str | None = None
    ) -> None:
        self._sources = sources
        self._sink = sink
        self._ledger = ledger
        self._quiet_seconds = quiet_seconds
        self._agent = agent
        self._rest = Rest()
        self._failed: dict[Path, int] = {}
        self._known: dict[str, Stamp] | None = None

    def due(self, wall: float, steady: float, *, all_: bool = False) -> "tuple[Due, ...]":
        """Look once: what has changed and is at rest, in batches.

        Args:
            wall: seconds since 1970, to see how long a file has been at rest when it is first seen.
            steady: seconds of a clock that is never set, for what is seen from then on.
            all_: what is not at rest too.
        """
        known = self._ledger_files()
        found = {path: (stamp, source) for source in self._sources for path, stamp in files_in(source).items()}
        changed = {path: stamp for path, (stamp, _) in found.items() if known.get(path) != stamp}
        rested = set(self._rest.rested(changed, wall, steady, 0.0 if all_ else self._quiet_seconds))
        return tuple(_batches({path: pair for path, pair in found.items() if path in rested}, self._agent))

    def take(self, due: "Sequence[Due]", tell: Callable[[Change | Failure], None]) -> bool:
        """Import what is due; whether all of it is imported. What failed before comes last, and holds up nothing."""
        waiting = {each.batch: each.files for each in due}

        def taken(batch: Batch, summary: ImportSummary) -> None:
            done = waiting.pop(batch)
            self._ledger.add(done)
            self._ledger_files().update(done)
            self._failed.pop(batch.paths[0], None)
            tell(Change(tuple(map(str, batch.paths)), _without_cut_lines(summary)))

        queue = sorted(waiting, key=lambda batch: self._failed.get(batch.paths[0], 0))
        try:
            if queue:
                self._sink.take(queue, self._meet, taken)
        except (ReverieError, OSError) as error:
            first = next(batch for batch in queue if batch in waiting)
            self._failed[first.paths[0]] = self._failed.get(first.paths[0], 0) + 1
            tell(Failure(str(error), sum(map(len, waiting.values()))))
            return False
        return True

    def forget(self) -> None:
        """Import everything again.

        Raises:
            OSError: the ledger cannot be written.
        """
        self._ledger.clear()
        self._known = None

    def _ledger_files(self) -> dict[str, Stamp]:
        if self._known is None:
            self._known = self._ledger.files()
        return self._known

    def greet(self) -> None:
        """See that sessions can be imported, and what of them is known there.

        Raises:
            ReverieError: they cannot be.
            OSError: the ledger cannot be written.
        """
        self._sink.take([], self._meet, lambda _batch, _summary: None)

    def _meet(self, installation: str | None) -> None:
        self._ledger.bind(installation)
        self._known = None


class Rest:
    """How long files have been as they are."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[Stamp, float, float]] = {}
        """Path → its stamp, since when it is so, and since when it has been waiting."""

    def rested(self, changed: Mapping[str, Stamp], wall: float, steady: float, seconds: float) -> list[str]:
        """Those of the changed files that were not written to for ``seconds``, or that have waited too long."""
        since = {}
        rested = []
        for path, stamp in changed.items():
            before = self._since.get(path)
            if before is None:
                # A time in the future (of another machine's clock, say) tells nothing: the file is looked at again.
                age = max(wall - stamp.modified / _NANOSECONDS, 0.0)
                entry = (stamp, steady - age, steady)
            else:
                entry = (stamp, before[1] if before[0] == stamp else steady, before[2])
            since[path] = entry
            if steady - entry[1] >= seconds or steady - entry[2] >= LONGEST_UNREST_SECONDS:
                rested.append(path)
        self._since = {path: entry for path, entry in since.items() if path not in set(rested)}
        return rested


class Due(msgspec.Struct, frozen=True):
    """A batch, and the changed files that it is for."""

    batch: Batch
    files: dict[str, Stamp]


def _batches(due: Mapping[str, tuple[Stamp, Source]], agent: str | None) -> list[Due]:
    """What is due, in batches of one source and folder each, so that files of one session are imported together."""
    folders: dict[tuple[Path, str | None, Path], dict[Path, dict[str, Stamp]]] = {}
    for path, (stamp, source) in due.items():
        whole = _whole(Path(path), source)
        root = source.path if source.path.is_dir() else source.path.parent
        folders.setdefault((root, source.format, whole.parent), {}).setdefault(whole, {})[path] = stamp
    batches = []
    for (root, format_, _), wholes in sorted(folders.items(), key=lambda item: str(item[0])):
        ordered = sorted(wholes.items(), key=lambda item: (max(stamp.modified for stamp in item[1].values()), item[0]))
        for part in _parts(ordered):
            files = {path: stamp for _, stamps in part for path, stamp in stamps.items()}
            batches.append(Due(Batch(root, tuple(whole for whole, _ in part), format_, agent), files))
    return batches


def _whole(path: Path, source: Source) -> Path:
    """What to import when the file at ``path`` has changed, within the source."""
    if source.format is None:
        candidates = {Path(importer.whole(path)) for importer in POINT.ours.values()} - {path}
        whole = next((one for one in sorted(candidates) if one.exists()), path)
    else:
        whole = Path(importer_named(source.format).whole(path))
    return whole if whole.exists() and whole.is_relative_to(source.path) else path


def _parts(
    ordered: Iterable[tuple[Path, dict[str, Stamp]]],
) -> Iterable[list[tuple[Path, dict[str, Stamp]]]]:
    part: list[tuple[Path, dict[str, Stamp]]] = []
    size = 0
    for whole, files in ordered:
        part.append((whole, files))
        size += sum(stamp.size for stamp in files.values())
        if len(part) >= MOST_FILES or size >= MOST_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _without_cut_lines(summary: ImportSummary) -> ImportSummary:
    """The summary without the problem of a last line that is still being written; it is read when the file grows."""
    errors = [problem for problem in summary.errors if not _is_cut(Path(problem.path), problem.line)]
    dropped = len(summary.errors) - len(errors)
    counts = msgspec.structs.replace(summary.sessions, failed=summary.sessions.failed - dropped)
    return msgspec.structs.replace(summary, errors=errors, sessions=counts)


def _is_cut(path: Path, line: int) -> bool:
    try:
        with path.open("rb") as file:
            lines, end = 0, b"\n"
            for text in file:
                lines, end = lines + 1, text[-1:]
    except OSError:
        return False
    return line == lines and end != b"\n"
