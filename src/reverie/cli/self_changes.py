"""``reverie agents bounds`` and ``reverie agents changes``: what an agent may change of itself, and what it did."""

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
from reverie.errors import InputError
from reverie.runtime.yaml_record import load_yaml

_MAKE_FIRST = "make it first: reverie agents create --from FILE.yaml"
_PAGE = 100


@click.group()
def bounds() -> None:
    """Within which bounds an agent may change itself."""


@bounds.command("show")
@click.argument("agent")
@remote_options
@json_option
def show_bounds(agent: str, url: str, key: str | None, as_json: bool) -> None:
    """Print the bounds of AGENT (an id or a name), as YAML that `set` takes."""
    stored = _asked(Remote(url, key), agent, "GET", "bounds")
    if as_json:
        echo_json(stored)
        return
    click.echo(f"# version {stored['version']}" if stored["version"] else "# no bounds: nothing may change")
    click.echo(yaml.safe_dump(stored["bounds"], sort_keys=False, allow_unicode=True, width=100), nl=False)


@bounds.command("set")
@click.argument("agent")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@remote_options
@json_option
def set_bounds(agent: str, file: TextIO, url: str, key: str | None, as_json: bool) -> None:
    """Set the bounds of AGENT to those of FILE (YAML; '-' is standard input), as a new version."""
    stored = _asked(Remote(url, key), agent, "POST", "bounds", {"bounds": _read(file)})
    named = ", ".join(name for name in stored["bounds"] if name != "live") or "nothing"
    echo_json(stored) if as_json else click.echo(f"version {stored['version']}: may change {named}")


@click.group()
def changes() -> None:
    """Changes of an agent by itself: listed, asked for, taken back."""


@changes.command("list")
@click.argument("agent")
@remote_options
@json_option
def list_changes(agent: str, url: str, key: str | None, as_json: bool) -> None:
    """List the changes that were asked for of AGENT (an id or a name), newest first."""
    found = _asked(Remote(url, key), agent, "GET", f"self_changes?limit={_PAGE}")["data"]
    if as_json:
        echo_json(found)
    elif found:
        rows = [(one["id"], one["created_at"][:10], one["state"], _versions(one), one["title"]) for one in found]
        click.echo(format_table(("change", "asked", "trial", "versions", "what"), rows))
    else:
        click.echo("No changes were asked for yet.")


@changes.command()
@click.argument("agent")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--reason", required=True, help="Why, in a sentence.")
@click.option("--lesson", "lessons", multiple=True, help="A lesson that asks for it, by its id; may be repeated.")
@remote_options
@json_option
def propose(
    agent: str, file: TextIO, reason: str, lessons: tuple[str, ...], url: str, key: str | None, as_json: bool
) -> None:
    """Ask for a change of AGENT within its bounds: FILE is a JSON merge patch (YAML or JSON; '-' is standard input)."""
    body = {"patch": _read(file), "reason": reason, "lesson_ids": list(lessons)}
    change = _asked(Remote(url, key), agent, "POST", "self_changes", body)
    if as_json:
        echo_json(change)
        return
    click.echo(f"{change['id']}: {change['title']}; tried as version {change['candidate_version']}")
    if change["told"]:
        click.echo(change["told"])


@changes.command()
@click.argument("agent")
@click.argument("change")
@remote_options
@json_option
def revert(agent: str, change: str, url: str, key: str | None, as_json: bool) -> None:
    """Take CHANGE of AGENT back: an adopted one by a new version, one in trial by ending it."""
    reverted = _asked(Remote(url, key), agent, "POST", f"self_changes/{change}/revert")
    version = reverted["reverted_version"]
    done = f"taken back by version {version}" if version else "ended; it was never the agent's"
    echo_json(reverted) if as_json else click.echo(f"{change}: {done}")


def _asked(remote: Remote, agent: str, method: str, what: str, body: Mapping[str, Any] | None = None) -> Any:
    """What the server answers about an agent."""

    async def ask() -> Any:
        async with speaking(remote) as client:
            found = await find(client.beta.agents, "agent", "agent_", agent, _MAKE_FIRST)
            path = f"/v1/agents/{found.id}/{what}"
            if method == "GET":
                return await client.get(path, cast_to=object)
            return await client.post(path, cast_to=object, body=body)

    return asyncio.run(ask())


def _read(file: TextIO) -> dict[str, Any]:
    name, text = read_file(file)
    document = load_yaml(text, name)
    if not isinstance(document, dict):
        raise InputError(f"{name}: give an object with named fields")
    return document


def _versions(change: Mapping[str, Any]) -> str:
    """Numbers of an agent's versions in their order: derived from, tried as, adopted as, taken back by."""
    numbers = (change[name] for name in ("derived_from", "candidate_version", "adopted_version", "reverted_version"))
    return " → ".join(str(number) for number in numbers if number is not None)
