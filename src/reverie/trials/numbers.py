"""The numbers of a trial as they are told, stored and sent."""

import msgspec

LARGEST = 1e300
"""E-values are told as this at most: JSON has no infinity."""
_LONG = 1e6


class Numbers(msgspec.Struct, frozen=True):
    """Where a trial stands."""

    sessions: int
    """Of the unbroken prefix."""
    shown: int
    hidden: int
    waiting: int
    """Sessions whose outcome is not known yet, or comes after one that is not."""
    missing: tuple[int, int]
    """Sessions without a score, of the hidden and of the shown arm."""
    reward_hidden: float | None
    reward_shown: float | None
    effect: float | None
    """Mean over the scored sessions of the prefix: shown minus hidden, in reward."""
    low: float
    high: float
    """95 % asymptotic confidence sequence of the running mean effect."""
    e_benefit: float
    e_harm: float
    """Of the prefix, or of all with the open sessions counted against rolling back, whichever is more: neither is ever
    more than what it would have been with every score known."""
    e_assignment: float
    e_missing: float
    detector: float | None = None
    """Of an adopted subject: it is rolled back where this reaches the run length."""
    guardrails: dict[str, float] = {}
    """E-value of each guardrail, by measure."""


def writable(value: float) -> float:
    """An e-value, or a detector, that JSON can hold."""
    return min(value, LARGEST)


def in_words(e_value: float) -> str:
    """An e-value in a sentence."""
    return f"{e_value:.0f}" if e_value < _LONG else f"{e_value:.0e}"
