"""Shell commands, read by ``bashlex``: every command of a pipeline or list, and the constructs used."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import bashlex
from bashlex.errors import ParsingError

from reverie.digests.commands import Commands

UNPARSED = Commands(names=("bash:unparsed",))

_BROKEN = (ParsingError, NotImplementedError, AttributeError, TypeError, IndexError, AssertionError, RecursionError)
"""What ``bashlex`` raises: its own error, unsupported arithmetic, and slips on comments and empty input."""
_COMMAND = re.compile(r"[a-z][a-z0-9_.+-]{0,23}")
_CARRIERS = frozenset({"sudo", "env", "time", "nohup", "nice", "command", "exec", "xargs", "timeout", "watch"})
_PREAMBLE = _CARRIERS | {"cd", "echo", "export", "set", "source", "true", "test", "pwd", "sleep"}
_SILENT = frozenset(
    {"mkdir", "rm", "rmdir", "mv", "cp", "cd", "touch", "chmod", "chown", "ln", "export", "kill", "sleep"}
)
_SKIPPED = tuple("-0123456789{}")
"""What may stand between a carrier and its command: options and their values."""
_FEATURE_OF_NODE = {
    "pipe": "bash pipe",
    "commandsubstitution": "bash command substitution",
    "processsubstitution": "bash process substitution",
    "for": "bash loop",
    "while": "bash loop",
    "until": "bash loop",
    "if": "bash if",
}


def read_bash(code: str) -> Commands:
    """The commands of a shell text, the first one that is not a mere preamble (``cd``, ``echo``, ``sudo``) leading.

    Text that does not parse is named by its first word when that can be a command, else ``bash:unparsed``.
    """
    try:
        nodes = [node for tree in bashlex.parse(code) for node in _nodes(tree)]
    except _BROKEN:
        first = _command(code.split(maxsplit=1)[0]) if code.strip() else None
        return Commands(names=(f"bash:{first}",)) if first else UNPARSED
    commands: dict[str, None] = {}
    features: dict[str, None] = {}
    for node in nodes:
        if node.kind in _FEATURE_OF_NODE:
            features[_FEATURE_OF_NODE[node.kind]] = None
        elif node.kind == "redirect" and _writes_a_file(node):
            features["bash redirect"] = None
        elif node.kind == "command":
            words = [part.word for part in node.parts if part.kind == "word"]
            commands.update(dict.fromkeys(_commands(words)))
            features.update(dict.fromkeys(f"bash {word}" for word in ("-exec", "xargs") if word in words))
    if not commands:
        return UNPARSED
    run = [command for command in commands if command not in _CARRIERS] or list(commands)
    leading = next((command for command in run if command not in _PREAMBLE), run[0])
    return Commands(
        names=tuple(f"bash:{command}" for command in dict.fromkeys((leading, *run))),
        features=tuple(features),
        silent=leading in _SILENT or "bash redirect" in features,
    )


def _writes_a_file(redirect: Any) -> bool:
    """Whether the command's own output goes to a file, which leaves nothing to print; ``2>/dev/null`` does not."""
    return redirect.type in (">", ">>", "&>") and redirect.input in (None, 1)


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for child in (*getattr(node, "parts", ()), *getattr(node, "list", ())):
        yield from _nodes(child)
    if hasattr(node, "command"):
        yield from _nodes(node.command)


def _commands(words: Sequence[str]) -> Iterator[str]:
    """The command a simple command runs, and those it carries: ``xargs grep``, ``find -exec md5sum``."""
    carried = True
    for word in words:
        command = _command(word) if carried else None
        if command:
            yield command
        carried = word == "-exec" or (carried and (word.startswith(_SKIPPED) or command in _CARRIERS))


def _command(word: str) -> str | None:
    name = word.rsplit("/", 1)[-1]
    if name == "[":
        return "test"
    return name if _COMMAND.fullmatch(name) else None
