"""``reverie extensions``."""

from importlib.metadata import version

import click
import msgspec

from reverie.digests import vector
from reverie.extensions import GROUPS, Survey, survey, unreadable
from reverie.models import open as models
from reverie.outcomes import graders
from reverie.sessions.importers import registry as importers

POINTS = (importers.POINT, graders.POINT, vector.POINT, models.POINT)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def extensions(as_json: bool) -> None:
    """List importers, graders, embedders and models: our own, and those of installed packages, with what is wrong."""
    own = version("reverie")
    found = [one for point in POINTS for one in survey(point, own)]
    if as_json:
        click.echo(msgspec.json.encode({"extensions": found, "unreadable": unreadable()}))
        return
    for group in GROUPS:
        click.echo(group)
        for one in found:
            if one.group == group:
                click.echo(f"  {_line(one)}")
    for fault in unreadable():
        click.echo(f"FAILED: {fault}")


def _line(one: Survey) -> str:
    line = f"{one.name}  {one.distribution} {one.version}"
    return f"{line}  FAILED: {one.error}" if one.error else line
