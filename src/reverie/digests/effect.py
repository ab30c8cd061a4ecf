"""Whether calls only look or change something, and whether a request only asks: as far as names and words tell.

An aid, made to be unsure rather than wrong: what is not known is neither. Words are English.
"""

import re
from typing import Literal

from reverie.digests.intent import opening_intent
from reverie.digests.moments import Call

Effect = Literal["looks", "changes", "unknown"]

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LOOKS = frozenset({
    "search", "find", "list", "get", "read", "query", "lookup", "look", "fetch", "grep", "glob", "retrieve", "check",
    "show", "describe", "inspect", "view", "select", "calculate", "compute", "count", "compare", "verify", "think",
    "track", "locate", "recall",
})  # fmt: skip
_CHANGES = frozenset({
    "write", "edit", "create", "delete", "remove", "save", "store", "add", "update", "append", "insert", "replace",
    "forget", "set", "put", "clear", "cancel", "modify", "change", "book", "reserve", "exchange", "refund", "return",
    "send", "post", "submit", "pay", "charge", "transfer", "move", "rename", "install", "upgrade", "downgrade",
    "reset", "drop", "approve", "reject", "issue", "publish", "deploy", "merge", "close", "purchase", "buy", "upload",
})  # fmt: skip
_LOOKING_COMMANDS = frozenset(
    {"sql:select", "sql:show", "sql:describe", "sql:explain", "sql:pragma", "sql:information_schema"}
    | {f"bash:{name}" for name in (
        "ls", "cat", "head", "tail", "grep", "rg", "wc", "pwd", "stat", "file", "which", "du", "df", "ps", "env",
        "echo", "printf", "date", "whoami", "sort", "uniq", "cut", "diff", "tree", "less", "cd",
    )}
)  # fmt: skip
_CHANGING_COMMANDS = frozenset(
    {f"sql:{name}" for name in (
        "insert", "update", "delete", "drop", "create", "alter", "truncate", "truncatetable", "merge", "replace",
        "grant", "revoke", "copy",
    )}
    | {f"bash:{name}" for name in (
        "rm", "mv", "cp", "mkdir", "rmdir", "touch", "chmod", "chown", "ln", "tee", "dd", "truncate", "install",
        "kill", "pkill",
    )}
)  # fmt: skip
_WRITES_A_FILE = "bash redirect"
_ASKING = frozenset({"find", "count", "check", "explain", "compare", "report", "review", "summarise", "calculate"})
"""Acts of requests, as :mod:`reverie.digests.intent` names them, that are answered by looking."""


def effect_of(call: Call) -> Effect:
    """What a call does: by the commands of its code, else by the first word of the tool's name that says it."""
    if call.code is None:
        return _effect_of_name(call.tool)
    commands = call.code.commands
    if _WRITES_A_FILE in commands.features or not _CHANGING_COMMANDS.isdisjoint(commands.names):
        return "changes"
    return "looks" if _LOOKING_COMMANDS.issuperset(commands.names) else "unknown"


def _effect_of_name(tool: str) -> Effect:
    # A tool of an MCP server may bear the server's name before its own.
    for word in _WORD.findall(tool.rpartition("__")[2]):
        if word.lower() in _LOOKS:
            return "looks"
        if word.lower() in _CHANGES:
            return "changes"
    return "unknown"


def only_asks(opening: str) -> bool | None:
    """Whether an opening request asks for something to be told, and for nothing to be changed; None when unsure."""
    act = opening_intent(opening).partition(" ")[0]
    return act in _ASKING if act else None
