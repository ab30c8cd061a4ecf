"""Promotion, demotion and expiry: rules over what was written, used and confirmed, with the numbers in words."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from reverie.memory.activation import UseTrace
from reverie.memory.memory import Tier
from reverie.memory.policy import TierPolicy


class Confirmation(msgspec.Struct, frozen=True):
    """That sessions of a time window bore a memory out."""

    began_at: datetime
    ended_at: datetime
    strata: tuple[str, ...]
    """Names of the strata that could tell."""


class Document(msgspec.Struct, frozen=True):
    """A memory with all that decides what becomes of it."""

    path: str
    content: str
    tier: Tier
    tier_since: datetime
    written_at: datetime
    """When the content last changed but for marks."""
    uses: UseTrace | None = None
    confirmations: tuple[Confirmation, ...] = ()
    effect: float = 0.0
    """The size of its effect on reward that is certain; 0 for what is no lesson."""
    lesson_id: str | None = None
    """The lesson that a dream wrote it as."""

    @property
    def is_lesson(self) -> bool:
        """Whether a dream wrote it as a lesson; such documents change only with their evidence.

        Whatever else stands below ``/lessons/`` is free text like any other.
        """
        return self.lesson_id is not None


class TierChange(msgspec.Struct, frozen=True):
    """The tier a memory should have, and by which rule and numbers."""

    tier: Tier
    reason: str


def disjoint_windows(confirmations: Iterable[Confirmation]) -> int:
    """The largest number of confirmations of which no two overlap (interval scheduling, earliest end first)."""
    count, free_from = 0, None
    for confirmation in sorted(confirmations, key=lambda each: each.ended_at):
        if free_from is None or confirmation.began_at > free_from:
            count, free_from = count + 1, confirmation.ended_at
    return count


def expiry(document: Document, policy: TierPolicy, now: datetime) -> str | None:
    """Why a short memory expires; None while it does not."""
    if document.tier != "short" or document.is_lesson:
        return None
    days = _days(now - max(_last_seen(document), document.tier_since))
    if days <= policy.short_days:
        return None
    return f"expired: short, and unused for {days:.0f} days (limit {policy.short_days:g})"


def judge_tier(document: Document, policy: TierPolicy, now: datetime) -> TierChange | None:
    """The change of tier that the rules ask for; None when the memory stays where it is."""
    confirmations = document.confirmations
    windows = disjoint_windows(confirmations)
    strata = len({name for confirmation in confirmations for name in confirmation.strata})
    lasting = windows >= policy.long_windows and strata >= policy.long_strata
    unconfirmed = _days(now - max((each.ended_at for each in confirmations), default=document.tier_since))
    numbers = (
        f"confirmed in {windows} disjoint windows (needs {policy.long_windows}) and {strata} strata "
        f"(needs {policy.long_strata}), last {unconfirmed:.0f} days ago (limit {policy.stale_days:g})"
    )
    if document.tier == "long":
        stale = unconfirmed > policy.stale_days
        return TierChange("intermediate", f"long to intermediate: {numbers}") if stale else None
    if lasting and unconfirmed <= policy.stale_days:
        return TierChange("long", f"{document.tier} to long: {numbers}")
    return _judge_short(document, policy) if document.tier == "short" else _judge_idle(document, policy, now)


def _judge_short(document: Document, policy: TierPolicy) -> TierChange | None:
    uses = sum(at > document.tier_since for at in document.uses.recent) if document.uses else 0
    confirmed = sum(each.ended_at > document.tier_since for each in document.confirmations)
    if document.is_lesson or confirmed or uses >= policy.promotion_uses:
        reason = f"since then used {uses} times (needs {policy.promotion_uses}), confirmed {confirmed} times (needs 1)"
        return TierChange("intermediate", f"short to intermediate: {reason}")
    return None


def _judge_idle(document: Document, policy: TierPolicy, now: datetime) -> TierChange | None:
    days = _days(now - _last_seen(document))
    if document.is_lesson or days <= policy.idle_days:
        return None
    reason = f"not written, used or confirmed for {days:.0f} days (limit {policy.idle_days:g})"
    return TierChange("short", f"intermediate to short: {reason}")


def _last_seen(document: Document) -> datetime:
    confirmed = [each.ended_at for each in document.confirmations]
    used = document.uses.recent if document.uses else ()
    return max([document.written_at, *confirmed, *used])


def _days(span: timedelta) -> float:
    return span.total_seconds() / 86_400
