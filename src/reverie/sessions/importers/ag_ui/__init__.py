"""Event streams of AG-UI (docs.ag-ui.com): lines of JSON, server-sent events, or a list."""

import re

from reverie.sessions.importers.ag_ui.stream import parse_ag_ui
from reverie.sessions.importers.ag_ui.thread import KINSHIP, NAME
from reverie.sessions.importers.importer import Importer, Keys

__all__ = ["IMPORTER"]

_TELLING = (
    *({"threadId", "runId"}, {"messageId", "delta"}, {"toolCallId", "delta"}, {"toolCallId", "toolCallName"}),
    *({"thread_id", "run_id"}, {"message_id", "delta"}, {"tool_call_id", "delta"}, {"tool_call_id", "tool_call_name"}),
)
"""Keys that, beside ``type``, are those of an event; some programs write them with underscores."""
_SERVER_SENT = re.compile(
    rb'\s*(?::[^\n]*\n|event:[^\n]*\n|id:[^\n]*\n|\s)*data:\s*\{[^\n]*"type"\s*:\s*"[A-Z]+_[A-Z_]+"'
)


def _is_ag_ui(keys: Keys) -> bool:
    return "type" in keys.top and any(telling <= keys.top for telling in _TELLING)


def _begins(head: bytes) -> bool:
    return _SERVER_SENT.match(head) is not None


IMPORTER = Importer(
    NAME,
    parse_ag_ui,
    has_keys=_is_ag_ui,
    begins=_begins,
    unit="file",
    whole_lines=True,
    kinship=KINSHIP,
)
