"""Whether a live trial can be trusted at all: sessions drawn as logged, scores missing as often in both arms.

Both are bets like those of :mod:`~reverie.statistics.capital`, in both directions, and may be looked at after every
session: an e-value of 100 comes by chance in at most one trial of 100, ever. The first asks whether arms were drawn
with the logged p; the second whether a score's staying away goes with the arm, and any rate of missing scores that does
not is right by it. Neither sees that other scores are missing in one arm than in the other, if as many are.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from reverie.statistics.capital import BETS, NOTHING, added, added_in_order, exp, log_mean_exp
from reverie.statistics.trial_score import check_probability


class Ratio(msgspec.Struct, frozen=True):
    """What is kept of the draws and of missing scores; sums of logarithms, ten a direction, so that parts add up."""

    shown_more: tuple[float, ...] = NOTHING
    """Bets that arms are shown more often than p says."""
    shown_less: tuple[float, ...] = NOTHING
    missing_more: tuple[float, ...] = NOTHING
    """Bets that more scores are missing where the lesson was shown."""
    missing_less: tuple[float, ...] = NOTHING
    n: int = 0
    """Draws counted."""
    n_shown: int = 0
    """Of these, shown."""
    missing: tuple[int, int] = (0, 0)
    """Sessions that stay without a score: hidden, shown."""

    def add_assignment(self, shown: bool, probability: float) -> "Ratio":
        """With one draw more.

        Raises:
            ValueError: p is not strictly between 0 and 1.
        """
        more, less = _surprise(shown, probability)
        return msgspec.structs.replace(
            self,
            shown_more=_bet(self.shown_more, more),
            shown_less=_bet(self.shown_less, less),
            n=self.n + 1,
            n_shown=self.n_shown + shown,
        )

    def add_outcome(self, shown: bool, probability: float, missing: bool) -> "Ratio":
        """With one session more whose score has come, or is past its deadline: only the latter changes anything.

        Raises:
            ValueError: p is not strictly between 0 and 1.
        """
        more, less = _surprise(shown, probability)
        if not missing:
            return self
        hidden, seen = self.missing
        return msgspec.structs.replace(
            self,
            missing_more=_bet(self.missing_more, more),
            missing_less=_bet(self.missing_less, less),
            missing=(hidden + (not shown), seen + shown),
        )

    def add_all(self, draws: Sequence[tuple[bool, float, bool]]) -> "Ratio":
        """With sessions more, in their order, each with its arm, its p and whether its score is missing.

        Raises:
            ValueError: a p is not strictly between 0 and 1.
        """
        if not draws:
            return self
        won = np.array([_surprise(shown, probability) for shown, probability, _ in draws])
        logs = np.log1p(won[:, :, None] * np.array(BETS)).reshape(len(draws), -1)
        gone = np.array([[float(missing)] for _, _, missing in draws])
        sums = added_in_order(
            np.array([*self.shown_more, *self.shown_less, *self.missing_more, *self.missing_less]),
            np.hstack([logs, logs * gone]),
        )
        more, less, missing_more, missing_less = (sums[i : i + len(BETS)] for i in range(0, len(sums), len(BETS)))
        hidden, seen = self.missing
        return Ratio(
            shown_more=more,
            shown_less=less,
            missing_more=missing_more,
            missing_less=missing_less,
            n=self.n + len(draws),
            n_shown=self.n_shown + sum(shown for shown, _, _ in draws),
            missing=(
                hidden + sum(missing and not shown for shown, _, missing in draws),
                seen + sum(missing and shown for shown, _, missing in draws),
            ),
        )

    @property
    def e_assignment(self) -> float:
        """Evidence against "each arm was drawn with its logged p"."""
        return exp(log_mean_exp(self.shown_more + self.shown_less))

    @property
    def e_missing(self) -> float:
        """Evidence against "a score stays away as often in both arms"."""
        return exp(log_mean_exp(self.missing_more + self.missing_less))


def merge(first: Ratio, second: Ratio) -> Ratio:
    """What is kept of the sessions of both, which must share none."""
    return Ratio(
        shown_more=added(first.shown_more, second.shown_more),
        shown_less=added(first.shown_less, second.shown_less),
        missing_more=added(first.missing_more, second.missing_more),
        missing_less=added(first.missing_less, second.missing_less),
        n=first.n + second.n,
        n_shown=first.n_shown + second.n_shown,
        missing=(first.missing[0] + second.missing[0], first.missing[1] + second.missing[1]),
    )


def _surprise(shown: bool, probability: float) -> tuple[float, float]:
    """What is won per share staked on "shown more" and on "shown less": (A − p)/p and (p − A)/(1 − p).

    Neither is below −1. A share c is the likelihood ratio of p + c·(1 − p), or of p − c·p.
    """
    check_probability(probability)
    return (shown - probability) / probability, (probability - shown) / (1 - probability)


def _bet(sums: tuple[float, ...], won: float) -> tuple[float, ...]:
    return tuple(kept + math.log1p(bet * won) for kept, bet in zip(sums, BETS, strict=True))
