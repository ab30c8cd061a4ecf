"""What one session of a live trial says of the effect of what the trial shows."""


def trial_score(shown: bool, probability: float, reward: float, predicted: float) -> float:
    """The score φ = (A/p − (1−A)/(1−p))·(Y − m), whose mean given the past is the session's effect.

    Unbiased whatever m is, as long as m and p were fixed before the arm was drawn: augmented inverse probability
    weighting with one prediction for both arms (Robins, Rotnitzky & Zhao 1994). A good m makes it narrower. It lies
    within ±1/min(p, 1−p), and is a difference of rewards: in [-1, 1] on average.

    Args:
        shown: A, whether the session was drawn to be shown the lesson; not whether it read it.
        probability: p of being shown, as it was logged with the draw.
        reward: Y in [0, 1].
        predicted: m in [0, 1], from earlier sessions alone.

    Raises:
        ValueError: p is not strictly between 0 and 1, or a reward lies outside [0, 1]. NaN is outside.
    """
    check_probability(probability)
    if not (0 <= reward <= 1 and 0 <= predicted <= 1):
        raise ValueError(f"reward {reward} and predicted reward {predicted} must lie in [0, 1]: scale the outcome")
    return (reward - predicted) / (probability if shown else probability - 1)


def check_probability(probability: float) -> None:
    """Refuse a probability of being shown that leaves nothing to compare.

    Raises:
        ValueError: it is not strictly between 0 and 1.
    """
    if not 0 < probability < 1:
        raise ValueError(f"the probability of being shown is {probability}: it must lie strictly between 0 and 1")
