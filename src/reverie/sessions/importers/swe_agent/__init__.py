"""Trajectories of SWE-agent (``.traj``), of its first version to its latest, and of mini-swe-agent (``.traj.json``).

Source: github.com/SWE-agent/SWE-agent, ``sweagent/types.py``; github.com/SWE-agent/mini-swe-agent,
``agents/default.py`` (``serialize``).
"""

from collections.abc import Mapping
from typing import Any

from reverie.errors import ImportFormatError
from reverie.sessions.importers.draft import Draft
from reverie.sessions.importers.importer import Importer, Keys
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.importers.swe_agent.mini import parse_mini
from reverie.sessions.importers.swe_agent.trajectory import parse_trajectory

__all__ = ["IMPORTER"]


def _parse(record: RawRecord) -> Draft:
    """Read one trajectory.

    Raises:
        ImportFormatError: it holds no step and no message.
    """
    row: Any = decode_json(record.data)
    if not isinstance(row, Mapping):
        raise ImportFormatError("the trajectory is not a JSON object")
    return parse_mini(row, record) if isinstance(row.get("messages"), list) else parse_trajectory(row, record)


def _is_swe_agent(keys: Keys) -> bool:
    top = keys.top
    if "trajectory" in top and not top.isdisjoint({"history", "environment", "replay_config"}):
        return "info" in top or "history" in top
    if "attempts" in top and {"trajectory", "history"} <= keys.deeper:
        return True
    return "messages" in top and ("trajectory_format" in top or ("info" in top and "mini_version" in keys.deeper))


IMPORTER = Importer("swe-agent", _parse, has_keys=_is_swe_agent)
