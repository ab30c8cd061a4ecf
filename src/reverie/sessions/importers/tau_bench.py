"""Results of tau-bench runs (github.com/sierra-research/tau-bench) and of its forks.

``info`` and ``records`` hold the grader's key and its workings (gold actions, outputs, the user's instruction); of
them only the simulated user's cost and the harness's own crash report are read.
"""

import re
from collections.abc import Sequence
from typing import Any

from reverie.errors import ImportFormatError
from reverie.sessions.event import Event, text_of
from reverie.sessions.importers.draft import Draft, EventLog, as_text
from reverie.sessions.importers.identity import with_guesses
from reverie.sessions.importers.importer import Importer, Keys
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.messages import record_messages
from reverie.sessions.importers.model_name import model_in
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.session import Session
from reverie.sessions.stated_end import given_ends

_TOOL_WORDS = {"airline": ("reservation", "flight", "certificate"), "retail": ("order", "product")}
_GUESSED_ERROR = re.compile(r"""(?:\#?\s*var_\d+\s*=\s*["']?)?Error""")


def parse_tau_bench(record: RawRecord) -> Draft:
    """Read one run of one task.

    Raises:
        ImportFormatError: a field is missing or cannot be used; names it.
    """
    row = decode_json(record.data)
    if not isinstance(row, dict) or not isinstance(row.get("traj"), list):
        raise ImportFormatError("traj must be a list of chat messages")
    if "task_id" not in row:
        raise ImportFormatError("task_id is missing")
    info = row["info"] if isinstance(row.get("info"), dict) else {}
    log = EventLog()
    record_messages(log, row["traj"], "traj")
    if "error" in info:
        log.add("session.error", _crash(as_text(info["error"])))
    stem = record.context.get("stem", "")
    domain = _domain(log.events, stem)
    task = as_text(row["task_id"])
    session = Session(
        id="",
        source="tau-bench",
        agent="tau-bench",
        agent_version=stem or None,
        model=model_in(stem),
        task_id=f"{domain}:{task}" if domain else task,
        task_category=domain,
        metadata=given_ends(row, {**info, "error": None}) | _metadata(row.get("trial"), info.get("user_cost")),
    )
    draft = Draft(session, log)
    draft.score("reward", row.get("reward"), "reward")
    return draft


def _metadata(trial: Any, user_cost: Any) -> dict[str, str]:
    given = {"trial": trial, "user_cost": user_cost}
    return {name: as_text(value) for name, value in given.items() if isinstance(value, str | int | float)}


def _crash(message: str) -> dict[str, Any]:
    return {"error": {"type": "unknown_error", "message": message, "retry_status": {"type": "terminal"}}}


def _domain(events: list[Event], stem: str) -> str | None:
    """By the tools called, else the policy, else the file's name (a run that crashed at once has neither)."""
    tools = " ".join(event.payload["name"] for event in events if event.type == "agent.tool_use")
    for domain, words in _TOOL_WORDS.items():
        if any(word in tools for word in words):
            return domain
    policy = next((text_of(event).lower() for event in events if event.type == "system.message"), "")
    for place in (policy, stem.lower()):
        named = [domain for domain in _TOOL_WORDS if re.search(rf"\b{domain}\b", place)]
        if len(named) == 1:
            return named[0]
    return None


def _is_tau_bench(keys: Keys) -> bool:
    return "traj" in keys.top


def _identity(events: Sequence[Event]) -> Sequence[Event]:
    return with_guesses(events, lambda text: _GUESSED_ERROR.match(text) is not None)


IMPORTER = Importer("tau-bench", parse_tau_bench, has_keys=_is_tau_bench, identity=_identity)
