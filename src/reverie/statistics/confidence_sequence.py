"""An interval for the mean effect in a live trial that holds at every look at once."""

import math


def confidence_sequence(
    n: int, total: float, squares: float, alpha: float = 0.05, tightest_at: int = 400
) -> tuple[float, float]:
    """The two-sided asymptotic confidence sequence of the running mean of scores, within [-1, 1].

    Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024): the Gaussian mixture boundary with the estimated variance. It
    speaks of the mean of the effects of the sessions so far, which may drift. Its promise is one of many sessions: in
    simulation with 0/1 rewards it errs ever in less than α (docs/live-proof-figures.md); what has to be exact is
    decided by :class:`~reverie.statistics.capital.Capital`. So that a few equal scores do not make an interval without
    width, the variance is that of the scores and one more at distance 1 from their mean.

    Args:
        n: sessions; ``total`` and ``squares`` are Σφ and Σφ² over them.
        alpha: how often it may ever miss.
        tightest_at: the n at which it is as narrow as can be; to be fixed before the trial.

    Returns:
        The lower and the upper end; (-1, 1) below two sessions.

    Raises:
        ValueError: alpha is not strictly between 0 and 1, or a count is negative or nought.
    """
    if n < 2:
        return -1.0, 1.0
    mean = total / n
    variance = (max(squares - total * mean, 0.0) + 1) / n
    half = half_width(n, variance, alpha, tightest_at)
    return max(min(mean - half, 1.0), -1.0), min(max(mean + half, -1.0), 1.0)


def half_width(n: int, variance: float, alpha: float, tightest_at: int) -> float:
    """Half the width at ``n`` scores of that variance, before it is cut to [-1, 1]."""
    precision = mixture_precision(alpha, tightest_at)
    time = n + precision
    return math.sqrt(variance * time * math.log(time / (precision * alpha**2))) / n


def mixture_precision(alpha: float, tightest_at: int) -> float:
    """The precision of the mixture that makes the boundary least at ``tightest_at``: n/x with x = log((1 + x)/α²).

    Raises:
        ValueError: alpha is not strictly between 0 and 1, or ``tightest_at`` is not positive.
    """
    if not (0 < alpha < 1 and tightest_at > 0):
        raise ValueError(f"alpha {alpha} must lie strictly between 0 and 1, and tightest_at {tightest_at} above 0")
    level = -2 * math.log(alpha)
    x = level + math.log1p(level)
    for _ in range(_STEPS):
        x -= (x - math.log1p(x) - level) * (1 + x) / x
    return tightest_at / x


_STEPS = 8
"""Of Newton's method, which is convex here and starts close."""
