"""Sessions of OpenHands: folders of events, trajectories, and outputs of evaluations, of versions 0 and 1.

Source: github.com/OpenHands/OpenHands, ``openhands/events/serialization``; github.com/OpenHands/software-agent-sdk,
``openhands/sdk/event``.
"""

from pathlib import PurePath

from reverie.sessions.importers.importer import Importer, Keys, UsualPlace
from reverie.sessions.importers.openhands.joining import KINSHIP, NAME
from reverie.sessions.importers.openhands.session import parse_openhands

__all__ = ["IMPORTER"]

_ACTION = frozenset({"source", "action", "args"})
_OBSERVATION = frozenset({"observation", "content", "extras"})
_TOLD = frozenset({"id", "timestamp", "message", "cause"})
_STATE = frozenset({"agent", "workspace", "execution_status"})


def _is_openhands(keys: Keys) -> bool:
    top = keys.top
    if top >= _ACTION or top >= _OBSERVATION:
        return bool(top & _TOLD)
    if {"kind", "source", "timestamp", "id"} <= top or top >= _STATE:
        return True
    if {"instance_id", "history"} <= top:
        return not top.isdisjoint({"test_result", "metrics", "instruction"})
    return top == {"trajectory"} and {"source", "timestamp"} <= keys.deeper


def _whole(path: PurePath) -> PurePath:
    """A conversation is a folder, with an event in each file."""
    return path.parent.parent if path.parent.name == "events" else path


IMPORTER = Importer(
    NAME,
    parse_openhands,
    has_keys=_is_openhands,
    kinship=KINSHIP,
    places=(UsualPlace("OpenHands", "~/.openhands", None, "conversations", "*.json", "event-00000-*"),),
    whole=_whole,
)
