"""``reverie trials``: live trials, listed, shown, begun, looked at, decided and taken back."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Literal, get_args

import click
import msgspec

from reverie.cli.main import EXIT_PARTLY_FAILED
from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.run import run
from reverie.cli.table import format_table
from reverie.cli.trial_text import describe_trial, list_row
from reverie.clock import SystemClock
from reverie.display_name import numbered
from reverie.errors import ReverieError
from reverie.jobs.trial_report import report_trial, trace_trial
from reverie.jobs.trial_request import TrialRequest, start_trial
from reverie.jobs.trials import Outcome, decide, look_at, open_trials, undo
from reverie.storage.live.trials import list_trials, read_trial
from reverie.storage.memory.stores import choose_store, find_store
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.postgres.outbox import write_notices
from reverie.storage.postgres.workspaces import workspace_here
from reverie.trials.report import CurvePoint, TrialReport
from reverie.trials.trial import TrialState

BY = "user"
PersonsAct = Literal["adopt", "reject", "roll_back", "end"]
_NONE = (
    "no trials; a dream begins them where the store's policy says so (reverie policy STORE --file, with "
    '{"live": {"mode": "ask"}}), and reverie trials start begins one'
)
trial_argument = click.argument("trial_id", metavar="TRIAL")
_UNDECIDED = {
    "off": "no session is drawn until `reverie policy` says otherwise; a person may decide",
    "observe": "outcomes are noted, and a person decides",
    "ask": "a person is asked, and decides",
}
"""Where outcomes do not decide."""


@click.group()
def trials() -> None:
    """Live trials of lessons: listed, shown, begun, looked at, decided, taken back."""


@trials.command("list")
@click.argument("store", required=False)
@click.option("--state", type=click.Choice(get_args(TrialState)), help="Only those in this state.")
@json_option
def list_all(store: str | None, state: TrialState | None, as_json: bool) -> None:
    """List live trials, of STORE or of all stores, newest first."""

    async def work(database: Database) -> list[TrialReport]:
        now = SystemClock().now()
        async with database.connection() as connection:
            store_id = None if store is None else (await find_store(connection, store)).id
            found = await list_trials(connection, store_id=store_id, state=state)
            return [await report_trial(connection, trial, now) for trial in found]

    found = run(work)
    if as_json:
        echo_json(found)
    elif not found:
        click.echo(_NONE)
    else:
        headings = ("trial", "state", "effect", "interval", "sessions", "months to go", "advice")
        click.echo(format_table(headings, [list_row(one) for one in found], "llrlrrl"))


@trials.command("show")
@trial_argument
@json_option
def show_one(trial_id: str, as_json: bool) -> None:
    """Show how TRIAL stands, its effect over its sessions, and what would change that nothing is decided."""

    async def work(database: Database) -> tuple[TrialReport, list[CurvePoint]]:
        now = SystemClock().now()
        async with database.connection() as connection:
            trial = await read_trial(connection, trial_id)
            return await report_trial(connection, trial, now), await trace_trial(connection, trial, now)

    report, points = run(work)
    if as_json:
        echo_json({"trial": report, "curve": points})
    else:
        _print(report, points)


@trials.command("start")
@click.argument("store", required=False)
@click.option("--lesson", "lesson_id", help="A lesson of the store, by its id.")
@click.option("--advice", help="What to do, in a sentence, where no lesson says it.")
@click.option("--agent", help="The agent whose sessions the advice is for; by default all.")
@click.option("--task-family", help="The task category of the sessions that the advice is for; by default all.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting that differs from the store's policy."
)
@json_option
def start(
    store: str | None,
    lesson_id: str | None,
    advice: str | None,
    agent: str | None,
    task_family: str | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Begin a live trial of a lesson, or of advice, in STORE."""
    policy = dict(map(_setting, settings))

    async def change(connection: Connection, now: datetime) -> str:
        chosen = await choose_store(connection, store)
        request = TrialRequest(chosen.id, lesson_id, advice, agent, task_family, policy)
        return (await start_trial(connection, request, now, BY)).id

    report = run(lambda database: _changed(database, change))
    _told(report, as_json)
    if not as_json and report.mode in ("off", "observe"):
        click.echo(f"The store's mode is {report.mode}: {_UNDECIDED[report.mode]}.")


