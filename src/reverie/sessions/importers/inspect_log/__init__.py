"""Logs of Inspect (github.com/UKGovernmentBEIS/inspect_ai): ``.eval`` archives, and logs in JSON."""

from reverie.sessions.importers.importer import Importer, Keys, Members
from reverie.sessions.importers.inspect_log.header import EVAL, KINSHIP, NAME
from reverie.sessions.importers.inspect_log.sample import parse_inspect

__all__ = ["IMPORTER"]

_SAMPLE = frozenset({"epoch", "input", "target"})


def _is_inspect(keys: Keys) -> bool:
    if keys.top >= _SAMPLE and not keys.top.isdisjoint({"messages", "events"}):
        return True
    return {EVAL, "version"} <= keys.top and not keys.top.isdisjoint({"plan", "samples", "status"})


IMPORTER = Importer(
    NAME,
    parse_inspect,
    has_keys=_is_inspect,
    unit="file",
    members=Members(under="samples", beside=(EVAL,)),
    kinship=KINSHIP,
)
