"""The options that name the usual place of a format, such as ``--claude-code``."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from reverie.cli.session_files import Source, formats_with_places, usual_sources
from reverie.errors import InputError
from reverie.sessions.importers.registry import importer_named

Function = TypeVar("Function", bound=Callable[..., Any])


def usual_options(function: Function) -> Function:
    """Adds an option for each of our formats that has a usual place; the chosen ones are passed as ``usual``."""
    for name in reversed(formats_with_places()):
        option = click.option(
            f"--{name}",
            "usual",
            multiple=True,
            flag_value=name,
            is_flag=True,
            type=str,
            help=f"The sessions of {_programs(name)} where they usually are: {_folders(name)}.",
        )
        function = option(function)
    return function


def chosen_sources(usual: Sequence[str], environment: Mapping[str, str] = os.environ) -> list[Source]:
    """The usual places of the chosen formats that are on this machine.

    Raises:
        InputError: a chosen format has none here.
    """
    sources = []
    for name in dict.fromkeys(usual):
        here = usual_sources(name, environment)
        there = [source for source in here if source.path.is_dir()]
        if not there:
            places = " or ".join(str(source.path) for source in here)
            raise InputError(f"--{name}: there are no sessions in {places}; name the folder they are in instead")
        sources += there
    return sources


def _programs(name: str) -> str:
    return " and ".join(dict.fromkeys(place.program for place in importer_named(name).places))


def _folders(name: str) -> str:
    return " and ".join(f"{place.home}/{place.folder}".rstrip("/") for place in importer_named(name).places)