@trials.command("decide")
@trial_argument
@click.argument("act", type=click.Choice(get_args(PersonsAct)))
@click.option("--note", default="", help="Why, for the record of the decision.")
@json_option
def decide_one(trial_id: str, act: PersonsAct, note: str, as_json: bool) -> None:
    """Adopt, reject, roll back or end TRIAL; no outcome takes that back."""
    _told(_decided(lambda connection, now: decide(connection, trial_id, act, BY, now, note=note)), as_json)


@trials.command("undo")
@trial_argument
@json_option
def undo_last(trial_id: str, as_json: bool) -> None:
    """Take back the last decision of TRIAL, and leave it to people from then on."""
    _told(_decided(lambda connection, now: undo(connection, trial_id, BY, now)), as_json)


@trials.command("look")
@click.argument("store", required=False)
@json_option
def look(store: str | None, as_json: bool) -> None:
    """Bring the numbers of all trials up to date, and decide where outcomes decide; a server does so by itself."""
    looked, failed = run(lambda database: _look(database, store))
    if as_json:
        echo_json([report for report, _ in looked])
    else:
        for report, decided in looked:
            told = f"{report.state.replace('_', ' ')}: {report.reason}" if decided else report.what_next
            click.echo(f"{report.id}  {report.title}\n    {told}")
        click.echo(f"{numbered(len(looked), 'trial')} looked at, {sum(decided for _, decided in looked)} decided")
    for line in failed:
        click.echo(line, err=True)
    if failed:
        sys.exit(EXIT_PARTLY_FAILED)


async def _look(database: Database, store: str | None) -> tuple[list[tuple[TrialReport, bool]], list[str]]:
    """What became of each trial that goes on, whether it was decided, and those that could not be looked at."""
    now = SystemClock().now()
    async with database.connection() as connection:
        workspace = await workspace_here(connection)
        store_id = None if store is None else (await find_store(connection, store)).id
    looked, failed = [], []
    for trial_id in await open_trials(database, store_id):
        try:
            outcome = await look_at(database, trial_id, workspace, now)
        except ReverieError as error:
            failed.append(f"{trial_id}: {error}")
            continue
        if outcome is not None:
            async with database.connection() as connection:
                report = await report_trial(connection, await read_trial(connection, trial_id), now)
            looked.append((report, outcome.decision is not None))
    return looked, failed


def _decided(change: Callable[[Connection, datetime], Awaitable[Outcome]]) -> TrialReport:
    async def made(connection: Connection, now: datetime) -> str:
        outcome = await change(connection, now)
        await write_notices(connection, outcome.notices, await workspace_here(connection), now)
        return outcome.trial.id

    return run(lambda database: _changed(database, made))


async def _changed(database: Database, change: Callable[[Connection, datetime], Awaitable[str]]) -> TrialReport:
    now = SystemClock().now()
    async with database.connection() as connection:
        trial_id = await change(connection, now)
        return await report_trial(connection, await read_trial(connection, trial_id), now)


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text!r} is no KEY=VALUE, such as horizon_exposures=400", param_hint="--set")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


def _told(report: TrialReport, as_json: bool) -> None:
    if as_json:
        echo_json(report)
        return
    click.echo(f"{report.id}  {report.title}")
    reason = f": {report.reason}" if report.reason else ""
    click.echo(f"{report.state.replace('_', ' ')}{reason}")


def _print(report: TrialReport, points: Sequence[CurvePoint]) -> None:
    heading, *lines = describe_trial(report, points)
    click.secho(heading, bold=True)
    for line in lines:
        click.echo(line)
