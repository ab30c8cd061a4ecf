"""``reverie`` without a command: how far this installation has come, and what to do next."""

import os

import click
import msgspec

from reverie.cli.memory_text import echo_json
from reverie.cli.run import run
from reverie.cli.session_files import Found, find_usual
from reverie.display_name import numbered
from reverie.settings import load_settings
from reverie.storage.learning.standing import Standing, read_standing
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.health import was_made


class Step(msgspec.Struct, frozen=True):
    """Something to do."""

    why: str
    command: str


class Overview(msgspec.Struct, frozen=True):
    """Where an installation stands."""

    home: str
    found: list[Found]
    """Sessions of agents in their usual places on this machine."""
    standing: Standing | None
    """What the database holds; None where it was never made."""
    steps: list[Step]
    """The next one first."""


def tell_next_step(*, as_json: bool) -> None:
    """Print where this installation stands and the next steps. A database that was never made is not made for it."""
    settings = load_settings()
    found = find_usual(os.environ)
    standing = run(_read, settings) if was_made(settings) else None
    overview = Overview(str(settings.home), found, standing, _steps(found, standing))
    if as_json:
        echo_json(overview)
        return
    click.echo(_so_far(standing))
    for step in overview.steps:
        click.echo(f"\n{step.why}:\n  {step.command}")
    click.echo("\nAll commands: reverie --help. Is anything wrong: reverie doctor.")


async def _read(database: Database) -> Standing:
    async with database.connection() as connection:
        return await read_standing(connection)


def _so_far(standing: Standing | None) -> str:
    if standing is None or not standing.sessions:
        return "Reverie learns from past sessions of agents. None have been imported yet."
    sessions = sum(standing.sessions.values())
    parts = [
        f"{numbered(sessions, 'session')}, {standing.rewarded:,} of them with a reward",
        f"{numbered(standing.dreams, 'dream')}",
        f"{numbered(standing.lessons, 'adopted lesson')}",
        f"{standing.trials:,} in trial",
    ]
    return "; ".join(parts)


def _steps(found: list[Found], standing: Standing | None) -> list[Step]:
    """What to do next, the most useful first."""
    imported = {} if standing is None else standing.sessions
    steps = [_import(one) for one in found if imported.get(one.format, 0) == 0]
    if standing is None or not imported:
        return steps or [Step("import the logs of your agents (files, folders, archives)", "reverie import PATH")]
    learned = bool(standing.lessons or standing.trials)
    if standing.dreams == 0 or standing.new_sessions:
        store = f" --store {standing.dreaming_store}" if standing.dreaming_store else ""
        what = (
            f"{numbered(standing.new_sessions, 'session')} that no dream has read"
            if standing.dreams
            else "no dream yet"
        )
        steps.insert(0, Step(f"find out what separates good sessions from bad ones ({what})", f"reverie dream{store}"))
    if standing.dreams and not learned and not standing.rewarded:
        steps.append(Step("say how sessions went, so that good ones can be told from bad ones", "reverie label"))
    if learned:
        name = standing.dreaming_store or ""
        steps.append(Step("see what was learned", f"reverie memory list {name}".rstrip()))
        steps.append(Step("let your agent read it", f"reverie export-lessons {name} --to claude-md".replace("  ", " ")))
        steps.append(Step("or find out whether it helps, session by session", f"reverie briefing {name}".rstrip()))
    watched = [one for one in found if imported.get(one.format, 0)]
    if watched:
        options = " ".join(f"--{one.format}" if one.option else one.folder for one in watched)
        steps.append(Step("let sessions come in by themselves", f"reverie watch {options}"))
    if "claude-code" in imported:
        steps.append(Step("or have Claude Code send them in, and read lessons back", "reverie claude-code install"))
    return steps


def _import(found: Found) -> Step:
    option = f"--{found.format}" if found.option else f"--format {found.format} {found.folder}"
    return Step(
        f"found {numbered(found.sessions, f'{found.program} session')} in {found.folder}", f"reverie import {option}"
    )
