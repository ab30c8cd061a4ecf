"""The ``reverie`` command: finds the noun, turns errors into a line and an exit code."""

import signal
import sys
from types import FrameType
from typing import Any, NamedTuple

import click

from reverie.cli.hints import with_next_step
from reverie.errors import ReverieError
from reverie.lazy_modules import load_module

EXIT_NOTHING_DONE = 1
EXIT_PARTLY_FAILED = 3


class LazyCommand(NamedTuple):
    """Where a command is, and the first sentence of its help."""

    module: str
    name: str
    summary: str


COMMANDS = {
    "import": LazyCommand(
        "reverie.cli.sessions", "import_sessions", "Import agent sessions from files, folders and archives."
    ),
    "watch": LazyCommand(
        "reverie.cli.watch",
        "watch",
        "Import sessions from files and folders, and go on as they grow, until Ctrl-C or SIGTERM.",
    ),
    "pull": LazyCommand(
        "reverie.cli.pull",
        "pull",
        "Bring sessions, and memory, from other services: what is new or has changed since the last time.",
    ),
    "push": LazyCommand("reverie.cli.pull", "push", "Bring memory to other services."),
    "export": LazyCommand(
        "reverie.cli.sessions",
        "export_sessions",
        "Write sessions with their scores to FILE as Reverie JSON Lines; gzipped if it ends in .gz; - is the screen.",
    ),
    "metric": LazyCommand(
        "reverie.cli.outcomes", "metric", "Define and list the measures that make up a session's reward."
    ),
    "score": LazyCommand(
        "reverie.cli.outcomes", "score", "Record scores of SESSION, replacing older values of the same metrics."
    ),
    "label": LazyCommand("reverie.cli.label", "label", "Ask a person to score the sessions that would tell most."),
    "grade": LazyCommand(
        "reverie.cli.grade", "grade", "Score sessions by a model or a grader, and say how far it agrees with labels."
    ),
    "dream": LazyCommand(
        "reverie.cli.dream",
        "dream",
        "Find what separates good sessions from bad ones of the same task, and remember what holds in STORE.",
    ),
    "friction": LazyCommand(
        "reverie.cli.friction",
        "friction",
        "Say where it goes wrong between users and the agent: corrections, stops, errors, and what users asked for.",
    ),
    "explain": LazyCommand(
        "reverie.cli.explain",
        "explain",
        "Say why LESSON (its id, the end of it, or its document's path) is believed, and what would change that.",
    ),
    "memory": LazyCommand("reverie.cli.memory", "memory", "Read, compare, change and roll back memory stores."),
    "policy": LazyCommand(
        "reverie.cli.policy",
        "policy",
        "Print a store's learning policy as JSON, or set it; what FILE leaves out has its default.",
    ),
    "recall": LazyCommand(
        "reverie.cli.memory_recall", "recall", "Rank a store's memories for a query, and say why each came."
    ),
    "charter": LazyCommand(
        "reverie.cli.charter",
        "charter",
        "Charters: how agents should behave, alarms when they do not, and agents resumed.",
    ),
    "rules": LazyCommand("reverie.cli.rules", "rules", "Rules on tool calls: shown, set, and tried on past sessions."),
    "trials": LazyCommand(
        "reverie.cli.trials",
        "trials",
        "Live trials of lessons: listed, shown, begun, looked at, decided, taken back.",
    ),
    "teams": LazyCommand(
        "reverie.cli.teams",
        "teams",
        "Agents that work together: what they share, to whom tasks go, and how well that does.",
    ),
    "briefing": LazyCommand(
        "reverie.cli.briefing",
        "briefing",
        "Make the briefing of a session that runs elsewhere from STORE, by the draws of its live trials.",
    ),
    "claude-code": LazyCommand(
        "reverie.cli.claude_code", "claude_code", "Claude Code: the plugin by which sessions flow in and lessons back."
    ),
    "hook": LazyCommand(
        "reverie.cli.hook", "hook", "Answer a hook of ASSISTANT (claude-code), whose call is read from standard input."
    ),
    "mcp": LazyCommand(
        "reverie.cli.mcp",
        "mcp",
        "Serve STORE (or several) to an agent over MCP on standard input and output: briefing, recall, notes, outcome.",
    ),
    "export-lessons": LazyCommand(
        "reverie.cli.export_lessons",
        "export_lessons",
        "Write the adopted lessons of STORE between marks into a file that agents read; all else in it stays as it is.",
    ),
    "erase": LazyCommand("reverie.cli.erase", "erase", "Erase sessions, and what was learned from them, for good."),
    "audit": LazyCommand("reverie.cli.audit", "audit", "Who did what, and whether the history is as it was written."),
    "serve": LazyCommand(
        "reverie.cli.serve",
        "serve",
        "Serve the Managed Agents API, Reverie's own and the console; stop with Ctrl-C or SIGTERM.",
    ),
    "agents": LazyCommand(
        "reverie.cli.agents", "agents", "Agents of a server: made from files, listed, changed within bounds."
    ),
    "chat": LazyCommand("reverie.cli.chat", "chat", "Talk to AGENT (its name or id) in a new session."),
    "keys": LazyCommand("reverie.cli.keys", "keys", "API keys: made, listed, revoked."),
    "workspaces": LazyCommand(
        "reverie.cli.keys", "workspaces", "Workspaces: sets of data that keys of others cannot reach."
    ),
    "doctor": LazyCommand(
        "reverie.cli.doctor",
        "doctor",
        "Look at home, database, models, keys, isolation and hooks, and say what is wrong and what to do about it.",
    ),
    "completion": LazyCommand(
        "reverie.cli.completion", "completion", "Print the script that completes commands and options in SHELL."
    ),
    "extensions": LazyCommand(
        "reverie.cli.extensions",
        "extensions",
        "List importers, graders, embedders and models: our own, and those of installed packages, with what is wrong.",
    ),
    "worker": LazyCommand(
        "reverie.cli.worker",
        "worker",
        "Run the built-in tools of an environment's sessions here, until Ctrl-C or SIGTERM.",
    ),
}


