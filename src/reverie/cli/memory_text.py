"""What the memory commands share: an optional STORE before other arguments, and records in words."""

from collections.abc import Sequence
from typing import Any

import click
import msgspec

from reverie.memory.memory import MemoryStore, Revision

_SESSIONS_SHOWN = 5

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def split_store(values: Sequence[str]) -> tuple[str | None, str]:
    """``[STORE] VALUE`` as the store's name, None where it was left out, and the value.

    Raises:
        click.UsageError: there are more than two values.
    """
    if len(values) > 2:
        raise click.UsageError(f"{len(values)} arguments given; put quotes around names and texts that hold spaces")
    return (values[0] if len(values) == 2 else None), values[-1]


def echo_json(document: Any) -> None:
    """Print one JSON document."""
    click.echo(msgspec.json.encode(document))


def describe_revision(revision: Revision) -> str:
    """Number, time, act, actor and counts; then the reason and source sessions, indented."""
    counts = f"{revision.created} created, {revision.modified} modified, {revision.deleted} deleted"
    lines = [f"revision {revision.number}  {revision.created_at:%Y-%m-%d %H:%M:%S}Z  {provenance(revision)}  {counts}"]
    lines.append(f"    {revision.reason}")
    if revision.source_session_ids:
        lines.append(f"    {_describe_sessions(revision.source_session_ids)}")
    return "\n".join(lines)


def provenance(revision: Revision) -> str:
    """Which act, and by whom."""
    return f"{revision.act} by {revision.actor}"


def describe_write(store: MemoryStore, revision: Revision | None) -> str:
    """What a write came to."""
    if revision is None:
        return f"{store.name}: nothing to change"
    return f"{store.name}: {describe_revision(revision)}"


def _describe_sessions(session_ids: Sequence[str]) -> str:
    shown = ", ".join(session_ids[:_SESSIONS_SHOWN])
    more = len(session_ids) - _SESSIONS_SHOWN
    return f"from sessions {shown}" + (f" and {more:,} more" if more > 0 else "")
