"""That something got worse some time, unlike before: e-detectors for effects and for rates.

A mean since the start cannot see what changed late. An e-detector begins a bet at *every* session and adds up what
all of them have (Shiryaev-Roberts: S ← (S + 1)·factor). While nothing is wrong the sum grows by at most 1 a session on
average, so alarms at S ≥ N are at least N sessions apart on average; after a change the bets begun near it grow
exponentially (Shin, Ramdas & Rinaldo 2023). The mean over ten bets is an e-detector as well.

Promised: an average run length, of at least N sessions from a start to a false alarm. Not promised: a share of false
alarms over all time, which is 1: whoever watches for ever is alarmed some day. A score that is hardly ever other than
predicted wins and loses nothing, and then the alarm comes after N sessions.
"""

from collections.abc import Iterable

import msgspec

from reverie.statistics.capital import BETS, NOTHING, scaled

RUN_LENGTH = 10_000
_LARGEST = 1e300


class Detector(msgspec.Struct, frozen=True):
    """Watches a lesson after adoption for harm: null "no session since the start had an effect below 0"."""

    sums: tuple[float, ...] = NOTHING
    """S for each of :data:`~reverie.statistics.capital.BETS`."""
    n: int = 0
    """Sessions seen."""

    def add(self, phi: float, probability: float) -> "Detector":
        """With one session more, in the order of their draws.

        Args:
            phi: its :func:`~reverie.statistics.trial_score.trial_score`; 0 if it stays without a score. A score of
                exactly 0 says nothing, and no bet is begun at it.
            probability: p of being shown, as logged with the draw.

        Raises:
            ValueError: p is not strictly between 0 and 1, or the score is larger than p allows.
        """
        stake = scaled(phi, probability)
        return Detector(sums=_grown(self.sums, -stake, 1.0 if phi else 0.0), n=self.n + 1)

    @property
    def value(self) -> float:
        """The mean over bets."""
        return sum(self.sums) / len(self.sums)

    def alarms(self, run_length: float = RUN_LENGTH) -> bool:
        """Whether there is an alarm, if at least ``run_length`` sessions are to pass before a false one on average."""
        return self.value >= run_length


class RateDetector(msgspec.Struct, frozen=True):
    """Watches a rate: null "given those before, every session's mean lies in [low, high]", whatever else it does."""

    low: float
    high: float
    below: tuple[float, ...] = NOTHING
    """S of bets that the rate is below the range."""
    above: tuple[float, ...] = NOTHING
    n: int = 0
    """Sessions seen."""

    def __post_init__(self) -> None:
        """Check the range.

        Raises:
            ValueError: it is empty, or not within [0, 1].
        """
        if not 0 <= self.low <= self.high <= 1:
            raise ValueError(f"the allowed range [{self.low}, {self.high}] must be one within [0, 1]")

    def add(self, rate: float) -> "RateDetector":
        """With one session more: 1 if it showed the behaviour, 0 if not, or a share of its occasions.

        A bet of c is the likelihood ratio of a rate that goes the share c of the way from the border to 0, or to 1. The
        factors are linear in ``rate`` with mean at most 1 wherever the mean is in the range.

        Raises:
            ValueError: the rate is not in [0, 1].
        """
        if not 0 <= rate <= 1:
            raise ValueError(f"a rate is in [0, 1], not {rate}")
        below = _grown(self.below, (self.low - rate) / max(1 - self.low, _RAREST), 1.0) if self.low > 0 else NOTHING
        above = _grown(self.above, (rate - self.high) / max(self.high, _RAREST), 1.0) if self.high < 1 else NOTHING
        return RateDetector(self.low, self.high, below, above, self.n + 1)

    @property
    def value(self) -> float:
        """The mean over bets and over the sides on which the range can be left; 0 if it is all of [0, 1]."""
        sides = (self.low > 0) + (self.high < 1)
        return (sum(self.below) + sum(self.above)) / (max(sides, 1) * len(BETS))

    def alarms(self, run_length: float = RUN_LENGTH) -> bool:
        """Whether there is an alarm, if at least ``run_length`` sessions are to pass before a false one on average."""
        return self.value >= run_length


_RAREST = 0.001
"""Bets on ranges that leave less than this beside them (always, never) are as if it were this, and so stay finite."""


def _grown(sums: Iterable[float], stake: float, begun: float) -> tuple[float, ...]:
    """(S + begun)·(1 + c·stake) for each bet; long after an alarm it stays at the largest number that JSON can hold."""
    return tuple(min((kept + begun) * (1 + bet * stake), _LARGEST) for kept, bet in zip(sums, BETS, strict=True))
