"""Whether a report shows what its role asks for: only what can be told from its text, by rules without a model."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from reverie.digests.predicate import searcher
from reverie.lazy_modules import load_module
from reverie.runtime.role import Criterion

MET = "criteria: met"
_MOST_SHOWN = 200
_FENCE = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)\n?```", re.DOTALL)


def unmet(criteria: Sequence[Criterion], report: str) -> tuple[str, ...]:
    """What a report lacks, each in words that its agent can act on."""
    found = ((one, _problem(one, report)) for one in criteria)
    return tuple(one.says or problem for one, problem in found if problem is not None)


def verdict(lacking: Sequence[str]) -> str:
    """What whoever asked is told of a report, beside it."""
    return f"criteria: unmet. Missing: {'; '.join(lacking)}" if lacking else MET


def reminder(lacking: Sequence[str]) -> str:
    """What an agent is told whose report lacks something."""
    listed = "\n".join(f"- {one}" for one in lacking)
    return f"Your report is not complete. Missing:\n{listed}\nMend it, and hand in the whole of it with submit_result."


def _problem(criterion: Criterion, report: str) -> str | None:
    if criterion.contains is not None and criterion.contains.casefold() not in report.casefold():
        return f"the text {criterion.contains[:_MOST_SHOWN]!r}"
    if criterion.pattern is not None and not searcher(criterion.pattern, None)(report):
        return f"text that matches {criterion.pattern[:_MOST_SHOWN]}"
    if criterion.schema is not None:
        value = _json_in(report)
        if value is msgspec.UNSET:
            return "JSON alone, with nothing around it"
        problem: str | None = load_module("reverie.runtime.json_shape").shape_problem(value, criterion.schema)
        return problem
    return None


def _json_in(report: str) -> Any:
    """The JSON that a report is, or has in its only code fence; unset where it has none."""
    fenced = _FENCE.findall(report)
    for text in (report, *(fenced if len(fenced) == 1 else ())):
        try:
            return msgspec.json.decode(text.encode())
        except (msgspec.DecodeError, RecursionError):
            continue
    return msgspec.UNSET
