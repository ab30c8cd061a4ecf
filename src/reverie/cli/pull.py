"""``reverie pull`` and ``reverie push``: sessions and memory from other services, and memory to them."""

import os
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

import click

from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.progress import progress_line
from reverie.cli.remote import Remote, speaking
from reverie.cli.run import run
from reverie.clock import SystemClock
from reverie.display_name import numbered
from reverie.errors import InputError, SettingsError
from reverie.jobs import pull_anthropic, pull_langfuse, push_anthropic
from reverie.jobs.bounded_http import BoundedClient
from reverie.jobs.pulling import Source
from reverie.sessions.importers.times import as_time
from reverie.settings import load_settings
from reverie.storage.memory.stores import choose_store
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.import_summary import ImportSummary

_ANTHROPIC = "https://api.anthropic.com"
_LANGFUSE = "https://cloud.langfuse.com"
_AGO = re.compile(r"(\d{1,5})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_SECONDS = 60.0

Result = TypeVar("Result")

_since = click.option("--since", metavar="WHEN", help="Such as 2026-01-31, a time, or 7d, 12h, 2w ago.")
_url = click.option(
    "--url", help=f"Another Managed Agents server, whose key is REVERIE_API_KEY.  [default: {_ANTHROPIC}]"
)


@click.group()
def pull() -> None:
    """Bring sessions, and memory, from other services: what is new or has changed since the last time."""


@pull.command("anthropic")
@_since
@click.option(
    "--store", "stores", multiple=True, help="Memory store to bring, by name or id; repeatable.  [default: all]"
)
@click.option("--no-memory", is_flag=True, help="Bring sessions alone.")
@_url
@json_option
def pull_from_anthropic(
    since: str | None, stores: tuple[str, ...], no_memory: bool, url: str | None, as_json: bool
) -> None:
    """Bring sessions and memory stores of Managed Agents; the key is ANTHROPIC_API_KEY."""
    remote = _remote(url)
    first = _when(since)

    async def work(database: Database, tell: Callable[[str], None]) -> pull_anthropic.PulledAgents:
        source = Source(
            database, load_settings(), SystemClock(), pull_anthropic.WAY, remote.url, format="managed-agents"
        )
        async with speaking(remote, BoundedClient(timeout=_SECONDS)) as client:
            imported, unchanged = await pull_anthropic.pull_sessions(client, source, first, tell)
            brought = () if no_memory else await pull_anthropic.pull_stores(client, source, stores, tell)
        return pull_anthropic.PulledAgents(imported, unchanged, brought)

    done = _run(work)
    if as_json:
        echo_json(done)
        return
    _report(done.imported, done.unchanged)
    for store in done.stores:
        click.echo(f"{store.name}: {numbered(store.memories, 'memory', 'memories')} new or changed ({store.id})")


@pull.command("langfuse")
@_since
@json_option
def pull_from_langfuse(since: str | None, as_json: bool) -> None:
    """Bring traces of Langfuse; keys are LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY, LANGFUSE_HOST says where.

    Without --since it goes on from the last time.
    """
    keys = tuple(os.environ.get(name, "") for name in ("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"))
    if not all(keys):
        raise SettingsError(
            "LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY are not set; Langfuse shows them under Settings, API keys"
        )
    host = (os.environ.get("LANGFUSE_HOST") or _LANGFUSE).rstrip("/")
    first = _when(since)

    async def work(database: Database, tell: Callable[[str], None]) -> tuple[ImportSummary, int]:
        source = Source(database, load_settings(), SystemClock(), pull_langfuse.WAY, host, format="langfuse")
        async with BoundedClient(base_url=host, auth=(keys[0], keys[1]), timeout=_SECONDS) as http:
            return await pull_langfuse.pull_traces(http, source, first, tell)

    imported, unchanged = _run(work)
    if as_json:
        echo_json({"imported": imported, "unchanged": unchanged})
    else:
        _report(imported, unchanged)


@click.group()
def push() -> None:
    """Bring memory to other services."""


@push.command("anthropic")
@click.argument("store", required=False)
@click.option(
    "--to", metavar="STORE", help="Name or id of the store there.  [default: that of the same name, or a new one]"
)
@click.option("--apply", is_flag=True, help="Do it; otherwise it is only said what would be done.")
@_url
@json_option
def push_to_anthropic(store: str | None, to: str | None, apply: bool, url: str | None, as_json: bool) -> None:
    """Bring STORE to Managed Agents; the key is ANTHROPIC_API_KEY.

    What was not written from here, or was changed there since, stays as it is.
    """
    remote = _remote(url)

    async def work(database: Database, tell: Callable[[str], None]) -> push_anthropic.Push:  # noqa: ARG001
        async with database.connection() as connection:
            chosen = await choose_store(connection, store)
        async with speaking(remote, BoundedClient(timeout=_SECONDS)) as client:
            pushing = push_anthropic.Pushing(client, database, SystemClock(), remote.url, chosen)
            return await push_anthropic.push(pushing, to, apply=apply)

    done = _run(work)
    if as_json:
        echo_json(done)
        return
    for one in done.memories:
        click.echo(f"{one.act:6}  {one.path}{f': {one.reason}' if one.reason else ''}")
    acts = sum(one.act != "keep" for one in done.memories)
    said = "changed" if done.is_applied else "to change; --apply does it"
    click.echo(f"{done.store} → {done.to}: {numbered(acts, 'memory', 'memories')} {said}, {done.unchanged} the same")


def _run(work: Callable[[Database, Callable[[str], None]], Awaitable[Result]]) -> Result:
    with progress_line("pulling") as show:
        return run(lambda database: work(database, show))


def _remote(url: str | None) -> Remote:
    """Where the server is; its key comes from the environment alone, so that no list of processes shows it."""
    # Anthropic's key is for Anthropic's address alone.
    key = os.environ.get("ANTHROPIC_API_KEY" if url is None else "REVERIE_API_KEY") or None
    if key is None and url is None:
        raise SettingsError("ANTHROPIC_API_KEY is not set; the Claude Console makes keys, under API keys")
    return Remote((url or _ANTHROPIC).rstrip("/"), key)


def _when(since: str | None) -> datetime | None:
    if since is None:
        return None
    ago = _AGO.fullmatch(since.strip())
    if ago is not None:
        return SystemClock().now() - int(ago[1]) * _UNITS[ago[2]]
    found = as_time(since, "--since")
    if found is None:
        raise InputError(f"--since {since!r} is no time; give a date such as 2026-01-31, or 7d")
    return found


def _report(imported: ImportSummary, unchanged: int) -> None:
    counts = imported.sessions
    click.echo(
        f"{numbered(counts.created, 'session')} new, {counts.extended} longer, "
        f"{counts.unchanged + unchanged} as before, "
        f"{counts.failed} failed; {numbered(imported.events, 'event')}, {numbered(imported.scores, 'score')}"
    )
    for problem in imported.errors:
        click.echo(str(problem), err=True)
    for warning in imported.warnings:
        click.echo(f"warning: {warning}", err=True)
