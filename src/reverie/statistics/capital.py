"""Evidence of harm and of benefit in a live trial that may be looked at after every session: capital of fixed bets.

A gambler who stakes the share c·b of what they have on the next score φ, |φ| ≤ 1/b, has Π(1 ± c·b·φ) after n sessions.
If no session has an effect in the direction of the bet, that is a non-negative supermartingale from 1, and reaches 1/α
ever with probability at most α (Ville 1939; bets on bounded means: Waudby-Smith & Ramdas 2024). The mean over ten fixed
shares is one as well, and is near the best of them whatever the effect is. Fixed bets make the capital of a trial a sum
per bet: it does not depend on the order of the sessions, parts add up, and a score can be taken out by adding anew.

Promised: at most α false alarms over all looks, for the null that *every* session's effect is at most 0 (benefit) or at
least 0 (harm), whatever rewards, strata, drift and ramps of p are, if p and m were fixed before each draw and which
scores are counted does not depend on their values. Not promised: anything on the *mean* effect where its sign changes
over time; capital can then grow although the mean is 0. Nor anything where one draw decides over several scores: a user
who keeps an arm for many sessions counts once, with their mean score over a window fixed before.
"""

import math
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from reverie.statistics.corpus import Floats
from reverie.statistics.trial_score import check_probability

BETS: tuple[float, ...] = (0.05, 0.069, 0.095, 0.131, 0.18, 0.248, 0.342, 0.471, 0.653, 0.9)
"""Shares c staked, evenly spaced in logarithms: at p = 1/2 the best ones for effects from about 0.015 to 0.3. Sums that
are kept belong to these bets: whoever changes them has to add up all scores anew."""

NOTHING: tuple[float, ...] = (0.0,) * len(BETS)
_ROUNDING = 1e-9
_LARGEST_EXPONENT = 709.0


class Capital(msgspec.Struct, frozen=True):
    """What is kept of the scores of a trial; ten sums a direction, as of :data:`BETS`."""

    benefit: tuple[float, ...] = NOTHING
    """Σ log(1 + c·b·φ) for each c."""
    harm: tuple[float, ...] = NOTHING
    """Σ log(1 − c·b·φ) for each c."""
    n: int = 0
    """Sessions counted. One that stays without a score is left out: as φ = 0 it would pull the mean towards 0."""
    total: float = 0.0
    """Σ φ."""
    squares: float = 0.0
    """Σ φ²."""

    def add(self, phi: float, probability: float) -> "Capital":
        """With one session more.

        Args:
            phi: its :func:`~reverie.statistics.trial_score.trial_score`.
            probability: p of being shown, as logged with the draw: what is staked may not depend on what came of it.

        Raises:
            ValueError: p is not strictly between 0 and 1, or the score is larger than p allows.
        """
        stake = scaled(phi, probability)
        return Capital(
            benefit=tuple(kept + math.log1p(bet * stake) for kept, bet in zip(self.benefit, BETS, strict=True)),
            harm=tuple(kept + math.log1p(-bet * stake) for kept, bet in zip(self.harm, BETS, strict=True)),
            n=self.n + 1,
            total=self.total + phi,
            squares=self.squares + phi * phi,
        )

    def add_all(self, phis: Sequence[float], probabilities: Sequence[float]) -> "Capital":
        """With n sessions more, in their order: the same to the last bit in whichever parts they are added.

        Raises:
            ValueError: the lengths differ, a p is not strictly between 0 and 1, or a score is larger than p allows.
        """
        if len(phis) != len(probabilities):
            raise ValueError(f"{len(phis)} scores have {len(probabilities)} probabilities")
        stakes = np.array([scaled(phi, p) for phi, p in zip(phis, probabilities, strict=True)]).reshape(-1, 1)
        values = np.array(phis, np.float64).reshape(-1, 1)
        bets = np.array(BETS)
        kept = np.array([*self.benefit, *self.harm, self.total, self.squares])
        new = np.hstack([np.log1p(bets * stakes), np.log1p(-bets * stakes), values, values**2])
        sums = added_in_order(kept, new)
        return Capital(sums[: len(BETS)], sums[len(BETS) : -2], self.n + len(phis), sums[-2], sums[-1])

    @property
    def log_e_benefit(self) -> float:
        """The logarithm of :attr:`e_benefit`; finite always."""
        return log_mean_exp(self.benefit)

    @property
    def log_e_harm(self) -> float:
        """The logarithm of :attr:`e_harm`; finite always."""
        return log_mean_exp(self.harm)

    @property
    def e_benefit(self) -> float:
        """Evidence against "no session had a benefit": 1 at the start, infinite above 1e307."""
        return exp(self.log_e_benefit)

    @property
    def e_harm(self) -> float:
        """Evidence against "no session had a harm", likewise."""
        return exp(self.log_e_harm)


def merge(first: Capital, second: Capital) -> Capital:
    """The capital over the sessions of both, which must share none."""
    return Capital(
        benefit=added(first.benefit, second.benefit),
        harm=added(first.harm, second.harm),
        n=first.n + second.n,
        total=first.total + second.total,
        squares=first.squares + second.squares,
    )


def capital_of(phis: Floats, probabilities: Floats) -> Capital:
    """The capital over n scores and their n probabilities of being shown.

    Raises:
        ValueError: the lengths differ, a p is not strictly between 0 and 1, or a score is larger than its p allows.
    """
    return Capital().add_all(phis.tolist(), probabilities.tolist())


def added_in_order(kept: Floats, new: Floats) -> tuple[float, ...]:
    """Column by column, the sum that was kept (k) and the n rows (n × k) that follow, one after another."""
    return tuple(np.cumsum(np.vstack([kept, new]), axis=0)[-1].tolist())


def scaled(phi: float, probability: float) -> float:
    """b·φ in [-1, 1], with b = min(p, 1 − p).

    Raises:
        ValueError: p is not strictly between 0 and 1, or the score is larger than p allows, or not a number.
    """
    check_probability(probability)
    stake = phi * min(probability, 1 - probability)
    if not abs(stake) <= 1 + _ROUNDING:
        raise ValueError(f"score {phi} is impossible at a probability of {probability}: was p logged with the draw?")
    return min(max(stake, -1.0), 1.0)


def log_mean_exp(logs: Sequence[float]) -> float:
    """log of the mean of exp(x), without overflow."""
    largest = max(logs)
    return largest + math.log(sum(math.exp(each - largest) for each in logs) / len(logs))


def exp(log: float) -> float:
    """e to that power; infinite where a float ends, instead of an error."""
    return math.exp(log) if log < _LARGEST_EXPONENT else math.inf


def added(first: Iterable[float], second: Iterable[float]) -> tuple[float, ...]:
    """Sum by sum."""
    return tuple(a + b for a, b in zip(first, second, strict=True))
