"""Sessions of OpenHands: folders of events, trajectories, and outputs of evaluations, of versions 0 and 1.

Source: github.com/OpenHands/OpenHands, ``openhands/events/serialization``; github.com/OpenHands/software-agent-sdk,
``openhands/sdk/event``.
"""

from reverie.sessions.importers.importer import Importer, Keys
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


IMPORTER = Importer(NAME, parse_openhands, has_keys=_is_openhands, kinship=KINSHIP)
