"""``reverie doctor``: what is wrong with this machine's Reverie, and what to do about it."""

import os
import sys

import click

from reverie.cli.checks import CHECKS, Check, home_only, look_at, without_secrets
from reverie.cli.main import EXIT_NOTHING_DONE
from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.progress import progress_line
from reverie.errors import SettingsError
from reverie.settings import home_folder, load_settings

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Look at home, database, models, keys, isolation and hooks, and say what is wrong and what to do about it.

    Nothing is changed, and no secret is printed. Exit code: 1 when something fails.
    """
    found: list[Check] = []
    try:
        settings = load_settings()
    except SettingsError as error:
        found.append(Check("settings", "fail", str(error), "unset the variable, or set it as docs/settings.md says"))
        settings = home_only(home_folder())
    with progress_line("looking at") as show:
        for look in CHECKS:
            show(look.__name__.removeprefix("check_"))
            found += look_at(settings, look)
    found = [without_secrets(check, os.environ) for check in found]
    failed = any(check.state == "fail" for check in found)
    if as_json:
        echo_json({"well": not failed, "checks": found})
    else:
        for check in found:
            click.echo(_line(check))
    sys.exit(EXIT_NOTHING_DONE if failed else 0)


def _line(check: Check) -> str:
    state = click.style(f"{check.state:4}", fg=_COLOURS[check.state])
    line = f"{state}  {check.name}: {check.said}"
    return f"{line}\n      → {check.next}" if check.next else line
