"""What a trajectory and its file tell of the run itself."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import msgspec

from reverie.ids import derived_id
from reverie.sessions.importers.draft import as_text, usage_payload
from reverie.sessions.importers.model_name import model_in
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.stated_end import given_ends

_NEAR = 3
"""How many folders above a file may name its model; those further up are the user's."""

_canonical = msgspec.json.Encoder(order="deterministic")


def task_of(record: RawRecord, *places: object) -> str | None:
    """The instance that was attempted: as the file says, else its name."""
    for place in places:
        if isinstance(place, Mapping) and (found := as_text(place.get("instance_id") or place.get("id"))):
            return found
    return record.context.get("stem", "").removesuffix(".traj") or None


def run_id(task: str | None, beginning: Any) -> str:
    """An id by which a run that goes on is known again, from a ``beginning`` that holds the time something took."""
    return derived_id("sesn", "swe-agent", _canonical.encode((task, beginning)).decode())


def model_of(record: RawRecord, *given: Any) -> str | None:
    """The model: as the file says, else as its folders' names do."""
    for name in given:
        if isinstance(name, str) and name and name not in ("replay", "human", "human_thought", "instant_empty_submit"):
            return name
    folders = PurePath(record.path).parts[:-1][-_NEAR:]
    return next((model for folder in reversed(folders) if (model := model_in(folder))), None)


def end_of(info: Mapping[str, Any]) -> dict[str, str]:
    """How the run ended, and whether anything was handed in."""
    ends = given_ends({name: value for name, value in info.items() if name != "result"})
    if info.get("exit_status"):
        ends["submitted"] = "yes" if as_text(info.get("submission")).strip() else "no"
    return ends


def spent(info: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the whole run cost, once it is over; before that the sum still grows."""
    stats = info.get("model_stats")
    if not isinstance(stats, Mapping) or not info.get("exit_status"):
        return None
    counts = {"prompt_tokens": stats.get("tokens_sent"), "completion_tokens": stats.get("tokens_received")}
    cost = stats.get("instance_cost")
    if not any((*counts.values(), cost)):
        return None
    return usage_payload({name: value for name, value in {**counts, "cost": cost}.items() if value})
