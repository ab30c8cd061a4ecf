"""``reverie agents roles``: for what a coordinator calls agents in."""

import asyncio
from collections.abc import Mapping
from typing import Any, TextIO

import click
import yaml

from reverie.cli.agent_document import read_file
from reverie.cli.lookup import find
from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.remote import Remote, remote_options, speaking
from reverie.cli.table import format_table
from reverie.runtime.role_file import load_roles, roles_document

_MAKE_FIRST = "make it first: reverie agents create --from FILE.yaml"
_UNSET = "no roles have been set"
_MOST_VERSIONS = 100


@click.group()
def roles() -> None:
    """Roles of a coordinator: briefs, tools, and when a task is done."""


@roles.command("show")
@click.argument("agent")
@click.option("--version", type=click.IntRange(min=1), help="An earlier version; by default the one that stands.")
@remote_options
@json_option
def show_roles(agent: str, version: int | None, url: str, key: str | None, as_json: bool) -> None:
    """Print the roles of AGENT (an id or a name), as YAML that `set` takes."""
    asked = "" if version is None else f"?version={version}"
    stored = asyncio.run(_asked(Remote(url, key), agent, asked))
    if as_json:
        echo_json(stored)
        return
    click.echo(f"# version {stored['version']}" if stored["version"] else f"# {_UNSET}")
    document = {name: stored[name] for name in ("roles", "most_running")}
    click.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100), nl=False)


@roles.command("versions")
@click.argument("agent")
@remote_options
@json_option
def list_versions(agent: str, url: str, key: str | None, as_json: bool) -> None:
    """List every version of the roles of AGENT (an id or a name), newest first."""
    found = asyncio.run(_asked(Remote(url, key), agent, f"/versions?limit={_MOST_VERSIONS}"))["data"]
    if as_json:
        echo_json(found)
    elif found:
        rows = [
            (str(one["version"]), one["created_at"][:19], ", ".join(role["name"] for role in one["roles"]))
            for one in found
        ]
        click.echo(format_table(("version", "set at", "roles"), rows))
    else:
        click.echo(_UNSET)


@roles.command("set")
@click.argument("agent")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@remote_options
@json_option
def set_roles(agent: str, file: TextIO, url: str, key: str | None, as_json: bool) -> None:
    """Set the roles of AGENT to those of FILE (YAML; '-' is standard input), for sessions that begin from now on."""
    name, text = read_file(file)
    wished = roles_document(load_roles(text, name))
    stored = asyncio.run(_asked(Remote(url, key), agent, "", wished))
    named = ", ".join(role["name"] for role in stored["roles"]) or "no roles"
    echo_json(stored) if as_json else click.echo(f"version {stored['version']}: {named}")


async def _asked(remote: Remote, agent: str, more: str, body: Mapping[str, Any] | None = None) -> Any:
    """What the server answers about an agent's roles."""
    async with speaking(remote) as client:
        found = await find(client.beta.agents, "agent", "agent_", agent, _MAKE_FIRST)
        path = f"/v1/agents/{found.id}/roles{more}"
        if body is None:
            return await client.get(path, cast_to=object)
        return await client.post(path, cast_to=object, body=body)