class LazyGroup(click.Group):
    """A group whose commands are imported on first use, and none of them to list them all."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(load_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; where a group has no such command, say which it has."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            group = error.ctx.command if error.ctx is not None else None
            is_unknown = error.message.startswith("No such command")
            if not is_unknown or error.ctx is None or not isinstance(group, click.Group) or group is self:
                raise
            known = ", ".join(group.list_commands(error.ctx))
            told = f"{error.format_message()} `{error.ctx.command_path}` has: {known}."
            raise click.UsageError(told, error.ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        room = formatter.width - 6 - max(map(len, COMMANDS))
        rows = [
            (noun, click.Command(noun, help=command.summary).get_short_help_str(room))
            for noun, command in COMMANDS.items()
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.command(cls=LazyGroup, invoke_without_command=True)
@click.version_option(package_name="reverie")
@click.option("--json", "as_json", is_flag=True, help="Without a command: print one JSON document.")
@click.pass_context
def cli(context: click.Context, as_json: bool) -> None:
    """Agents that learn from their own past sessions by dreaming. Without a command: what to do next."""
    if context.invoked_subcommand is None:
        load_module("reverie.cli.next_step").tell_next_step(as_json=as_json)
    elif as_json:
        raise click.UsageError(f"--json belongs after the command: reverie {context.invoked_subcommand} --json")


def _end_like_ctrl_c(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's signature
    signal.raise_signal(signal.SIGINT)


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; errors raised on purpose become one line on standard error and exit code 1."""
    # What systemd and Docker send ends a command in good order too: the embedded database is stopped.
    signal.signal(signal.SIGTERM, _end_like_ctrl_c)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A script's shell ignores Ctrl-C for what it runs by "&"; what SIGTERM is turned into would be lost.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return cli.main(args=arguments, prog_name="reverie", standalone_mode=True)
    except ReverieError as error:
        click.echo(f"reverie: {with_next_step(error)}", err=True)
        sys.exit(EXIT_NOTHING_DONE)


if __name__ == "__main__":
    main()
