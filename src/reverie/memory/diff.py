"""What one snapshot of a store has that another lacks. A snapshot maps each path to its content."""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from reverie.memory.memory import Operation


class Difference(msgspec.Struct, frozen=True):
    """One path whose content differs; None stands for no memory at that path."""

    path: str
    before: str | None
    after: str | None

    @property
    def operation(self) -> Operation:
        """What was done to get from before to after."""
        if self.before is None:
            return "created"
        return "deleted" if self.after is None else "modified"


class DiffSummary(msgspec.Struct, frozen=True):
    """How many memories differ, by operation."""

    created: int
    modified: int
    deleted: int


def compare(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Difference, ...]:
    """The differing paths, in path order."""
    return tuple(
        Difference(path, before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    )


def unified_diff(difference: Difference) -> str:
    """One path's difference in the unified format that ``patch`` and ``git apply`` read."""
    before = "/dev/null" if difference.before is None else f"a{difference.path}"
    after = "/dev/null" if difference.after is None else f"b{difference.path}"
    lines = list(difflib.unified_diff(_lines(difference.before), _lines(difference.after), before, after))
    if not lines:  # an empty document came or went
        return f"--- {before}\n+++ {after}\n"
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def summarise(differences: Iterable[Difference]) -> DiffSummary:
    """Counts over the differences."""
    counts = Counter(difference.operation for difference in differences)
    return DiffSummary(created=counts["created"], modified=counts["modified"], deleted=counts["deleted"])


def _lines(content: str | None) -> list[str]:
    # Not str.splitlines, which also breaks at characters that patch takes for part of a line.
    return re.findall(r"[^\n]*\n|[^\n]+", content or "")
