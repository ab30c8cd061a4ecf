"""Tokens of a Claude Code session, counted once per reply."""

from collections.abc import Mapping, Sequence
from typing import Any

from reverie.sessions.importers.claude_code.line import Line, Warn
from reverie.sessions.importers.draft import as_number

_MOST_TOKENS = 1 << 40
_COUNTS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def usages(lines: Sequence[Line], warn: Warn) -> list[dict[str, Any] | None]:
    """For each line that ends a reply, the reply's usage as a ``span.model_request_end`` payload.

    A reply fills several lines with one message id, and each repeats the usage counted so far: the largest is final.
    Where a run's last line sums the run up, its figures stand for those of the replies since the last such line.
    """
    found: dict[int, dict[str, Any]] = {}
    largest: dict[str, dict[str, Any]] = {}
    last: dict[str, int] = {}
    spent = 0.0
    for position, line in enumerate(lines):
        if line.type == "result":
            total = _checked(line.usage, "usage", line, warn)
            cost = line.total_cost if isinstance(line.total_cost, int | float) else None
            if total is None and cost is None:
                continue
            if cost is not None and not isinstance(cost, bool):
                before, spent = spent, float(cost)
                total = (total or {}) | {"cost_usd": spent - before if spent >= before else spent}
            if any((total or {}).get(name) for name in _COUNTS):
                largest.clear()
                last.clear()
            found[position] = total or {}
        elif line.type == "assistant" and not line.is_api_error_message:
            _note_reply(line, position, largest, last, warn)
        if line.type == "result":
            found |= {last.pop(reply): largest.pop(reply) for reply in list(last)}
    found |= {position: largest[reply] for reply, position in last.items()}
    return [_payload(found[position]) if position in found else None for position in range(len(lines))]


def _payload(usage: Mapping[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = {"model_usage": {name: usage.get(name, 0) for name in _COUNTS}}
    cost = as_number(usage.get("cost_usd"))
    return payload if cost is None or cost < 0 else payload | {"cost_usd": cost}


def _note_reply(
    line: Line, position: int, largest: dict[str, dict[str, Any]], last: dict[str, int], warn: Warn
) -> None:
    message = line.message or {}
    usage = _checked(message.get("usage"), "message.usage", line, warn)
    given = message.get("id")
    reply = given if isinstance(given, str) and given else line.request_id
    if usage is None or not reply:
        return
    if isinstance(line.cost, int | float) and not isinstance(line.cost, bool):
        usage |= {"cost_usd": line.cost}
    last[reply] = position
    if reply not in largest or usage.get("output_tokens", 0) > largest[reply].get("output_tokens", 0):
        largest[reply] = usage


def _checked(usage: Any, field: str, line: Line, warn: Warn) -> dict[str, Any] | None:
    """The counts in ``usage`` that are counts; None where it holds none."""
    if usage is None:
        return None
    if not isinstance(usage, Mapping):
        warn(f"{field} is no object of counts; it is left out", line.number, line.part)
        return None
    kept = {}
    for name in _COUNTS:
        count = usage.get(name)
        if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= _MOST_TOKENS:
            kept[name] = count
        elif count is not None:
            warn(f"{field}.{name} is no count; it is left out", line.number, line.part)
    return kept or None
