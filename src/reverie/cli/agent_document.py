"""Documents that people keep as files and set for an agent: read, shown, and listed version by version."""

from collections.abc import Sequence
from typing import TextIO

import click
import msgspec
import yaml

from reverie.cli.table import format_table
from reverie.errors import InputError
from reverie.storage.live.agent_documents import AgentDocument

MOST_VERSIONS = 1000


def read_file(file: TextIO) -> tuple[str, str]:
    """What a file is called in messages, and its text.

    Raises:
        InputError: it is no text in UTF-8.
    """
    name = "standard input" if file.name in ("-", "<stdin>") else file.name
    try:
        return name, file.read()
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: cannot be read: {error}") from error


def echo_document(stored: AgentDocument, unset: str, *, as_json: bool) -> None:
    """Print a version as YAML that can be set again; ``unset`` says that none was."""
    if as_json:
        click.echo(msgspec.json.encode(stored))
        return
    click.echo(f"# version {stored.version}" if stored.version else f"# {unset}")
    click.echo(yaml.safe_dump(stored.document, sort_keys=False, allow_unicode=True, width=100), nl=False)


def echo_versions(found: Sequence[AgentDocument], parts: str, unset: str, *, as_json: bool) -> None:
    """Print versions, and how many ``parts``, a field of theirs, each has."""
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    if not found:
        click.echo(unset)
        return
    rows = [(str(one.version), f"{one.created_at:%Y-%m-%d %H:%M:%S}Z", str(len(one.document[parts]))) for one in found]
    click.echo(format_table(("version", "set at", parts), rows))
