"""Code inside tool calls, and the commands it amounts to.

An agent with one ``sql`` or ``Bash`` tool makes all its choices inside the argument, so the argument is parsed and
named by its leading command: ``sql:describe``, ``bash:grep``, ``python:pd.read_csv``.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from reverie.digests.bash_code import read_bash
from reverie.digests.commands import Commands
from reverie.digests.python_code import read_python
from reverie.digests.sql_code import read_sql
from reverie.digests.tool_name import words_of


class Code(msgspec.Struct, frozen=True):
    """The code a tool call carries."""

    argument: str
    """The argument that holds it."""
    fenced: bool
    """Whether it came wrapped in Markdown fences."""
    commands: Commands


_READERS: dict[str, Callable[[str], Commands]] = {"sql": read_sql, "bash": read_bash, "python": read_python}
_LANGUAGE_OF_WORD = {
    **dict.fromkeys(("sql", "mysql", "sqlite", "postgres", "postgresql", "psql", "mssql", "bigquery"), "sql"),
    **dict.fromkeys(("bash", "shell", "sh", "zsh", "terminal", "console"), "bash"),
    **dict.fromkeys(("python", "ipython", "jupyter", "notebook"), "python"),
}
_ARGUMENTS = {
    "sql": ("sql", "query", "statement", "command", "code", "input"),
    "bash": ("command", "cmd", "script", "code", "input"),
    "python": ("code", "script", "source", "command", "input"),
}
_LANGUAGE_OF_ARGUMENT = {
    "sql": "sql",
    "sql_query": "sql",
    "cmd": "bash",
    "shell_command": "bash",
    "python_code": "python",
}
_RUNS_ANYTHING = frozenset({"execute", "exec", "run", "code", "interpreter", "command", "repl"})
_LIKELY_LANGUAGE = {"command": "bash", "code": "python", "script": "python"}
_LOOKS_LIKE_SQL = re.compile(
    r"\s*(?:select\b.+\bfrom\b|show\s+(?:full\s+)?(?:tables|databases|columns|create)\b|insert\s+into\b"
    r"|delete\s+from\b|update\s+\S+\s+set\b|with\s+\w+\s+as\s*\()",
    re.IGNORECASE | re.DOTALL,
)
_FENCE = re.compile(r"```(?:[ \t]*[A-Za-z]\w*[ \t]*(?=\n))?(.*?)(?:```|\Z)", re.DOTALL)
_LONGEST = 8_000


def read_code(tool: str, arguments: Mapping[str, Any]) -> Code | None:
    """The code in a tool call, or None when the call carries none.

    Recognised by the tool's name (``sql``, ``Bash``, ``run_python``) or the argument's (``sql``, ``cmd``, a ``query``
    that reads like SQL). Only the first 8,000 characters count. Results are cached by content.
    """
    found = _find(tool, arguments)
    if found is None:
        return None
    language, argument = found
    return _read(language, argument, arguments[argument][:_LONGEST])


def _find(tool: str, arguments: Mapping[str, Any]) -> tuple[str, str] | None:
    """The language, and the argument that holds the code."""
    texts = {name: value for name, value in arguments.items() if isinstance(value, str)}
    words = words_of(tool)
    language = next((_LANGUAGE_OF_WORD[word] for word in sorted(words) if word in _LANGUAGE_OF_WORD), None)
    if language is not None:
        return next(((language, name) for name in _ARGUMENTS[language] if name in texts), None)
    for name, text in texts.items():
        if name in _LANGUAGE_OF_ARGUMENT:
            return _LANGUAGE_OF_ARGUMENT[name], name
        if name in ("query", "statement") and _LOOKS_LIKE_SQL.match(text):
            return "sql", name
    if words.isdisjoint(_RUNS_ANYTHING):
        return None
    named = _LANGUAGE_OF_WORD.get(texts.get("language", "").lower())
    return next(((named or likely, name) for name, likely in _LIKELY_LANGUAGE.items() if name in texts), None)


@lru_cache(maxsize=16_384)
def _read(language: str, argument: str, text: str) -> Code:
    fence = _FENCE.search(text) if "```" in text else None
    code = fence[1].strip() if fence else text
    return Code(argument=argument, fenced=fence is not None, commands=_READERS[language](code))
