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


def routing_lines(report: Mapping[str, Any]) -> list[str]:
    """A report as it is printed."""
    cells = report["cells"]
    table = [format_table(_HEADINGS, [_row(cell) for cell in cells], "llrr").rstrip("\n")] if cells else []
    return [_told(report), *table, f"team against one agent: {report['team']}"]


async def _asked(remote: Remote, named: str) -> Any:
    async with speaking(remote) as client:
        agent = await find(client.beta.agents, "agent", "agent_", named, _MAKE_FIRST)
        return await client.get(f"/v1/agents/{agent.id}/routing", cast_to=object)


def _told(report: Mapping[str, Any]) -> str:
    state = "on" if report["is_on"] else "off (metadata reverie_routing: on lets the agent leave the choice open)"
    told = f"routing is {state}; version {report['version']}, {report['draws']} draws with an outcome"
    even = report["even"]
    if report["mean"] is None or even is None:
        return told
    compared = (
        f"even draws {even['estimate']:.3f} [{even['low']:.3f}, {even['high']:.3f}]"
        if even["can_tell"]
        else "what even draws would have earned cannot be told yet"
    )
    return f"{told}; they earned {report['mean']:.3f} each, {compared}"


def _row(cell: Mapping[str, Any]) -> tuple[str, ...]:
    mean = "-" if cell["mean"] is None else f"{cell['mean']:.2f} [{cell['low']:.2f}, {cell['high']:.2f}]"
    family, better = cell["family"] or "(not known)", "better" if cell["is_better"] else ""
    return family, cell["agent"], str(cell["drawn"]), str(cell["chosen"]), mean, f"{cell['probability']:.0%}", better
