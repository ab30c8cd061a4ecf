"""Sessions of Codex CLI: its rollout files, old and new, and what ``codex exec --json`` prints.

Names are those of ``codex-rs/protocol`` (github.com/openai/codex), from 0.2 to 0.171.
"""

import re
from pathlib import PurePath

from reverie.sessions.importers.codex.conversation import parse_codex
from reverie.sessions.importers.codex.family import KINSHIP, NAME
from reverie.sessions.importers.importer import Importer, Keys, UsualPlace

__all__ = ["IMPORTER"]

_LINE = frozenset({"timestamp", "ordinal", "type", "payload", "metadata"})
_TELLING = frozenset({"cwd", "cli_version", "originator", "role", "call_id", "turn_id", "summary", "info"})
_HEADER = frozenset({"id", "timestamp", "instructions", "git"})
_WORDS = re.compile(
    rb'"type"\s*:\s*"(?:message|user_message|agent_message|agent_reasoning|function_call|custom_tool_call|reasoning'
    rb"|local_shell_call|web_search_call|exec_command_end|error|turn_aborted|compacted|command_execution"
    rb'|item\.completed|turn\.failed)"'
)
"""In a file in which something is said or done."""


def _is_codex(keys: Keys) -> bool:
    top = keys.top
    if {"type", "payload"} <= top:
        return top <= _LINE and ("timestamp" in top or not keys.deeper.isdisjoint(_TELLING))
    if top == {"record_type"} or ({"id", "timestamp", "instructions"} <= top <= _HEADER):
        return True
    if {"session", "items"} <= top and "instructions" in keys.deeper:
        return True
    return top == {"type", "thread_id"} or (top == {"type", "item"} and "id" in keys.deeper)


def _may_be_line(line: bytes) -> bool:
    return b'"payload"' in line and b'"type"' in line


def _only_books(data: bytes) -> str:
    return "" if _WORDS.search(data) else "keeps books only; nothing is said in it"


def _whole(path: PurePath) -> PurePath:
    """Side agents and forks of a session are in files beside it, mostly of the same day."""
    return path.parent if path.name.startswith("rollout-") else path


IMPORTER = Importer(
    NAME,
    parse_codex,
    has_keys=_is_codex,
    unit="file",
    whole_lines=True,
    late_sign=_may_be_line,
    empty=_only_books,
    kinship=KINSHIP,
    places=(UsualPlace("Codex", "~/.codex", "CODEX_HOME", "sessions", "rollout-*.jsonl"),),
    whole=_whole,
)
