"""``reverie rules``: rules on tool calls, shown, set, and tried on past sessions."""

from typing import TextIO

import click
import msgspec

from reverie.cli.agent_document import MOST_VERSIONS, echo_document, echo_versions, read_file
from reverie.cli.memory_text import json_option
from reverie.cli.run import run
from reverie.clock import SystemClock
from reverie.display_name import numbered
from reverie.runtime.rule import RuleSet
from reverie.runtime.rule_file import load_rules
from reverie.runtime.rule_report import RuleTrialReport
from reverie.sessions.segment import parse_segment
from reverie.storage.live.rule_trial import try_rules
from reverie.storage.live.rules import StoredRules, list_rules, read_rules, write_rules
from reverie.storage.postgres.database import Database
from reverie.storage.service.agents import read_agent

_UNSET = "no rules have been set"
agent_option = click.option("--agent", "agent_id", default="", help="An agent's own rules, by its id.")


@click.group()
def rules() -> None:
    """Rules on tool calls: shown, set, and tried on past sessions."""


@rules.command("show")
@agent_option
@click.option("--version", type=click.IntRange(min=1), help="An earlier version; by default the one that stands.")
@json_option
def show_rules(agent_id: str, version: int | None, as_json: bool) -> None:
    """Print the rules that stand, as YAML that `set` takes."""

    async def work(database: Database) -> StoredRules:
        async with database.connection() as connection:
            return await read_rules(connection, agent_id, version)

    echo_document(run(work), _UNSET, as_json=as_json)


@rules.command("versions")
@agent_option
@json_option
def list_versions(agent_id: str, as_json: bool) -> None:
    """List every version of the rules, newest first."""

    async def work(database: Database) -> list[StoredRules]:
        async with database.connection() as connection:
            return await list_rules(connection, agent_id, None, MOST_VERSIONS)

    echo_versions(run(work), "rules", _UNSET, as_json=as_json)


@rules.command("set")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@agent_option
@json_option
def set_rules(file: TextIO, agent_id: str, as_json: bool) -> None:
    """Set the rules to those of FILE (YAML; '-' is standard input), as a new version."""
    wished = _load(file)

    async def work(database: Database) -> StoredRules:
        async with database.connection() as connection:
            if agent_id:
                await read_agent(connection, agent_id)
            return await write_rules(connection, agent_id, wished, SystemClock().now())

    stored = run(work)
    click.echo(
        msgspec.json.encode(stored) if as_json else f"version {stored.version}: {numbered(len(wished.rules), 'rule')}"
    )


@rules.command("test")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--where", metavar="EXPR", help="Which sessions, such as \"agent = 'desk'\"; by default all.")
@json_option
def test_rules(file: TextIO, where: str | None, as_json: bool) -> None:
    """Replay past sessions, and print what the rules of FILE would have stopped."""
    wished, segment = _load(file), parse_segment(where)

    async def work(database: Database) -> RuleTrialReport:
        return await try_rules(database, wished, segment)

    report = run(work)
    if as_json:
        click.echo(msgspec.json.encode(report))
        return
    for line in _lines(report):
        click.echo(line)


def _load(file: TextIO) -> RuleSet:
    name, text = read_file(file)
    return load_rules(text, name)


def _lines(report: RuleTrialReport) -> list[str]:
    """The report for a person."""
    stopped = f"{report.denied:,} denied, {report.asked:,} asked about, {report.paused:,} paused"
    lines = [
        (
            f"{numbered(report.sessions, 'session')}, {numbered(report.calls, 'call')}: {stopped}; in "
            f"{numbered(report.stopped_sessions, 'session')}"
        )
    ]
    if report.undated:
        lines.append(f"{report.undated:,} sessions bear no times, so no rate can be told in them")
    for rule in report.rules:
        mode = ", logged only" if rule.mode == "log_only" else ""
        lines.append(
            f"{rule.rule} ({rule.then}{mode}): {numbered(rule.calls, 'call')} in {numbered(rule.sessions, 'session')}"
        )
        lines += [f"    {one.session_id} event {one.sequence}: {one.tool} {one.input}" for one in rule.examples]
    return lines
