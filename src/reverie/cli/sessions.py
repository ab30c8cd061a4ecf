"""``reverie import`` and ``reverie export``."""

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import click
import msgspec

from reverie.cli.main import EXIT_NOTHING_DONE, EXIT_PARTLY_FAILED
from reverie.cli.progress import progress_line
from reverie.cli.run import run
from reverie.cli.session_files import formats_with_places
from reverie.cli.usual_options import chosen_sources, usual_options
from reverie.clock import SystemClock
from reverie.display_name import numbered
from reverie.errors import InputError
from reverie.outcomes.score_words import split_score_options
from reverie.sessions.importers import formats
from reverie.sessions.segment import parse_segment
from reverie.settings import Settings, load_settings
from reverie.storage.postgres.database import Database
from reverie.storage.sessions import export, ingest
from reverie.storage.sessions.import_summary import ImportOptions, ImportSummary


@click.command("import")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="PATH...")
@usual_options
@click.option(
    "--format",
    "format_",
    type=click.Choice(["auto", *formats()]),
    default="auto",
    help="Format of the named files; auto finds it by their content.",
)
@click.option("--agent", help="Agent of every session; short for --set agent=NAME.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set a session field, or metadata under any other key; {stem} is the file's name without suffix, {folder} "
    "that of its folder.",
)
@click.option("--scores", type=click.Path(path_type=Path), metavar="FILE", help="JSON or CSV file of scores to join.")
@click.option("--scores-key", metavar="FIELD", help="Field of the score file that names the session.")
@click.option(
    "--score",
    "score_fields",
    multiple=True,
    metavar="NAME=FIELD",
    help="Scores to take (default: all), or NAME=WORD:NUMBER,… for words.",
)
@click.option("--strict", is_flag=True, help="Import everything or, at the first unreadable record, nothing.")
@click.option("--no-redact", is_flag=True, help="Store secrets and personal data as they are.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def import_sessions(
    paths: tuple[Path, ...],
    usual: tuple[str, ...],
    format_: str,
    agent: str | None,
    overrides: tuple[str, ...],
    scores: Path | None,
    scores_key: str | None,
    score_fields: tuple[str, ...],
    strict: bool,
    no_redact: bool,
    as_json: bool,
) -> None:
    """Import agent sessions from files, folders and archives.

    Importing again adds only what is new. Exit code: 3 when some records failed, 1 when nothing could be imported.
    """
    if scores is None and (scores_key or split_score_options(score_fields)[0]):
        raise InputError("--scores-key and --score say how to read a score file; name it with --scores FILE")
    paths, format_ = _with_usual(paths, usual, format_)
    settings = load_settings()
    fields = {} if agent is None else {"agent": agent}
    options = ImportOptions(
        format=None if format_ == "auto" else format_,
        overrides=fields | _pairs(overrides),
        scores=scores,
        scores_key=scores_key,
        score_fields=score_fields,
        strict=strict,
        redact=settings.redaction and not no_redact,
    )
    summary = _import(settings, paths, options)
    _report(summary, as_json)
    sys.exit(_exit_code(summary))


def _with_usual(paths: tuple[Path, ...], usual: Sequence[str], format_: str) -> tuple[tuple[Path, ...], str]:
    """The paths with the usual places that were asked for, and the format that all are to be of."""
    if not paths and not usual:
        options = ", ".join(f"--{name}" for name in formats_with_places())
        raise click.UsageError(
            f"name files or folders, or a program whose sessions are in their usual place: {options}"
        )
    if usual and format_ != "auto":
        raise click.UsageError("--format is for files that you name; a program's usual place has one format")
    places = tuple(source.path for source in chosen_sources(usual))
    alone = not paths and len(set(usual)) == 1
    return (*paths, *places), usual[0] if alone else format_


def _import(settings: Settings, paths: Sequence[Path], options: ImportOptions) -> ImportSummary:
    with progress_line("importing") as show:

        def progress(summary: ImportSummary) -> None:
            show(f"{numbered(summary.sessions.created, 'session')}, {numbered(summary.events, 'event')}")

        async def work(database: Database) -> ImportSummary:
            return await ingest.import_sessions(database, settings, paths, options, SystemClock(), progress)

        return run(work, settings)


def _pairs(assignments: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for assignment in assignments:
        key, separator, value = assignment.partition("=")
        if not separator or not key:
            raise InputError(f"--set {assignment}: give it as KEY=VALUE")
        pairs[key] = value
    return pairs


def _report(summary: ImportSummary, as_json: bool) -> None:
    more = [f"{numbered(summary.unlisted_warnings, 'more warning')}"] if summary.unlisted_warnings else []
    for line in (*summary.notices, *summary.warnings, *more, *summary.errors):
        click.echo(line, err=True)
    if as_json:
        click.echo(msgspec.json.encode(summary))
        return
    counts = summary.sessions
    click.echo(
        f"{counts.created} created, {counts.extended} extended, {counts.unchanged} unchanged, {counts.failed} failed; "
        f"{numbered(summary.events, 'event')}, {numbered(summary.scores, 'score')}"
    )
    if summary.redactions:
        click.echo("redacted: " + ", ".join(f"{count} {name}" for name, count in summary.redactions.items()))


def _exit_code(summary: ImportSummary) -> int:
    counts = summary.sessions
    if not counts.created + counts.extended + counts.unchanged:
        return EXIT_NOTHING_DONE
    return EXIT_PARTLY_FAILED if counts.failed else 0


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--where", metavar="EXPR", help="Only these sessions, such as \"agent = 'desk' and reward < 0.5\".")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def export_sessions(file: Path, where: str | None, as_json: bool) -> None:
    """Write sessions with their scores to FILE as Reverie JSON Lines; gzipped if it ends in .gz; - is the screen."""
    segment = parse_segment(where)
    if str(file) == "-" and as_json:
        raise InputError("'-' already writes the sessions to the screen; leave out --json or name a file")

    with progress_line("writing") if str(file) != "-" else nullcontext(lambda _: None) as show:

        async def work(database: Database) -> export.ExportSummary:
            return await export.export_sessions(
                database, segment, file, lambda done: show(f"{numbered(done, 'session')}")
            )

        summary = run(work)
    if as_json:
        click.echo(msgspec.json.encode(summary))
    elif str(file) != "-":
        click.echo(f"{numbered(summary.sessions, 'session')}, {numbered(summary.events, 'event')} written to {file}")
