"""``reverie charter``: how agents should behave: shown, set, tried on past sessions; alarms, and agents resumed."""

from collections.abc import Sequence
from typing import TextIO

import click
import msgspec

from reverie.cli.agent_document import MOST_VERSIONS, echo_document, echo_versions, read_file
from reverie.cli.memory_text import json_option
from reverie.cli.run import run
from reverie.cli.table import format_table
from reverie.clock import SystemClock
from reverie.display_name import numbered
from reverie.jobs.charters import acknowledge, look_at_all, resume, standing
from reverie.runtime.charter import Charter
from reverie.runtime.charter_file import load_charter
from reverie.runtime.charter_report import AlarmNumbers, BehaviourTrial, CharterStanding, CharterTrialReport
from reverie.sessions.segment import parse_segment
from reverie.storage.live.charter_alarms import Alarm, list_alarms
from reverie.storage.live.charter_trial import try_charter
from reverie.storage.live.charters import StoredCharter, list_charters, read_charter, write_charter
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.workspaces import workspace_here

_MOST_ALARMS = 1000
_UNSET = "no charter has been set"
_BY = "command line"
agent_option = click.option(
    "--agent", "agent_id", default="", help="An agent's own charter, by its id or the name that imported sessions bear."
)
note_option = click.option("--note", default="", help="What was found, kept with the alarm.")


@click.group()
def charter() -> None:
    """Charters: how agents should behave, alarms when they do not, and agents resumed."""


@charter.command("show")
@agent_option
@click.option("--version", type=click.IntRange(min=1), help="An earlier version; by default the one that stands.")
@json_option
def show_charter(agent_id: str, version: int | None, as_json: bool) -> None:
    """Print the charter that stands, as YAML that `set` takes."""

    async def work(database: Database) -> StoredCharter:
        async with database.connection() as connection:
            return await read_charter(connection, agent_id, version)

    echo_document(run(work), _UNSET, as_json=as_json)


@charter.command("versions")
@agent_option
@json_option
def list_versions(agent_id: str, as_json: bool) -> None:
    """List every version of the charter, newest first."""

    async def work(database: Database) -> list[StoredCharter]:
        async with database.connection() as connection:
            return await list_charters(connection, agent_id, None, MOST_VERSIONS)

    echo_versions(run(work), "behaviours", _UNSET, as_json=as_json)


@charter.command("set")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@agent_option
@json_option
def set_charter(file: TextIO, agent_id: str, as_json: bool) -> None:
    """Set the charter to that of FILE (YAML; '-' is standard input), as a new version."""
    wished = _load(file)

    async def work(database: Database) -> StoredCharter:
        async with database.connection() as connection:
            return await write_charter(connection, agent_id, wished, SystemClock().now())

    stored = run(work)
    told = f"version {stored.version}: {numbered(len(wished.behaviours), 'behaviour')}"
    click.echo(msgspec.json.encode(stored) if as_json else told)


@charter.command("test")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--where", metavar="EXPR", help="Which sessions, such as \"agent = 'desk'\"; by default all.")
@json_option
def test_charter(file: TextIO, where: str | None, as_json: bool) -> None:
    """Judge past sessions by the charter of FILE: the rate of each behaviour, and when it would have given alarms."""
    wished, segment = _load(file), parse_segment(where)

    async def work(database: Database) -> CharterTrialReport:
        return await try_charter(database, wished, segment)

    report = run(work)
    if as_json:
        click.echo(msgspec.json.encode(report))
        return
    for line in _report_lines(report):
        click.echo(line)


@charter.command("look")
@json_option
def look_now(as_json: bool) -> None:
    """Judge the sessions that have ended since the charter was set, as a server does by itself."""

    judged, alarms = run(judge_ended)
    if as_json:
        click.echo(msgspec.json.encode({"judged": judged, "alarms": alarms}))
        return
    click.echo(f"{numbered(judged, 'session')} judged, {numbered(len(alarms), 'alarm')}")
    echo_alarms(alarms)


@charter.command("standing")
@click.option("--agent", "agent_id", help="Of this agent alone, by its id or name.")
@json_option
def show_standing(agent_id: str | None, as_json: bool) -> None:
    """Tell how every behaviour stands: its rate so far, the detector's value, and whether an alarm stands."""

    async def work(database: Database) -> list[CharterStanding]:
        async with database.connection() as connection:
            return await standing(connection, None, agent_id)

    found = run(work)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    if not found:
        click.echo("no charter has been set; `reverie charter set FILE` sets one")
        return
    rows = [
        (
            one.behaviour,
            one.agent,
            _range(one.allowed),
            _rate(one.rate, one.low, one.high),
            f"{one.sessions:,}",
            f"{one.value:,.1f} of {one.run_length:,}",
            one.alarm_id or "",
        )
        for one in found
    ]
    click.echo(format_table(("behaviour", "agent", "allowed", "rate", "sessions", "detector", "alarm"), rows))


