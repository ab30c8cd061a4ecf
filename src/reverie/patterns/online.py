"""False discovery control across dreams, which repeat for ever: LORD++ over the claims that reach confirmation.

Every claim that a store's dreams bring to confirmation for the first time is one test of a stream. Its level is

    a_i = γ_i W₀ + (α - W₀) γ_{i-τ₁} + α Σ_{j≥2} γ_{i-τⱼ}

with τⱼ the tests that were passed so far, so that levels shrink while nothing is found and recover when something is
(Ramdas, Yang, Wainwright & Jordan 2017). Claims of one dream enter in the order of their strength in the discovery
part, which says nothing about their confirmation. A claim that was adopted before is not a new test: it is looked at
again at the level of its own dream.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from reverie.patterns.corpus import Floats

_TERMS = 20_000


class Stream(msgspec.Struct, frozen=True):
    """The confirmation tests of a store so far."""

    tests: int = 0
    passed: tuple[int, ...] = ()
    """Positions (from 1) of the tests that were passed."""
    adopted: frozenset[str] = frozenset()
    """Claims that stand, by label; they spend nothing when looked at again."""
    tried: dict[str, tuple[float, bool]] = {}
    """The latest p-value of every claim tested, and whether it passed: the same evidence is not a new test."""
    outcomes: dict[str, "Stream"] = {}
    """The streams of outcomes besides the reward, by name: each is controlled by itself."""


def _gamma() -> Floats:
    j = np.arange(1, _TERMS + 1, dtype=np.float64)
    weights = np.log(np.maximum(j, 2.0)) / (j * np.exp(np.sqrt(np.log(j))))
    return np.asarray(weights / weights.sum(), np.float64)


_GAMMA = _gamma()


def run_claims(
    stream: Stream, claims: Sequence[str], p_values: Sequence[float], level: float
) -> tuple[list[bool], Stream]:
    """:func:`run_stream` for named claims; those that stand, or whose evidence has not changed, spend nothing."""
    new = [
        k
        for k, claim in enumerate(claims)
        if claim not in stream.adopted and stream.tried.get(claim, (-1.0, False))[0] != p_values[k]
    ]
    verdicts, after = run_stream(stream, [p_values[k] for k in new], level)
    fresh = dict(zip(new, verdicts, strict=True))
    passes = [
        fresh[k] if k in fresh else claim in stream.adopted or stream.tried[claim][1] for k, claim in enumerate(claims)
    ]
    tried = stream.tried | {claims[k]: (p_values[k], passed) for k, passed in fresh.items()}
    return passes, msgspec.structs.replace(after, tried=tried)


def run_stream(stream: Stream, p_values: Sequence[float], level: float) -> tuple[list[bool], Stream]:
    """Test ``p_values``, in their order, after what the stream has seen; which pass, and the stream after them.

    Args:
        stream: the tests before; its adopted claims are handed on unchanged.
        p_values: of new claims, in an order that does not depend on them.
        level: the false discovery rate α to keep over the whole stream.
    """
    passed = list(stream.passed)
    verdicts = []
    for position, p in enumerate(p_values, start=stream.tests + 1):
        passes = p <= _level(position, passed, level)
        verdicts.append(passes)
        if passes:
            passed.append(position)
    after = msgspec.structs.replace(stream, tests=stream.tests + len(verdicts), passed=tuple(passed))
    return verdicts, after


def _level(position: int, passed: Sequence[int], level: float) -> float:
    start = level / 2
    total = start * _weight(position)
    for number, at in enumerate(passed):
        total += (level - start if number == 0 else level) * _weight(position - at)
    return float(total)


def _weight(distance: int) -> float:
    return float(_GAMMA[distance - 1]) if distance <= _TERMS else 0.0
