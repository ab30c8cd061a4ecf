"""What an import was asked to do, and what it did."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from reverie.sessions.import_problem import ImportProblem

MOST_LISTED = 10_000
"""Problems and notices listed, each; a file of garbage must not fill the memory."""
MOST_WARNINGS = 1_000
"""Warnings listed; the rest are counted."""


class ImportOptions(msgspec.Struct, frozen=True):
    """How to import."""

    format: str | None = None
    """One of the importers' formats; None finds it by content."""
    overrides: Mapping[str, str] = {}
    """Session fields, or metadata under any other name, set on every session."""
    scores: Path | None = None
    """A file of scores to join to the sessions."""
    scores_key: str | None = None
    """The score file's field that names the session; None finds it."""
    score_fields: tuple[str, ...] = ()
    """Which scores to take from the file, as ``NAME=FIELD``; empty takes every number. ``NAME=WORD:NUMBER,…`` gives
    numbers to a score that is a word, in the file and in the sessions."""
    strict: bool = False
    """Import everything or, at the first bad record, nothing. Warnings do not count: their sessions were read."""
    redact: bool = True
    met: bool = False
    """Whether the files were met in a folder: what is no session is then passed over, and no problem."""


class ImportCounts(msgspec.Struct, frozen=True):
    """What became of the sessions."""

    created: int = 0
    unchanged: int = 0
    """Stored already, with the same or with other content."""
    extended: int = 0
    """Stored already up to some event; the events after it were added."""
    failed: int = 0


class ImportSummary(msgspec.Struct, frozen=True):
    """What an import did."""

    sessions: ImportCounts = ImportCounts()
    events: int = 0
    """Events stored."""
    scores: int = 0
    """Scores that are new or changed."""
    redactions: dict[str, int] = {}
    """Values replaced before storing, by type."""
    errors: list[ImportProblem] = []
    """Why sessions failed."""
    warnings: list[str] = []
    """What was set aside of sessions that were imported, as ``path:line: reason``."""
    unlisted_warnings: int = 0
    """Warnings beyond the :data:`MOST_WARNINGS` first."""
    notices: list[str] = []
    """What was passed over on purpose."""


def added(total: ImportSummary, part: ImportSummary) -> ImportSummary:
    """Both summaries as one."""
    names = ImportCounts.__struct_fields__
    redactions = total.redactions | {
        name: count + total.redactions.get(name, 0) for name, count in part.redactions.items()
    }
    warnings = total.warnings + part.warnings
    return ImportSummary(
        sessions=ImportCounts(*(getattr(total.sessions, name) + getattr(part.sessions, name) for name in names)),
        events=total.events + part.events,
        scores=total.scores + part.scores,
        redactions=dict(sorted(redactions.items())),
        errors=(total.errors + part.errors)[:MOST_LISTED],
        warnings=warnings[:MOST_WARNINGS],
        unlisted_warnings=total.unlisted_warnings + part.unlisted_warnings + max(0, len(warnings) - MOST_WARNINGS),
        notices=(total.notices + part.notices)[:MOST_LISTED],
    )
