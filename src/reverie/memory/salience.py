"""What moves a memory beside its relevance: salience = relevance × activation × impact."""

from reverie.memory.policy import SaliencePolicy

_BYTES_PER_TOKEN = 4


def certain_effect(low: float, high: float) -> float:
    """The end of an effect's interval that is nearer to zero, without its sign; 0 where the interval holds zero.

    A warning counts like a recommendation: it is the size that says how much heeding the lesson matters.
    """
    return max(low, -high, 0.0)


def impact(effect: float, policy: SaliencePolicy) -> float:
    """The factor ``1 + impact_weight × effect``: 1, neutral, for what no dream has measured (``effect`` 0)."""
    return 1 + policy.impact_weight * effect


def shown_tokens(content_size_bytes: int) -> int:
    """How many tokens a content takes to show, at four bytes a token, rounded up."""
    return -(-content_size_bytes // _BYTES_PER_TOKEN)
