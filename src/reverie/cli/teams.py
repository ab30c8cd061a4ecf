"""``reverie teams``: agents that work together, what they share, and how they do."""

import asyncio
from collections.abc import Mapping
from typing import Any

import click

from reverie.cli.declared_teams import create, list_command, show
from reverie.cli.lookup import find
from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.remote import Remote, remote_options, speaking
from reverie.cli.table import format_table

_MAKE_FIRST = "make it first: reverie agents create --from FILE.yaml"
_HEADINGS = ("family", "agent", "drawn", "chosen", "mean", "next", "")


@click.group()
def teams() -> None:
    """Agents that work together: what they share, to whom tasks go, and how well that does."""


for command in (create, list_command, show):
    teams.add_command(command)


@teams.command()
@click.argument("agent")
@remote_options
@json_option
def routing(agent: str, url: str, key: str | None, as_json: bool) -> None:
    """Print to whom AGENT's tasks go when it leaves the choice open, by family of tasks; AGENT is an id or a name.

    Better is said only of what draws have shown.
    """
    report = asyncio.run(_asked(Remote(url, key), agent))
    echo_json(report) if as_json else click.echo("\n".join(routing_lines(report)))


@teams.command("try")
@click.argument("agent")
@click.option("--routing", "state", type=click.Choice(("on", "even", "off")), help="Who chooses, and how.")
@click.option("--floor", type=float, help="Share of the draws that is even whatever is known.")
@click.option("--forgetting", type=float, help="What an outcome counts after the next one of its family.")
@click.option("--usd", type=float, help="Reward that a US dollar takes away.")
@click.option("--second", type=float, help="Reward that a second takes away.")
@click.option("--reason", required=True, help="Why it is tried; kept with the change.")
@remote_options
@json_option
def try_(agent: str, reason: str, url: str, key: str | None, as_json: bool, **wanted: str | float | None) -> None:
    """Try another routing of AGENT's tasks, within its bounds, as a version that outcomes adopt or end.

    It is valued first on the draws that were logged; where these cannot tell what it would have earned, it is not
    tried. `reverie trials` says how it stands.
    """
    metadata = {_KEYS[name]: str(value) for name, value in wanted.items() if value is not None}
    if not metadata:
        raise click.UsageError("say what is to be tried: --routing, --floor, --forgetting, --usd or --second")
    change = asyncio.run(_tried(Remote(url, key), agent, metadata, reason))
    echo_json(change) if as_json else click.echo("\n".join(_change_lines(change)))


_KEYS = {
    "state": "reverie_routing",
    **{name: f"reverie_routing_{name}" for name in ("floor", "forgetting", "usd", "second")},
}


async def _tried(remote: Remote, named: str, metadata: Mapping[str, str], reason: str) -> Any:
    async with speaking(remote) as client:
        agent = await find(client.beta.agents, "agent", "agent_", named, _MAKE_FIRST)
        body = {"patch": {"metadata": metadata}, "reason": reason}
        return await client.post(f"/v1/agents/{agent.id}/self_changes", body=body, cast_to=object)


def _change_lines(change: Mapping[str, Any]) -> list[str]:
    tried = f"{change['title']}; tried as version {change['candidate_version']} in {change['trial_id']}"
    return [f"{change['id']}: {tried}", change["reason"], *([change["told"]] if change["told"] else [])]


def routing_lines(report: Mapping[str, Any]) -> list[str]:
    """A report as it is printed."""
    cells = report["cells"]
    table = [format_table(_HEADINGS, [_row(cell) for cell in cells], "llrr").rstrip("\n")] if cells else []
    checks = [_told_check(one) for one in report["checks"]]
    return [_told(report), *table, *checks, f"team against one agent: {report['team']}"]


async def _asked(remote: Remote, named: str) -> Any:
    async with speaking(remote) as client:
        agent = await find(client.beta.agents, "agent", "agent_", named, _MAKE_FIRST)
        return await client.get(f"/v1/agents/{agent.id}/routing", cast_to=object)


def _told(report: Mapping[str, Any]) -> str:
    state = "on" if report["is_on"] else "off (metadata reverie_routing: on lets the agent leave the choice open)"
    own = f", {report['own']:,} of them their own" if report["own"] else ""
    told = f"routing is {state}; version {report['version']}, {report['draws']} draws with an outcome{own}"
    even = report["even"]
    if report["mean"] is None or even is None:
        return told
    compared = (
        f"even draws {even['estimate']:.3f} [{even['low']:.3f}, {even['high']:.3f}]"
        if even["can_tell"]
        else "what even draws would have earned cannot be told yet"
    )
    return f"{told}; they earned {report['mean']:.3f} each, {compared}"


def _told_check(record: Mapping[str, Any]) -> str:
    level, known = record["level"], record["reliability"]
    what = f"{level['agreeing']} of {level['asked']} agreed ({level['settled_by']}; {', '.join(level['models'])})"
    if known is None:
        return f"{what}: not calibrated yet, {record['scored']:,} checks were scored"
    return f"{what}: right {known['value']:.2f} [{known['low']:.2f}, {known['high']:.2f}], {record['scored']:,} checks"


def _row(cell: Mapping[str, Any]) -> tuple[str, ...]:
    mean = "-" if cell["mean"] is None else f"{cell['mean']:.2f} [{cell['low']:.2f}, {cell['high']:.2f}]"
    family, better = cell["family"] or "(not known)", "better" if cell["is_better"] else ""
    return family, cell["agent"], str(cell["drawn"]), str(cell["chosen"]), mean, f"{cell['probability']:.0%}", better
