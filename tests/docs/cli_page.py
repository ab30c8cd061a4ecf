"""``docs/cli.md``: every command with its arguments and options, from the commands themselves.

``python -m tests.docs.cli_page`` writes it.
"""

from collections.abc import Iterator

import click

from reverie.cli.main import cli
from tests.docs.blocks import ROOT

PAGE = ROOT / "docs" / "cli.md"
_INTRODUCTION = """\
# The command line

Made by `make docs` from the commands; `reverie COMMAND --help` says the same. Settings come from the
[environment](settings.md).

Exit codes: 0; 1 when nothing was done, with a line `reverie: reason` on standard error; 2 for arguments that make no
sense; 3 when some records or files failed."""


def commands(command: click.Command = cli, path: str = "reverie") -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name, groups before what is in them."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                yield from commands(found, f"{path} {name}")


def cli_page() -> str:
    """The page as Markdown."""
    parts = [_INTRODUCTION]
    for path, command in commands():
        parts += [f"## `{path}`", _usage(path, command), _prose(command.help or ""), _table(command)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _usage(path: str, command: click.Command) -> str:
    pieces = command.collect_usage_pieces(click.Context(command))
    return f"`{' '.join([path, *pieces])}`"


def _prose(text: str) -> str:
    """Running text: click's marks of paragraphs gone, lines joined."""
    paragraphs = [" ".join(part.split()) for part in text.replace("\b", "").split("\n\n")]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _table(command: click.Command) -> str:
    rows = list(_rows(command))
    return "\n".join(["| option | does | default |", "| --- | --- | --- |", *rows]) if rows else ""


def _rows(command: click.Command) -> Iterator[str]:
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            names = " / ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
            value = "" if option.is_flag else f" `{option.make_metavar(click.Context(command))}`"
            cells = [names + value, *_said(option)]
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |".replace("  ", " ")


def _said(option: click.Option) -> tuple[str, str]:
    """What the option does, and its default."""
    text, _, bracketed = (option.help or "").partition("  [default: ")
    if option.multiple and "repeatable" not in text:
        text += " Repeatable."
    if option.required:
        return text, "required"
    if bracketed:
        return text, bracketed.removesuffix("]")
    shown = option.get_default(click.Context(click.Command("none")), call=False)
    plain = isinstance(shown, str | int | float) and not isinstance(shown, bool) and shown != "" and not option.is_flag
    return text, f"`{shown}`" if plain else ""


if __name__ == "__main__":
    PAGE.write_text(cli_page(), encoding="utf-8")
