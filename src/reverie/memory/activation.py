"""How present a memory is: frequency and recency of use, with power-law forgetting.

Anderson & Schooler, "Reflections of the environment in memory", 1991: the odds that a memory is needed are the sum of
``age ** -decay`` over its uses. Petrov, "Computationally efficient approximation of the base-level learning
equation", 2006: the last few uses exactly, the ``n - k`` older ones as if spread evenly between the first use and the
``k``-th last, ``(n - k) (T ** (1 - d) - t ** (1 - d)) / ((1 - d) (T - t))`` with ages ``T`` and ``t``.
"""

import math
from collections.abc import Iterable
from datetime import datetime

import msgspec

from reverie.memory.memory import Tier
from reverie.memory.policy import SaliencePolicy

RECENT_USES = 10
"""How many times of use are kept exactly."""
_DAY_SECONDS = 86_400.0
_YOUNGEST_DAYS = 1 / 24


class UseTrace(msgspec.Struct, frozen=True):
    """How often a memory was recalled, since when, and the latest times, oldest first."""

    use_count: int
    first_at: datetime
    recent: tuple[datetime, ...]


def use_strength(trace: UseTrace, decay: float, now: datetime) -> float:
    """The trace's sum of ``age ** -decay``, ages in days; ``decay`` is below 1."""
    recent = moments_strength(trace.recent, decay, now)
    older = trace.use_count - len(trace.recent)
    if older <= 0:
        return recent
    oldest, youngest = _age(trace.first_at, now), _age(min(trace.recent), now)
    if math.isclose(oldest, youngest):
        return recent + older * float(oldest**-decay)
    spread: float = (oldest ** (1 - decay) - youngest ** (1 - decay)) / ((1 - decay) * (oldest - youngest))
    return recent + older * spread


def moments_strength(moments: Iterable[datetime], decay: float, now: datetime) -> float:
    """The sum of ``age ** -decay`` over moments, ages in days and at least an hour."""
    return math.fsum(_age(moment, now) ** -decay for moment in moments)


def activation(
    tier: Tier,
    written_at: datetime,
    uses: UseTrace | None,
    confirmed_at: Iterable[datetime],
    policy: SaliencePolicy,
    now: datetime,
) -> float:
    """The factor ``1 - activation_weight × (1 - s / (1 + s))``, where ``s`` is the strength of all traces.

    Writing counts as one use, a confirmation as ``confirmed_weight``; the tier chooses the decay.
    """
    decay = {"short": policy.short_decay, "intermediate": policy.intermediate_decay, "long": policy.long_decay}[tier]
    strength = moments_strength([written_at], decay, now)
    strength += policy.confirmed_weight * moments_strength(confirmed_at, decay, now)
    if uses is not None:
        strength += use_strength(uses, decay, now)
    return 1 - policy.activation_weight / (1 + strength)


def _age(moment: datetime, now: datetime) -> float:
    return max((now - moment).total_seconds() / _DAY_SECONDS, _YOUNGEST_DAYS)
