"""The upkeep of a store that a dream does last: what goes, merges, is settled, marked, promoted or demoted, and why.

Agents' own text is consolidated; lessons, which change only with their evidence, are left alone but for their tier.
Nothing is lost: what goes stays in the history and comes back by a rollback.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from reverie.errors import DreamError
from reverie.memory.activation import activation
from reverie.memory.conflicts import (
    REVIEW_MARK,
    Contradiction,
    Superseded,
    find_conflicts,
    marks_of,
    with_marks,
    without_marks,
)
from reverie.memory.content import MAX_CONTENT_BYTES
from reverie.memory.duplicates import compatible_titles, is_wording, near_duplicates
from reverie.memory.memory import Edit, Tier
from reverie.memory.path import QUARANTINE
from reverie.memory.policy import MemoryPolicy
from reverie.memory.rank import words_of
from reverie.memory.salience import impact
from reverie.memory.screening import find_doubtful, find_instruction, screen
from reverie.memory.subject import merge_key, subject_of
from reverie.memory.tiers import Document, expiry, judge_tier

ConsolidationAction = Literal["merge", "edit", "drop", "mark", "quarantine", "tier", "expire"]

_TIER_ORDER: dict[Tier, int] = {"short": 0, "intermediate": 1, "long": 2}
_PATHS_NAMED = 5
_WHY_JUNK = {
    "empty": "it holds no words",
    "boilerplate": "it is boilerplate",
    "redacted": "only redacted values are left of it",
}


class PlannedEdit(msgspec.Struct, frozen=True):
    """An edit, and what kind of upkeep it is; ``edit.reason`` says why in words."""

    action: ConsolidationAction
    edit: Edit


def plan_consolidation(documents: Sequence[Document], policy: MemoryPolicy, now: datetime) -> tuple[PlannedEdit, ...]:
    """The upkeep of a store with these documents, one edit a path, in path order. Done again at once, it is empty.

    How much may vanish is asked once, of the whole act: see :func:`check_loss`.
    """
    plan = _Plan(documents)
    for document in documents:
        if (why := expiry(document, policy.tiers, now)) is not None:
            plan.drop("expire", document.path, why)
    _screen(plan)
    _merge_duplicates(plan, policy.consolidation.near_duplicate)
    _settle_conflicts(plan)
    _judge_tiers(plan, policy, now)
    _keep_budget(plan, policy, now)
    return plan.edits()


def may_vanish(documents: int, loss_cap: float) -> int:
    """How many of so many documents one act may remove: ``loss_cap`` (a share) of them, and one in any case."""
    return int(max(1.0, loss_cap * documents))


def check_loss(vanishing: Collection[str], documents: int, loss_cap: float) -> None:
    """The gate against forgetting too much at once; ``vanishing`` are the paths that one act would remove.

    Raises:
        DreamError: more than ``loss_cap`` (a share, and more than one) of the documents would vanish.
    """
    if len(vanishing) > may_vanish(documents, loss_cap):
        named = ", ".join(sorted(vanishing)[:_PATHS_NAMED]) + (", …" if len(vanishing) > _PATHS_NAMED else "")
        raise DreamError(
            f"the gate stopped the dream: {len(vanishing)} of {documents} documents would vanish ({named}), more than "
            f"the allowed share of {loss_cap:.0%}; nothing was changed"
        )


class _Plan:
    """Documents as they would be, and what was done to each path so far."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._before = {document.path: document for document in documents}
        self.documents = dict(self._before)
        self._actions: dict[str, ConsolidationAction] = {}
        self._reasons: dict[str, list[str]] = defaultdict(list)

    def free_text(self) -> list[Document]:
        """What agents wrote themselves, in path order."""
        return [
            document
            for path, document in sorted(self.documents.items())
            if not document.is_lesson and not path.startswith(QUARANTINE)
        ]

    def drop(self, action: ConsolidationAction, path: str, reason: str) -> None:
        del self.documents[path]
        self._note(action, path, reason)

    def change(self, action: ConsolidationAction, document: Document, reason: str) -> None:
        """Have a document in place of the one at its path; quarantine makes new ones."""
        self.documents[document.path] = document
        self._note(action, document.path, reason)

    def edits(self) -> tuple[PlannedEdit, ...]:
        """One edit for each path that is not as before."""
        return tuple(
            PlannedEdit(action, self._edit(path))
            for path, action in sorted(self._actions.items())
            if self.documents.get(path) != self._before.get(path)
        )

    def _edit(self, path: str) -> Edit:
        reason = "; ".join(self._reasons[path])
        document = self.documents.get(path)
        return (
            Edit(path, None, reason)
            if document is None
            else Edit(path, document.content, reason, tier=document.tier, lesson_id=document.lesson_id)
        )

    def _note(self, action: ConsolidationAction, path: str, reason: str) -> None:
        if action != "tier" or path not in self._actions:
            self._actions[path] = action
        self._reasons[path].append(reason)


