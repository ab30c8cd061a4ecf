"""What a source says itself of how a session ended: fields that importers keep among its tags."""

import re
from collections.abc import Mapping

REASON_FIELDS = (
    *("stop_reason", "finish_reason", "termination_reason", "terminated_by", "termination", "end_reason"),
    *("exit_status", "exit_reason", "exit_code_reason", "failure_reason", "subtype", "run_status", "status"),
)
"""Fields whose value names a reason, in any of the many words there are for it."""
ERROR_FIELDS = ("error", "error_type", "exception", "exception_type", "exception_info", "crash", "traceback")
"""Fields that hold something only where the run itself failed."""
FLAG_FIELDS = ("timed_out", "timeout", "crashed", "aborted", "interrupted", "cancelled", "canceled", "rate_limited")
"""Fields that are true where it did; with another value, such as seconds, they are a setting."""
END_FIELDS = (*REASON_FIELDS, *ERROR_FIELDS, *FLAG_FIELDS)
_NOTHING = frozenset({"", "none", "null", "false", "0", "{}", "[]", "no", "nan"})


_LONGEST = 300
_FAILURE = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Timeout|Exceeded|Interrupt|Exit)\b")


def given_ends(*places: object) -> dict[str, str]:
    """What any of these objects say of a session's end, as tags; the first to name a field counts."""
    found: dict[str, str] = {}
    for place in (each for each in places if isinstance(each, Mapping)):
        for name in END_FIELDS:
            value = place.get(name)
            if name in found or value is None or value == "":
                continue
            if name == "traceback":
                found[name] = _failure(str(value))
            elif isinstance(value, str | bool | int | float):
                found[name] = str(value)[:_LONGEST]
            elif isinstance(value, Mapping) and value:
                named = (str(value[key]) for key in ("type", "code", "message", "reason") if value.get(key))
                found[name] = (": ".join(named) or name)[:_LONGEST]
    return found


def _failure(traceback: str) -> str:
    """What was raised, by its name: the lines of a traceback show what the harness knew, its answer keys included."""
    lines = traceback.strip().splitlines() or [""]
    return ", ".join(_FAILURE.findall(lines[-1])) or "raised"


def stated_end(metadata: Mapping[str, object]) -> tuple[str, str]:
    """What the tags name as the reason, and what they say went wrong with the run; empty where they are silent."""
    reasons = (str(metadata[name]) for name in REASON_FIELDS if name in metadata)
    errors = [str(metadata[name]) for name in ERROR_FIELDS if name in metadata]
    flags = [name for name in FLAG_FIELDS if str(metadata.get(name, "")).strip().lower() in ("true", "yes", "1")]
    said = "; ".join(text for text in reasons if text.strip().lower() not in _NOTHING)
    wrong = [text[:300] for text in errors if text.strip().lower() not in _NOTHING]
    return said, "; ".join((*flags, *wrong))