@charter.command("alarms")
@click.option("--agent", "agent_id", help="Of this agent alone, by its id or name.")
@click.option("--standing", "only_standing", is_flag=True, help="Only those that nobody has acknowledged.")
@json_option
def show_alarms(agent_id: str | None, only_standing: bool, as_json: bool) -> None:
    """List alarms, newest first."""

    async def work(database: Database) -> list[Alarm]:
        async with database.connection() as connection:
            return await list_alarms(connection, agent_id, standing=only_standing, before=None, limit=_MOST_ALARMS)

    found = run(work)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    if not found:
        click.echo("no alarms")
    echo_alarms(found)


@charter.command("acknowledge")
@click.argument("alarm_id", metavar="ALARM")
@note_option
@json_option
def acknowledge_alarm(alarm_id: str, note: str, as_json: bool) -> None:
    """Let ALARM stand no more: its detector begins anew, and an agent that it paused goes on."""

    async def work(database: Database) -> Alarm:
        async with database.connection() as connection:
            return await acknowledge(connection, alarm_id, _BY, SystemClock().now(), note)

    alarm = run(work)
    told = f"{alarm.id} acknowledged; {alarm.behaviour} of {alarm.agent or 'sessions without a name'} is watched anew"
    click.echo(msgspec.json.encode(alarm) if as_json else told)


@charter.command("resume")
@click.argument("agent_id", metavar="AGENT")
@note_option
@json_option
def resume_agent(agent_id: str, note: str, as_json: bool) -> None:
    """Let AGENT (its id) go on that charters paused; the alarms are acknowledged."""

    async def work(database: Database) -> list[Alarm]:
        async with database.connection() as connection:
            return await resume(connection, agent_id, _BY, SystemClock().now(), note)

    done = run(work)
    told = f"{agent_id} goes on; acknowledged: {', '.join(one.id for one in done)}"
    click.echo(msgspec.json.encode(done) if as_json else told)


def _load(file: TextIO) -> Charter:
    name, text = read_file(file)
    return load_charter(text, name)


def _report_lines(report: CharterTrialReport) -> list[str]:
    """The report for a person."""
    left = f"; {report.unfinished:,} that go on were left out" if report.unfinished else ""
    lines = [f"{numbered(report.sessions, 'session')}{left}"]
    for one in report.behaviours:
        lines.append(_trial_line(one))
        lines += [
            f"    alarm after {numbered(place.numbers.sessions, 'session')}, at {place.session_id}"
            f"{f' ({place.at:%Y-%m-%d %H:%M}Z)' if place.at else ''}: {_told(place.numbers)}"
            for place in one.alarms
        ]
        if one.more_alarms:
            lines.append(f"    and {one.more_alarms:,} more")
    return lines


def _trial_line(one: BehaviourTrial) -> str:
    agent = f" of {one.agent}" if one.agent else ""
    if one.rate is None:
        return f"{one.behaviour}{agent}: no session had an occasion for it"
    alarms = len(one.alarms) + one.more_alarms
    return (
        f"{one.behaviour}{agent}: {_rate(one.rate, one.low, one.high)} of {numbered(one.sessions, 'session')}, "
        f"allowed {_range(one.allowed)}; {alarms or 'no'} alarm{'' if alarms == 1 else 's'} ({one.act})"
    )


async def judge_ended(database: Database) -> tuple[int, list[Alarm]]:
    """Judge what has ended by the charters that stand: how many sessions, and the alarms raised."""
    judged, alarms = 0, list[Alarm]()
    async with database.connection() as connection:
        workspace = await workspace_here(connection)
    async for looked in look_at_all(database, workspace, SystemClock().now()):
        judged += looked.judged
        alarms += looked.alarms
    return judged, alarms


def echo_alarms(alarms: Sequence[Alarm]) -> None:
    """Print alarms, one a line."""
    for one in alarms:
        state = f"acknowledged by {one.acknowledged_by}" if one.acknowledged_at else "stands"
        act = ", agent paused" if one.act == "pause" and not one.acknowledged_at else ""
        agent = f" of {one.agent}" if one.agent else ""
        click.echo(f"{one.id} {one.at:%Y-%m-%d %H:%M}Z {one.behaviour}{agent}: {_told(one.numbers)}; {state}{act}")


def _told(numbers: AlarmNumbers) -> str:
    return (
        f"{numbers.rate:.1%} of {numbered(numbers.sessions, 'session')}, lately {numbers.recent:.1%}; "
        f"allowed {_range(numbers.allowed)}"
    )


def _range(allowed: tuple[float, float]) -> str:
    low, high = allowed
    return f"at most {high:.4g}" if low == 0 else f"at least {low:.4g}" if high == 1 else f"{low:.4g} to {high:.4g}"


def _rate(rate: float | None, low: float | None, high: float | None) -> str:
    if rate is None or low is None or high is None:
        return "–"
    return f"{rate:.1%} ({low:.1%} to {high:.1%})"