def _screen(plan: _Plan) -> None:
    for document in plan.free_text():
        verdict = screen(document.content, document.path)
        if verdict == "instruction":
            order = find_instruction(document.content)
            moved = msgspec.structs.replace(document, path=f"{QUARANTINE}{document.path.removeprefix('/')}")
            reason = f"it orders the agent about on another's word (“{order}”); such text is evidence, not advice"
            plan.drop("quarantine", document.path, f"moved to {moved.path}: {reason}")
            plan.change("quarantine", moved, f"moved from {document.path}: {reason}")
        elif verdict is not None:
            plan.drop("drop", document.path, f"junk: {_WHY_JUNK[verdict]}")


def _merge_duplicates(plan: _Plan, threshold: float) -> None:
    """Merge what says the same of one subject; two people's identical notes both stay."""
    # The document to be kept comes first, so that every pair names it first.
    ordered = sorted(
        plan.free_text(), key=lambda each: (-_TIER_ORDER[each.tier], -each.written_at.timestamp(), each.path)
    )
    groups: dict[tuple[object, ...], dict[str, str]] = defaultdict(dict)
    for document in ordered:
        key = merge_key(subject_of(document.path, document.content))
        if key is not None:
            groups[key][document.path] = without_marks(document.content)
    for texts in groups.values():
        for kept_path, path, overlap in near_duplicates(texts, threshold):
            _merge_pair(plan, kept_path, path, overlap, threshold)


def _merge_pair(plan: _Plan, kept_path: str, path: str, overlap: float, threshold: float) -> None:
    if kept_path not in plan.documents or path not in plan.documents:
        return  # one of them has gone into another already
    kept, other = plan.documents[kept_path], plan.documents[path]
    if not compatible_titles(kept.content, other.content):
        return
    merged = _merge(without_marks(kept.content), without_marks(other.content), threshold)
    if merged is None:
        return
    plan.drop("merge", path, f"merged into {kept_path}: {overlap:.0%} of their word sequences are the same")
    if merged != without_marks(kept.content):
        plan.change(
            "merge", msgspec.structs.replace(kept, content=merged), f"took in what only {path} said, then dropped"
        )


def _merge(kept: str, other: str, threshold: float) -> str | None:
    """The kept text with the lines that only the other has; None where that would be too long."""
    known = kept.splitlines()
    lines = [line for line in other.splitlines() if words_of(line) and not line.startswith("#")]
    extra = [line for line in lines if not any(is_wording(line, each, threshold) for each in known)]
    merged = kept if not extra else "\n".join([kept.rstrip("\n"), *extra]) + "\n"
    return merged if len(merged.encode()) <= MAX_CONTENT_BYTES else None


