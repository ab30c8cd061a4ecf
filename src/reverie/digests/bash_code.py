"""Shell commands, read by ``tree-sitter-bash``: every command of a pipeline or list, and the constructs used."""

import re
from collections.abc import Iterator, Sequence

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from reverie.digests.commands import Commands

UNPARSED = Commands(names=("bash:unparsed",))

_PARSER = Parser(Language(tree_sitter_bash.language()))
_COMMAND = re.compile(r"[a-z][a-z0-9_.+-]{0,23}")
_CARRIERS = frozenset({"sudo", "env", "time", "nohup", "nice", "command", "exec", "xargs", "timeout", "watch"})
_PREAMBLE = _CARRIERS | {"cd", "echo", "export", "set", "source", "true", "test", "pwd", "sleep"}
_SILENT = frozenset(
    {"mkdir", "rm", "rmdir", "mv", "cp", "cd", "touch", "chmod", "chown", "ln", "export", "kill", "sleep"}
)
_KEYWORDS = frozenset(
    {"if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac", "in", "function"}
)
"""Where these are taken for commands, the text is broken."""
_SKIPPED = tuple("-0123456789{}")
"""What may stand between a carrier and its command: options and their values."""
_FEATURE_OF_NODE = {
    "pipeline": "bash pipe",
    "command_substitution": "bash command substitution",
    "process_substitution": "bash process substitution",
    "for_statement": "bash loop",
    "c_style_for_statement": "bash loop",
    "while_statement": "bash loop",
    "if_statement": "bash if",
}
_COMMAND_NODES = frozenset({"command", "declaration_command", "unset_command", "test_command"})
_NO_WORDS = frozenset({"variable_assignment", "file_redirect", "heredoc_redirect", "herestring_redirect"})
_TO_A_FILE = frozenset({">", ">>", "&>", "&>>", ">|"})
_QUOTING = re.compile(r"""["'\\]""")


def read_bash(code: str) -> Commands:
    """The commands of a shell text, the first one that is not a mere preamble (``cd``, ``echo``, ``sudo``) leading.

    Of text that is broken somewhere (cut off, a quote never closed) the commands that can be read are taken, unless it
    begins like a sentence. Without any command it is ``bash:unparsed``.
    """
    root = _PARSER.parse(code.encode("utf-8", "replace")).root_node
    first = code.split(maxsplit=1)[0] if root.has_error else ""
    if _begins_a_sentence(first):
        return UNPARSED
    commands: dict[str, None] = {}
    features: dict[str, None] = {}
    for node in _nodes(root):
        if node.type in _FEATURE_OF_NODE:
            features[_FEATURE_OF_NODE[node.type]] = None
        elif node.type == "file_redirect" and _writes_a_file(node):
            features["bash redirect"] = None
        elif node.type in _COMMAND_NODES:
            words = list(_words(node))
            commands.update(dict.fromkeys(_commands(words)))
            features.update(dict.fromkeys(f"bash {word}" for word in ("-exec", "xargs") if word in words))
    if not commands:
        only = _command(first)
        return Commands(names=(f"bash:{only}",)) if only else UNPARSED
    run = [command for command in commands if command not in _CARRIERS] or list(commands)
    leading = next((command for command in run if command not in _PREAMBLE), run[0])
    return Commands(
        names=tuple(f"bash:{command}" for command in dict.fromkeys((leading, *run))),
        features=tuple(features),
        silent=leading in _SILENT or "bash redirect" in features,
    )


def _begins_a_sentence(word: str) -> bool:
    """Whether broken text that begins with the word is prose: no command is capitalised, only assignments are."""
    return word[:1].isalpha() and not word[:1].islower() and "=" not in word


def _writes_a_file(redirect: Node) -> bool:
    """Whether the command's own output goes to a file, which leaves nothing to print; ``2>/dev/null`` does not."""
    descriptor = redirect.child_by_field_name("descriptor")
    own = descriptor is None or descriptor.text == b"1"
    return own and not redirect.has_error and any(child.type in _TO_A_FILE for child in redirect.children)


def _nodes(root: Node) -> Iterator[Node]:
    """All nodes, each before what it holds. Without recursion: a hostile text nests as deeply as it likes."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.children))


def _words(command: Node) -> Iterator[str]:
    """The words of a simple command, quotes removed; assignments and redirections are none."""
    for child in command.children:
        if child.type not in _NO_WORDS:
            yield _QUOTING.sub("", (child.text or b"").decode("utf-8", "replace"))


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
    if name in ("[", "[["):
        return "test"
    return name if _COMMAND.fullmatch(name) and name not in _KEYWORDS else None
