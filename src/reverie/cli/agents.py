"""``reverie agents``: agents of a server, made from files, listed, and changed within bounds."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from anthropic import APIStatusError, AuthenticationError

from reverie.cli.agent_file import AgentFile, read_agent_file
from reverie.cli.agent_roles import roles
from reverie.cli.lookup import ENVIRONMENT_KEY, MEMORY_STORE_KEY, find, find_by_name
from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.remote import Remote, RemoteError, remote_options, speaking, told
from reverie.cli.self_changes import bounds, changes
from reverie.cli.table import format_table
from reverie.errors import InputError

_ROSTERS = ("multiagent.agents", ".predefined_agents")
"""Fields that list the agents that may be called in."""
_MAKE_FIRST = "make it first: reverie agents create --from FILE.yaml"


@dataclass(frozen=True)
class _Needed:
    """An environment or a memory store that an agent's file names."""

    id: str
    name: str
    made: bool


@click.group()
def agents() -> None:
    """Agents of a server: made from files, listed, changed within bounds."""


agents.add_command(bounds)
agents.add_command(changes)
agents.add_command(roles)


@agents.command()
@click.option(
    "--from",
    "path",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A YAML file with name, model, system, tools and so on.",
)
@remote_options
@json_option
def create(path: Path, url: str, key: str | None, as_json: bool) -> None:
    """Make an agent from a file, and the environment and memory store that it names where they are absent."""
    made = asyncio.run(_create(Remote(url, key), read_agent_file(path)))
    if as_json:
        echo_json(made)
        return
    agent = made["agent"]
    click.echo(f"Made agent {agent['name']} ({agent['id']}).")
    for noun in ("environment", "memory_store"):
        if needed := made[noun]:
            what = "Made" if needed.made else "Takes"
            click.echo(f"{what} {noun.replace('_', ' ')} {needed.name} ({needed.id}).")
    click.echo(f"Talk to it: reverie chat {agent['id']}")


@agents.command("list")
@remote_options
@json_option
def list_all(url: str, key: str | None, as_json: bool) -> None:
    """List a server's agents, newest first."""
    found = asyncio.run(_list(Remote(url, key)))
    if as_json:
        echo_json([agent.to_dict(mode="json") for agent in found])
    elif found:
        rows = [(agent.id, f"{agent.created_at:%Y-%m-%d}", agent.model.id, agent.name) for agent in found]
        click.echo(format_table(("agent", "made", "model", "name"), rows))
    else:
        click.echo("No agents yet; make one: reverie agents create --from FILE.yaml")


async def _list(remote: Remote) -> list[Any]:
    async with speaking(remote) as client:
        return [agent async for agent in client.beta.agents.list(limit=100)]


async def _create(remote: Remote, file: AgentFile) -> dict[str, Any]:
    """The agent as the server has it, and what it needs."""
    async with speaking(remote) as client:
        called_in = {
            field: await _rostered(client.beta.agents, file, field, value)
            for field, value in file.agent.items()
            if field == "multiagent"
        }
        environment = await _needed(client.beta.environments, file, "environment", file.environment)
        store = await _needed(client.beta.memory_stores, file, "memory_store", file.memory_store)
        metadata = dict(file.agent.get("metadata", {}))
        for key, needed in ((ENVIRONMENT_KEY, environment), (MEMORY_STORE_KEY, store)):
            if needed is None:
                continue
            if key in metadata:
                raise InputError(f"{file.path}: metadata.{key}: is written by this command; leave it out")
            metadata[key] = needed.id
        agent = await _made(client.beta.agents, file, "", {**file.agent, **called_in, "metadata": metadata})
    return {"agent": agent.to_dict(mode="json"), "environment": environment, "memory_store": store}


async def _rostered(agents: Any, file: AgentFile, place: str, value: Any) -> Any:
    """The value at a place of ``multiagent``, with ids for names in rosters; what is no roster is left as it is."""
    if isinstance(value, Mapping):
        return {name: await _rostered(agents, file, f"{place}.{name}", one) for name, one in value.items()}
    if not isinstance(value, list) or not place.endswith(_ROSTERS):
        return value
    return [await _agent_id(agents, f"{file.path}: {place}.{number}", one) for number, one in enumerate(value)]


async def _agent_id(agents: Any, place: str, entry: Any) -> Any:
    """A roster's entry: a text is an agent's id or name; the newest agent of a name is meant."""
    if not isinstance(entry, str):
        return entry
    try:
        return (await find(agents, "agent", "agent_", entry, _MAKE_FIRST)).id
    except RemoteError as error:
        raise RemoteError(f"{place}: {error}") from error


async def _needed(resource: Any, file: AgentFile, noun: str, body: Mapping[str, Any] | None) -> _Needed | None:
    if body is None:
        return None
    found = await find_by_name(resource, body["name"])
    if found is not None:
        return _Needed(found.id, found.name, made=False)
    kind = {"config": {"type": "cloud"}} if noun == "environment" else {}
    made = await _made(resource, file, f"{noun}: ", {**kind, **body})
    return _Needed(made.id, made.name, made=True)


async def _made(resource: Any, file: AgentFile, place: str, body: Mapping[str, Any]) -> Any:
    """What the server made; what it declines is said of the file."""
    try:
        return await resource.create(**body)
    except AuthenticationError:
        raise
    except APIStatusError as error:
        raise RemoteError(f"{file.path}: {place}{told(error)}") from error
