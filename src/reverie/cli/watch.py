"""``reverie watch``: sessions come in by themselves, as their files grow."""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

import click

from reverie.cli.ledger import Ledger
from reverie.cli.main import EXIT_NOTHING_DONE, EXIT_PARTLY_FAILED
from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.progress import progress_line
from reverie.cli.remote import Remote
from reverie.cli.session_files import Source, find_usual, usual_sources
from reverie.cli.sink import HomeSink, ServerSink, Sink
from reverie.cli.usual_options import chosen_sources, usual_options
from reverie.cli.watching import Change, Due, Failure, Watch
from reverie.clock import SystemClock
from reverie.display_name import numbered
from reverie.errors import InputError, ReverieError
from reverie.sessions.importers import formats
from reverie.settings import Settings, load_settings

_SHARE = 100
"""Between two looks lies this many times what a look takes, so that watching costs a hundredth of a processor."""
_LONGEST_PAUSE = 60.0


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@usual_options
@click.option("--format", "format_", type=click.Choice(formats()), help="Take files of this format alone.")
@click.option("--agent", help="Agent of every session, in place of what the files say.")
@click.option("--once", is_flag=True, help="Look once, import what is there and has changed, and end.")
@click.option("--again", is_flag=True, help="First forget what was imported before, and read every file again.")
@click.option(
    "--quiet",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds that a file must have been at rest; one that never rests is imported every minute.",
)
@click.option("--every", default=2.0, show_default=True, type=click.FloatRange(0.05), help="Seconds between two looks.")
@click.option("--url", envvar="REVERIE_URL", help="Import into this server; REVERIE_URL.  [default: the database here]")
@click.option("--key", envvar="REVERIE_API_KEY", help="An API key of the server; REVERIE_API_KEY.")
@json_option
def watch(
    paths: tuple[Path, ...],
    usual: tuple[str, ...],
    format_: str | None,
    agent: str | None,
    once: bool,
    again: bool,
    quiet: float,
    every: float,
    url: str | None,
    key: str | None,
    as_json: bool,
) -> None:
    """Import sessions from files and folders, and go on as they grow, until Ctrl-C or SIGTERM.

    Without PATH, the usual places of the programs that are known. With --json, one object a line for each change.
    """
    settings = load_settings()
    sources = _sources(paths, usual, format_)
    sink: Sink = HomeSink(settings) if url is None else ServerSink(Remote(url, key))
    watched = Watch(sources, sink, _ledger(settings, sink), quiet_seconds=quiet, agent=agent)
    if again:
        watched.forget()
    tell = _Teller(as_json)
    if once:
        code = _look_once(watched, tell)
        if tell.silent and not as_json:
            places = ", ".join(str(source.path) for source in sources)
            click.echo(f"no sessions that are new or have grown in {places}", err=True)
        sys.exit(code)
    for source in sources:
        click.echo(f"watching {source.path}, into {sink.name}", err=True)
    try:
        _go_on(watched, every, tell)
    except KeyboardInterrupt:
        click.echo(
            "stopped; what was imported is kept, and what changes meanwhile is imported at the next start", err=True
        )


def _sources(paths: tuple[Path, ...], usual: tuple[str, ...], format_: str | None) -> list[Source]:
    sources = [Source(path.absolute(), format_) for path in paths] + chosen_sources(usual)
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} is not there; name a file or a folder that is")
    if sources:
        return sources
    found = [found.format for found in find_usual(os.environ) if format_ in (None, found.format)]
    if not found:
        raise InputError("no sessions are in the usual places of the programs that are known; name a folder to watch")
    return [
        source for name in dict.fromkeys(found) for source in usual_sources(name, os.environ) if source.path.is_dir()
    ]


def _ledger(settings: Settings, sink: Sink) -> Ledger:
    return Ledger(settings.home, sink.target)


class _Teller:
    """Says what happened, each failure once for as long as it lasts."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._reason = ""
        self.failed = 0
        """Records that could not be read."""
        self.silent = True
        """Nothing was said so far."""

    def take(self, watched: Watch, due: Sequence[Due]) -> bool:
        """Import what is due, and say so."""
        if not due:
            return True
        with progress_line(f"importing {numbered(sum(len(each.files) for each in due), 'file')}") as show:
            done = 0

            def tell(said: Change | Failure) -> None:
                nonlocal done
                done += len(said.paths) if isinstance(said, Change) else 0
                show(f"{done:,} done")
                self(said)

            return watched.take(due, tell)

    def __call__(self, said: Change | Failure) -> None:
        if isinstance(said, Failure):
            if said.reason != self._reason:
                self._say(said, f"waiting, with {numbered(said.waiting, 'file')} to import: {said.reason}")
            self._reason = said.reason
            return
        self._reason = ""
        self.failed += said.summary.sessions.failed
        for line in (*said.summary.warnings, *said.summary.errors):
            click.echo(line, err=True)
        counts = said.summary.sessions
        if self._as_json or counts.created or counts.extended or counts.failed:
            what = said.paths[0] if len(said.paths) == 1 else f"{len(said.paths)} files from {said.paths[0]} on"
            numbers = f"{counts.created} created, {counts.extended} extended, {counts.failed} failed"
            self._say(said, f"{what}: {numbers}; {numbered(said.summary.events, 'event')}")

    def _say(self, said: Change | Failure, text: str) -> None:
        self.silent = False
        if self._as_json:
            echo_json(said)
        else:
            click.echo(text, err=isinstance(said, Failure))


def _look_once(watched: Watch, tell: _Teller) -> int:
    watched.greet()
    if not tell.take(watched, watched.due(SystemClock().now().timestamp(), time.monotonic(), all_=True)):
        return EXIT_NOTHING_DONE
    return EXIT_PARTLY_FAILED if tell.failed else 0


def _go_on(watched: Watch, every: float, tell: _Teller) -> None:
    """Look for ever; longer and longer apart where nothing can be imported, or where a look takes long.

    Raises:
        KeyboardInterrupt: it is to end.
    """
    asked = _Asked()
    signal.signal(signal.SIGTERM, asked)
    pause, greeted = every, False
    while not asked.to_end:
        greeted = greeted or _greet(watched, tell)
        began = time.monotonic()
        due = watched.due(SystemClock().now().timestamp(), began) if greeted else ()
        took = time.monotonic() - began
        well = greeted and tell.take(watched, due)
        pause = min(max(every, _SHARE * took) if well else 2 * pause, _LONGEST_PAUSE)
        if not asked.to_end:
            time.sleep(pause)
    raise KeyboardInterrupt


class _Asked:
    """Hears SIGTERM. The Ctrl-C that follows breaks off an import; should it be lost on the way, this is kept."""

    to_end = False

    def __call__(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's signature
        self.to_end = True
        signal.raise_signal(signal.SIGINT)


def _greet(watched: Watch, tell: Callable[[Failure], None]) -> bool:
    try:
        watched.greet()
    except (ReverieError, OSError) as error:
        tell(Failure(str(error), 0))
        return False
    return True
