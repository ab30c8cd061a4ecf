"""How long charters are quiet while a behaviour keeps to its range, and how soon they tell when it does not.

``python -m evaluation.charter_runs`` prints the tables of ``docs/charter.md``: simulated sessions that show a behaviour
or not, with the detector of the library (a test holds the two equal), in arrays of many runs at once.
"""

from collections.abc import Sequence

import click
import msgspec
import numpy as np

from reverie.statistics.capital import BETS

RUN_LENGTH = 10_000
LOW = 0.95
QUIET = 500
"""Sessions at the rate of before, until it changes."""
BEFORE = 0.97
RUNS = 2_000
LONGEST = 3_000


class Delay(msgspec.Struct, frozen=True):
    """Sessions from a change to the alarm."""

    rate: float
    median: float
    ninetieth: float
    missed: float
    """Share of runs without an alarm by the end."""


def first_alarms(rates: Sequence[float], runs: int, run_length: float, generator: np.random.Generator) -> np.ndarray:
    """The session of the first alarm of each run, from 1; 0 for a run without one.

    Args:
        rates: the chance that a session shows the behaviour, for each session in order.
    """
    bets = np.array(BETS)[:, None]
    sums, alarmed = np.zeros((len(BETS), runs)), np.zeros(runs, np.int64)
    for session, rate in enumerate(rates, 1):
        shown = generator.random(runs) < rate
        sums = np.minimum((sums + 1) * (1 + bets * (LOW - shown) / (1 - LOW)), 1e300)
        alarmed[(alarmed == 0) & (sums.mean(axis=0) >= run_length)] = session
    return alarmed


def false_share(rate: float, sessions: int, runs: int, seed: int, run_length: float = RUN_LENGTH) -> float:
    """The share of runs with an alarm though the rate is in its range throughout."""
    return float((first_alarms([rate] * sessions, runs, run_length, np.random.default_rng(seed)) > 0).mean())


def delay(rate: float, runs: int, seed: int, run_length: float = RUN_LENGTH) -> Delay:
    """How long a change from :data:`BEFORE` to ``rate`` takes to be told, in runs without an earlier alarm."""
    path = [BEFORE] * QUIET + [rate] * LONGEST
    alarmed = first_alarms(path, runs, run_length, np.random.default_rng(seed))
    later = alarmed[(alarmed == 0) | (alarmed > QUIET)]
    waits = np.where(later == 0, np.inf, later - QUIET)
    middle, ninetieth = np.quantile(waits, [0.5, 0.9], method="inverted_cdf")
    return Delay(rate, float(middle), float(ninetieth), float(np.isinf(waits).mean()))


def main() -> None:
    """Print both tables."""
    for run_length in (1_000, 10_000):
        click.echo(f"run length {run_length:,}, at least {LOW}")
        for rate in (0.95, 0.97, 0.99):
            shares = [false_share(rate, sessions, RUNS, 1, run_length) for sessions in (500, 2_000, 5_000)]
            told = ", ".join(f"{one:.1%}" for one in shares)
            click.echo(f"  rate {rate}: alarms within 500, 2,000, 5,000 sessions: {told}")
        for rate in (0.93, 0.90, 0.85, 0.70, 0.50):
            one = delay(rate, RUNS, 2, run_length)
            click.echo(f"  {BEFORE} → {rate}: median {one.median:.0f}, 90 % {one.ninetieth:.0f}, none {one.missed:.1%}")


if __name__ == "__main__":
    main()
