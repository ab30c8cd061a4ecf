"""Sessions of Gemini CLI: what it records in ``~/.gemini/tmp/*/chats``, and what ``/chat save`` writes."""

import re
from pathlib import PurePath

from reverie.sessions.importers.gemini_cli.conversation import parse_gemini_cli
from reverie.sessions.importers.gemini_cli.family import KINSHIP, NAME
from reverie.sessions.importers.importer import Importer, Keys, UsualPlace

__all__ = ["IMPORTER"]

_SESSION = frozenset({"sessionId", "projectHash"})
_MESSAGE = frozenset({"id", "timestamp", "type", "content"})
_OF_MODEL = frozenset({"thoughts", "toolCalls", "tokens"})
_PROMPT = frozenset({"sessionId", "messageId", "message", "timestamp"})
_CHECKPOINT = frozenset({"history", "authType"})
_RESTORE = frozenset({"toolCall", "clientHistory"})
_TELLING = re.compile(rb'"(?:type|role)"\s*:\s*"(?:user|gemini|model|error)"')


def _is_gemini_cli(keys: Keys) -> bool:
    top = keys.top
    if top >= _SESSION or top >= _PROMPT or top >= _RESTORE:
        return True
    if top >= _MESSAGE and not top.isdisjoint(_OF_MODEL):
        return True
    saved = top == {"role", "parts"} or ("history" in top and top <= _CHECKPOINT and "parts" in keys.deeper)
    return saved or "$rewindTo" in top


def _nothing_told(data: bytes) -> str:
    start = data[:2000]
    if b'"messageId"' in start and b'"message"' in start and b'"projectHash"' not in start:
        return "holds what users typed in all sessions; the sessions are in chats/"
    if b'"clientHistory"' in data and b'"toolCall"' in data:
        return "a state to restore, in the middle of a session; the session is in chats/"
    return "" if _TELLING.search(data) else "nothing is said in it"


def _whole(path: PurePath) -> PurePath:
    """Side agents of a session are in files of the same folder of chats, or below it."""
    return next((folder for folder in path.parents if folder.name == "chats"), path)


IMPORTER = Importer(
    NAME,
    parse_gemini_cli,
    has_keys=_is_gemini_cli,
    unit="file",
    whole_lines=True,
    empty=_nothing_told,
    kinship=KINSHIP,
    places=(UsualPlace("Gemini CLI", "~/.gemini", None, "tmp", "*.json*", "session-*"),),
    whole=_whole,
)
