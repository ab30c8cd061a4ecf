"""False discovery control across dreams, which repeat for ever: SAFFRON over the claims that reach confirmation.

Every claim that a store's dreams bring to confirmation for the first time is one test of a sequence. Its level is

    a_i = min(λ, (1 - λ) (W₀ γ_{i-C₀} + (α - W₀) γ_{i-τ₁-C₁} + α Σ_{j≥2} γ_{i-τⱼ-Cⱼ}))

with τⱼ the tests that were passed so far and Cⱼ how many tests since τⱼ had a p-value of at most λ. Levels shrink with
every large p-value, which is how nothing looks, and recover when something is found (Ramdas, Zrnic, Wainwright &
Jordan 2018; γ as they use it). Claims of one dream enter in the order of their strength in the part that found them,
which says nothing about their confirmation. A claim that was adopted before is not a new test: it is looked at again
at the level of its own dream.
"""

from bisect import bisect_right
from collections.abc import Sequence

import msgspec
import numpy as np

from reverie.statistics.corpus import Floats

_TERMS = 20_000
_SMALL = 0.5
"""λ: a p-value above it is counted as one of nothing."""


class AlphaWealth(msgspec.Struct, frozen=True):
    """What the confirmation tests of a store so far leave to spend on further ones: all that their levels depend on."""

    tests: int = 0
    passed: tuple[int, ...] = ()
    """Positions (from 1) of the tests that were passed."""
    small: tuple[int, ...] = ()
    """Positions of the tests whose p-value was at most λ, passed or not."""
    adopted: frozenset[str] = frozenset()
    """Claims that stand, by label; they spend nothing when looked at again."""
    tried: dict[str, tuple[float, bool]] = {}
    """The latest p-value of every claim tested, and whether it passed: the same evidence is not a new test."""
    outcomes: dict[str, "AlphaWealth"] = {}
    """The wealth of each outcome besides the reward, by name: each is controlled by itself."""


def _gamma() -> Floats:
    weights = np.arange(1, _TERMS + 1, dtype=np.float64) ** -1.6
    return np.asarray(weights / weights.sum(), np.float64)


_GAMMA = _gamma()


def check_claims(
    wealth: AlphaWealth, claims: Sequence[str], p_values: Sequence[float], level: float
) -> tuple[list[bool], AlphaWealth]:
    """:func:`check_p_values` for named claims; those that stand, or whose evidence has not changed, spend nothing."""
    new = [
        k
        for k, claim in enumerate(claims)
        if claim not in wealth.adopted and wealth.tried.get(claim, (-1.0, False))[0] != p_values[k]
    ]
    verdicts, after = check_p_values(wealth, [p_values[k] for k in new], level)
    fresh = dict(zip(new, verdicts, strict=True))
    passes = [
        fresh[k] if k in fresh else claim in wealth.adopted or wealth.tried[claim][1] for k, claim in enumerate(claims)
    ]
    tried = wealth.tried | {claims[k]: (p_values[k], passed) for k, passed in fresh.items()}
    return passes, msgspec.structs.replace(after, tried=tried)


def check_p_values(wealth: AlphaWealth, p_values: Sequence[float], level: float) -> tuple[list[bool], AlphaWealth]:
    """Test ``p_values``, in their order, after those before; which pass, and the wealth after them.

    Args:
        wealth: the tests before; its adopted claims are handed on unchanged.
        p_values: of new claims, in an order that does not depend on them.
        level: the false discovery rate α to keep over all tests there will ever be.
    """
    passed, small = list(wealth.passed), list(wealth.small)
    verdicts = []
    for position, p in enumerate(p_values, start=wealth.tests + 1):
        passes = p <= _level(position, passed, small, level)
        verdicts.append(passes)
        if passes:
            passed.append(position)
        if p <= _SMALL:
            small.append(position)
    after = msgspec.structs.replace(
        wealth, tests=wealth.tests + len(verdicts), passed=tuple(passed), small=tuple(small)
    )
    return verdicts, after


def _level(position: int, passed: Sequence[int], small: Sequence[int], level: float) -> float:
    start = level / 2
    total = start * _weight(position - len(small))
    for number, at in enumerate(passed):
        small_since = len(small) - bisect_right(small, at)
        total += (level - start if number == 0 else level) * _weight(position - at - small_since)
    return min(_SMALL, (1 - _SMALL) * float(total))


def _weight(distance: int) -> float:
    return float(_GAMMA[distance - 1]) if distance <= _TERMS else 0.0
