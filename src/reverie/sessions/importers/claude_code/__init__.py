"""Sessions of Claude Code: its session files, and what ``claude -p`` prints."""

import re
from pathlib import PurePath

from reverie.sessions.importers.claude_code.conversation import parse_claude_code
from reverie.sessions.importers.claude_code.family import KINSHIP
from reverie.sessions.importers.importer import Importer, Keys, UsualPlace

__all__ = ["IMPORTER"]

_TELLING_KEYS = (
    {"sessionId"},
    {"snapshot", "messageId"},
    {"summary", "leafUuid"},
    {"session_id", "subtype"},
    {"session_id", "message"},
    {"session_id", "event"},
)
"""Keys that, beside ``type``, are those of a line of Claude Code's: of its files, then of what ``claude -p`` prints."""
_SESSION_FILES = "????????-????-????-????-????????????.jsonl"
"""As ``fnmatch`` reads it; side agents' files have other names."""
_TELLING = re.compile(
    rb'"type"\s*:\s*"(?:user|assistant|result|queued_command)"'
    rb'|"subtype"\s*:\s*"(?:api_error|compact_boundary|local_command)"'
)
"""In a file in which something is said."""


def _is_claude_code(keys: Keys) -> bool:
    return "type" in keys.top and any(telling <= keys.top for telling in _TELLING_KEYS)


def _may_be_line(line: bytes) -> bool:
    return b'"type"' in line and (b'"sessionId"' in line or b'"session_id"' in line)


def _only_books(data: bytes) -> str:
    return "" if _TELLING.search(data) else "keeps books only; nothing is said in it"


def _whole(path: PurePath) -> PurePath:
    """A side agent's file belongs to the session whose folder it is in; beside sessions, only its lines say whose."""
    if "subagents" in path.parent.parts:
        depth = len(path.parts) - path.parts.index("subagents")
        return path.parents[depth - 1].with_suffix(".jsonl")
    return path.parent if path.name.startswith("agent-") else path


IMPORTER = Importer(
    "claude-code",
    parse_claude_code,
    has_keys=_is_claude_code,
    unit="file",
    whole_lines=True,
    late_sign=_may_be_line,
    empty=_only_books,
    kinship=KINSHIP,
    places=(UsualPlace("Claude Code", "~/.claude", "CLAUDE_CONFIG_DIR", "projects", sessions=_SESSION_FILES),),
    whole=_whole,
)
