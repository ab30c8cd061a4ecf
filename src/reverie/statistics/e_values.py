"""Which of several e-values are discoveries."""

from collections.abc import Sequence


def e_benjamini_hochberg(e_values: Sequence[float], level: float) -> list[bool]:
    """Those among the k largest, for the largest k whose k-th largest of m is at least m/(k·level): e-BH.

    The expected share of nulls among them is at most ``level`` *however* the e-values depend on each other (Wang &
    Ramdas 2022), which lessons tried in the same sessions need. An e-value frozen when its trial stopped is still one.
    Where more is asked of a discovery than its e-value, set the e-values of those that do not meet it to 0 *before*:
    striking them from the answer would leave too few discoveries for the e-values of the others. Then a batch that is
    looked at again and again keeps the rate too, if what was adopted stays in it with the e-value that it had.

    Args:
        e_values: one a hypothesis, of the batch fixed beforehand; 0 or more, infinite allowed.
        level: the false discovery rate to keep.

    Raises:
        ValueError: an e-value is negative or NaN, or the level is not strictly between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"the false discovery rate {level} must lie strictly between 0 and 1")
    if not all(e >= 0 for e in e_values):
        raise ValueError(f"e-values are 0 or more, not {min(e_values)}")
    size = len(e_values)
    ranked = sorted(e_values, reverse=True)
    least = [e for k, e in enumerate(ranked, start=1) if k * level * e >= size]
    return [bool(least) and e >= least[-1] for e in e_values]