def _settle_conflicts(plan: _Plan) -> None:
    documents = plan.free_text()
    found = list(find_conflicts(documents))
    contradictions: dict[str, list[Contradiction]] = defaultdict(list)
    for conflict in found:
        if isinstance(conflict, Contradiction):
            for path in {conflict.earlier, conflict.later}:
                contradictions[path].append(conflict)
    for document in documents:
        stale = [each for each in found if isinstance(each, Superseded) and each.path == document.path]
        _remove_stale(plan, document, stale)
    for document in documents:
        if document.path in plan.documents:
            _mark(plan, plan.documents[document.path], contradictions[document.path])


def _remove_stale(plan: _Plan, document: Document, stale: Sequence[Superseded]) -> None:
    if not stale:
        return
    content = without_marks(document.content)
    for each in sorted(stale, key=lambda each: -each.statement.start):
        content = _cut(content, each.statement.start, each.statement.end)
    reason = "; ".join(
        f"“{each.subject}” is now “{each.new_value}” by {each.by_path}, written later; was “{each.value}”"
        for each in stale
    )
    if _says_something(content):
        plan.change("edit", msgspec.structs.replace(document, content=content.strip() + "\n"), reason)
    else:
        plan.drop("drop", document.path, f"outdated: {reason}")


def _cut(content: str, start: int, end: int) -> str:
    """The content without a passage, nor the line it would leave empty."""
    before, after = content[:start], content[end:]
    if not before or before.endswith("\n"):
        after = after.removeprefix("\n")
    return before + after


def _says_something(content: str) -> bool:
    return any(words_of(line) for line in content.splitlines() if not line.lstrip().startswith("#"))


def _mark(plan: _Plan, document: Document, contradictions: Sequence[Contradiction]) -> None:
    remaining = [each for each in contradictions if each.earlier in plan.documents and each.later in plan.documents]
    review = find_doubtful(without_marks(document.content))
    lines = [*marks_of(document.path, remaining), *([REVIEW_MARK] if review is not None else [])]
    content = with_marks(document.content, lines)
    if content == document.content or len(content.encode()) > MAX_CONTENT_BYTES:
        return
    others = sorted({path for each in remaining for path in (each.earlier, each.later)} - {document.path})
    reasons = [f"contradicts {', '.join(others) or 'itself'}: kept side by side"] if remaining else []
    if review is not None:
        reasons.append(f"for review: “{review}” may be an order on somebody else's word; kept")
    reason = "; ".join(reasons) or "no longer contradicted: mark removed"
    plan.change("mark", msgspec.structs.replace(document, content=content), reason)


def _judge_tiers(plan: _Plan, policy: MemoryPolicy, now: datetime) -> None:
    for document in list(plan.documents.values()):
        change = judge_tier(document, policy.tiers, now)
        if change is not None and not document.path.startswith(QUARANTINE):
            plan.change("tier", msgspec.structs.replace(document, tier=change.tier, tier_since=now), change.reason)


def _keep_budget(plan: _Plan, policy: MemoryPolicy, now: datetime) -> None:
    budget = policy.budget
    documents = list(plan.documents.values())
    count, size = len(documents), sum(len(each.content.encode()) for each in documents)
    removable = sorted((each for each in documents if not each.is_lesson), key=lambda each: _rank(each, policy, now))
    for document in removable:
        if count <= budget.most_memories and size <= budget.most_bytes:
            return
        salience = _rank(document, policy, now)[1]
        reason = (
            f"least salient ({salience:.3f}, {document.tier}) of {count:,} memories of {size:,} bytes; "
            f"the budget is {budget.most_memories:,} and {budget.most_bytes:,} bytes"
        )
        plan.drop("drop", document.path, reason)
        count, size = count - 1, size - len(document.content.encode())


def _rank(document: Document, policy: MemoryPolicy, now: datetime) -> tuple[int, float, str]:
    """What goes first: the quarantined, then the least salient whatever the query; equals by path."""
    confirmed = [each.ended_at for each in document.confirmations]
    active = activation(document.tier, document.written_at, document.uses, confirmed, policy.salience, now)
    kept = 0 if document.path.startswith(QUARANTINE) else 1
    return kept, active * impact(document.effect, policy.salience), document.path
