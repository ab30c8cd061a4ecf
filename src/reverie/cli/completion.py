"""``reverie completion``: the script by which a shell completes commands and options."""

import click
from click.shell_completion import get_completion_class

from reverie.cli.memory_text import echo_json, json_option

_VARIABLE = "_REVERIE_COMPLETE"
_HOW = {
    "bash": 'eval "$(reverie completion bash)"   # in ~/.bashrc',
    "zsh": 'eval "$(reverie completion zsh)"   # in ~/.zshrc',
    "fish": "reverie completion fish > ~/.config/fish/completions/reverie.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(sorted(_HOW)))
@json_option
@click.pass_context
def completion(context: click.Context, shell: str, as_json: bool) -> None:
    """Print the script that completes commands and options in SHELL."""
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"click completes nothing in {shell}")
    root = context.find_root().command
    script = f"# {_HOW[shell]}\n{made(root, {}, 'reverie', _VARIABLE).source()}"
    if as_json:
        echo_json({"shell": shell, "script": script, "use": _HOW[shell]})
    else:
        click.echo(script)
