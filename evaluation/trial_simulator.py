"""What the statistics of live trials hold and find where the truth is known.

``python -m evaluation.trial_simulator [--trials 2000] [--seed 1] [--json]`` prints the tables of
docs/live-proof-figures.md. A share found in few trials says little: of 200, one of 3 % is known to within 2.4 points.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import click
import msgspec
import numpy as np

from evaluation.trial_worlds import Sample, TrialWorld, draw, draw_batch
from reverie.statistics.capital import BETS
from reverie.statistics.change_detection import RUN_LENGTH
from reverie.statistics.confidence_sequence import half_width
from reverie.statistics.corpus import Flags, Floats, Ints
from reverie.statistics.distributions import normal_isf
from reverie.statistics.e_values import e_benjamini_hochberg

LOOKS = (100, 200, 400, 800, 1_600)
ALPHA = 0.05
FREEZE_AT = 100.0
NEVER = 10**9
Path = Callable[[Sample, float], Floats]
"""From trials and a share staked (below 0: on harm) to the logarithm of its capital after each session."""


class Row(msgspec.Struct, frozen=True):
    """One line of the table: in which share of the trials something was called by so many sessions."""

    group: str
    name: str
    by: tuple[float, ...] = ()
    """For each of :data:`LOOKS`."""
    median: float | None = None
    """Sessions until it was called; None if it was not in half of the trials."""
    asked: str = ""
    kept: bool | None = None
    """Whether what was asked is so; None if nothing was."""


# How scores are counted that are not there at once.


def in_order(sample: Sample, bet: float) -> Floats:
    """As if every score were there at once."""
    return np.cumsum(np.log(1 + bet * sample.stakes), axis=1)


def arrived_only(sample: Sample, bet: float) -> Floats:
    """What is there, whichever it is: wrong where what is late depends on the arm."""
    return np.cumsum(_when_there(np.log(1 + bet * sample.stakes), sample.lag), axis=1)


def unbroken_prefix(sample: Sample, bet: float) -> Floats:
    """Up to the first session whose score is open."""
    sessions = sample.lag.shape[1]
    there = np.maximum.accumulate(sample.lag + np.arange(sessions), axis=1)
    resolved = np.array([np.searchsorted(row, np.arange(sessions), side="right") for row in there])
    from_none = np.pad(in_order(sample, bet), ((0, 0), (1, 0)))
    return np.asarray(np.take_along_axis(from_none, resolved, 1), np.float64)


def imputed_against(sample: Sample, bet: float) -> Floats:
    """Open sessions as if they spoke for the lesson as much as they can; for bets on harm."""
    best = np.log(1 + bet * sample.best_stakes)
    return np.cumsum(best + _when_there(np.log(1 + bet * sample.stakes) - best, sample.lag), axis=1)


def _when_there(values: Floats, lag: Ints) -> Floats:
    moved = np.zeros(values.shape)
    for after in np.unique(lag).tolist():
        moved[:, after:] += np.where(lag == after, values, 0.0)[:, : values.shape[1] - after]
    return moved


def e_values(sample: Sample, sign: int, path: Path = in_order) -> Floats:
    """The evidence after each session: what ``Capital`` says, for all trials at once."""
    return np.asarray(sum(np.exp(path(sample, sign * bet)) for bet in BETS), np.float64) / len(BETS)


def ratio_e_values(sample: Sample) -> tuple[Floats, Floats]:
    """What ``Ratio`` says of the draws and of missing scores after each session."""
    p = sample.probability
    surprises = (sample.shown - p) / p, (p - sample.shown) / (1 - p)

    def evidence(counted: Flags | int) -> Floats:
        bets = (np.exp(np.cumsum(np.log(1 + bet * won * counted), axis=1)) for bet in BETS for won in surprises)
        return np.asarray(sum(bets), np.float64) / (2 * len(BETS))

    return evidence(1), evidence(~sample.known)


def intervals(sample: Sample) -> tuple[Floats, Floats]:
    """Middle and half the width of ``confidence_sequence`` after each session, before it is cut to [-1, 1]."""
    phi = sample.stakes / sample.reach
    n = np.arange(1, phi.shape[1] + 1)
    mean = np.cumsum(phi, axis=1) / n
    variance = (np.maximum(np.cumsum(phi**2, axis=1) - n * mean**2, 0) + 1) / n
    unit = np.array([half_width(int(size), 1.0, ALPHA, 400) for size in n])
    return mean, np.where(n < 2, np.inf, unit * np.sqrt(variance))


def z_scores(sample: Sample) -> Floats:
    """The mean score divided by its standard error after each session; 0 before the tenth."""
    phi = sample.stakes / sample.reach
    n = np.arange(1, phi.shape[1] + 1)
    mean = np.cumsum(phi, axis=1) / n
    variance = np.maximum(np.cumsum(phi**2, axis=1) / n - mean**2, 1e-9)
    return np.where(n < 10, 0.0, mean / np.sqrt(variance / n))


def first(called: Flags) -> Ints:
    """The session, from 1, after which something was first called in each trial."""
    return np.where(called.any(axis=1), called.argmax(axis=1) + 1, NEVER)


# The rows.


def harm_by_capital(sample: Sample, path: Path = in_order) -> Ints:
    """When each trial is rolled back."""
    return first(e_values(sample, -1, path) >= 1 / ALPHA)


def harm_by_either(sample: Sample) -> Ints:
    """When the unbroken prefix says so or all with open ones against: neither is above what the true capital was."""
    return np.minimum(harm_by_capital(sample, unbroken_prefix), harm_by_capital(sample, imputed_against))


def harm_by_interval(sample: Sample) -> Ints:
    """When the interval first lies below 0."""
    mean, half = intervals(sample)
    return first(mean + half < 0)


def either_by_interval(sample: Sample) -> Ints:
    """When the interval first misses 0."""
    mean, half = intervals(sample)
    return first(np.abs(mean) > half)


def harm_by_z(sample: Sample, only_at: int | None = None) -> Ints:
    """When a one-sided z-test is first passed: looked at after each session, or after one alone."""
    passed = z_scores(sample) < -float(normal_isf(ALPHA))
    if only_at is not None:
        passed &= np.arange(1, passed.shape[1] + 1) == only_at
    return first(passed)


def frozen_for_draws(sample: Sample) -> Ints:
    """When a trial is frozen since arms are not drawn as logged."""
    return first(ratio_e_values(sample)[0] >= FREEZE_AT)


def frozen_for_missing(sample: Sample) -> Ints:
    """When a trial is frozen since more scores are missing in one arm."""
    return first(ratio_e_values(sample)[1] >= FREEZE_AT)


Rule = Callable[[Sample], Ints]
PREFIX, AGAINST, ARRIVED = (
    partial(harm_by_capital, path=path) for path in (unbroken_prefix, imputed_against, arrived_only)
)
_RAMP = ((0, 0.1), (100, 0.25), (300, 0.5))
_ALL = TrialWorld(ramp=_RAMP, missing=0.2, drift=0.3, late=0.3, others=(0.1, -0.15, 0.0, 0.0))
NULLS: tuple[tuple[str, TrialWorld, Rule], ...] = (
    ("as in the table of power", TrialWorld(), harm_by_capital),
    ("base 0.85", TrialWorld(base=0.85), harm_by_capital),
    ("not adjusted", TrialWorld(adjusted=False), harm_by_capital),
    ("holdback: shown in 90 %", TrialWorld(probability=0.9), harm_by_capital),
    ("ramp: shown in 10, 25, 50 %", TrialWorld(ramp=_RAMP), harm_by_capital),
    ("20 % of scores missing", TrialWorld(missing=0.2), harm_by_capital),
    ("base falls by 0.3", TrialWorld(drift=0.3), harm_by_capital),
    ("five trials at once", TrialWorld(others=(0.1, -0.15, 0.0, 0.0)), harm_by_capital),
    *(
        (f"all of these at once, {how}", _ALL, rule)
        for how, rule in (("unbroken prefix", PREFIX), ("open ones against", AGAINST))
    ),
    ("30 % of scores late, unbroken prefix", TrialWorld(late=0.3), PREFIX),
    ("30 % of scores late, open ones against", TrialWorld(late=0.3), AGAINST),
    ("successes if shown late, unbroken prefix", TrialWorld(late_successes=True), PREFIX),
    ("successes if shown late, open ones against", TrialWorld(late_successes=True), AGAINST),
    ("30 % of scores late, either", TrialWorld(late=0.3), harm_by_either),
    ("successes if shown late, either", TrialWorld(late_successes=True), harm_by_either),
)
POWER: tuple[tuple[str, TrialWorld, Rule], ...] = (
    ("effect +0.05", TrialWorld(0.05), harm_by_capital),
    *((f"effect −{size:.2f}", TrialWorld(-size), harm_by_capital) for size in (0.05, 0.10, 0.15, 0.20, 0.30)),
    ("effect −0.15, not adjusted", TrialWorld(-0.15, adjusted=False), harm_by_capital),
    ("effect −0.15, base 0.85", TrialWorld(-0.15, base=0.85), harm_by_capital),
    ("effect −0.15, shown in 90 %", TrialWorld(-0.15, probability=0.9), harm_by_capital),
    ("effect −0.30, shown in 90 %", TrialWorld(-0.30, probability=0.9), harm_by_capital),
    ("effect −0.20, successes if shown late, unbroken prefix", TrialWorld(-0.20, late_successes=True), PREFIX),
    ("effect −0.20, successes if shown late, open ones against", TrialWorld(-0.20, late_successes=True), AGAINST),
    ("effect −0.20, 30 % late, unbroken prefix", TrialWorld(-0.20, late=0.3), PREFIX),
    ("effect −0.20, 30 % late, open ones against", TrialWorld(-0.20, late=0.3), AGAINST),
    ("effect −0.20, successes if shown late, either", TrialWorld(-0.20, late_successes=True), harm_by_either),
    ("effect −0.20, 30 % late, either", TrialWorld(-0.20, late=0.3), harm_by_either),
)
FREEZES: tuple[tuple[str, TrialWorld, Rule], ...] = (
    ("drawn as logged", TrialWorld(), frozen_for_draws),
    ("20 % of scores missing in both arms", TrialWorld(missing=0.2), frozen_for_missing),
    ("shown in 60 %, logged as 50 %", TrialWorld(drawn_at=0.6), frozen_for_draws),
    ("20 % of scores missing, 35 % if shown", TrialWorld(missing=0.2, missing_if_shown=0.15), frozen_for_missing),
)
CONTRAST: tuple[tuple[str, TrialWorld, Rule], ...] = (
    ("no effect, successes if shown late, only what arrived", TrialWorld(late_successes=True), ARRIVED),
    ("no effect, 50 users, each in one arm for 32 sessions", TrialWorld(user_sessions=32), harm_by_capital),
    ("no effect, z-test after each session", TrialWorld(), harm_by_z),
    ("no effect, z-test at 400 alone", TrialWorld(), partial(harm_by_z, only_at=400)),
    ("effect −0.15, z-test at 400 alone", TrialWorld(-0.15), partial(harm_by_z, only_at=400)),
    ("no effect, interval misses 0", TrialWorld(), either_by_interval),
    ("no effect, interval misses 0, shown in 90 %", TrialWorld(probability=0.9), either_by_interval),
    ("no effect, interval misses 0, base 0.95", TrialWorld(base=0.95), either_by_interval),
    ("effect −0.15, interval below 0", TrialWorld(-0.15), harm_by_interval),
)
ASKED: dict[str, tuple[str, Callable[[Row], bool]]] = {
    "drawn as logged": ("≤ 1 %", lambda row: row.by[-1] <= 1 / FREEZE_AT),
    "20 % of scores missing in both arms": ("≤ 1 %", lambda row: row.by[-1] <= 1 / FREEZE_AT),
    "effect −0.15": ("≥ 75 % by 400, ≥ 95 % by 800", lambda row: row.by[2] >= 0.75 and row.by[3] >= 0.95),
    "effect −0.30": ("median ≤ 100", lambda row: row.median is not None and row.median <= 100),
}
FALSE_GROUP = "false rollback"
GROUPS = ((FALSE_GROUP, NULLS), ("rollback", POWER), ("freeze", FREEZES), ("for contrast", CONTRAST))


def row_of(group: str, name: str, world: TrialWorld, rule: Rule, trials: int, seed: int) -> Row:
    """One line: trials of the world, in parts that fit the memory."""
    generator = np.random.default_rng([seed, len(group), *name.encode()])
    parts = [min(_PART, trials - start) for start in range(0, trials, _PART)]
    called = np.concatenate([rule(draw(world, part, generator)) for part in parts])
    median = median_of(called)
    row = Row(group, name, tuple(float((called <= look).mean()) for look in LOOKS), median if median < NEVER else None)
    if group == FALSE_GROUP:
        return msgspec.structs.replace(row, asked="≤ 5 %", kept=row.by[-1] <= ALPHA)
    asked, test = ASKED.get(name, ("", None))
    return msgspec.structs.replace(row, asked=asked, kept=test(row) if test else None)


def median_of(called: Ints) -> float:
    """The session by which half of the trials had it; :data:`NEVER` or near it if these never come to be half."""
    return float(np.quantile(called, 0.5, method="higher"))


_PART = 500


def rows_of(trials: int, seed: int) -> Iterator[Row]:
    """The lines of all groups."""
    for group, lines in GROUPS:
        for name, world, rule in lines:
            yield row_of(group, name, world, rule, trials, seed)


# Adoption, and what comes after.


class Figure(msgspec.Struct, frozen=True):
    """One number beside the table."""

    name: str
    value: float
    asked: str = ""
    kept: bool | None = None


BATCH = (*(0.15,) * 5, *(0.0,) * 15)
"""Effects of the lessons of a batch."""
DISCOVERY_RATE = 0.1
LEAST_EFFECT = 0.05
_EVERY = 25
"""Sessions between two looks at a batch."""


def adoptions(batches: int, generator: np.random.Generator) -> Flags:
    """Which lessons are adopted within 1,600 sessions, batches × lessons."""
    sample = draw_batch(BATCH, batches, LOOKS[-1], generator)
    looks = slice(_EVERY - 1, None, _EVERY)
    mean, half = intervals(sample)
    shape = (batches, len(BATCH), -1)
    benefit, harm, low, high = (
        each[:, looks].reshape(shape) for each in (e_values(sample, 1), e_values(sample, -1), mean - half, mean + half)
    )
    over = (harm >= 1 / ALPHA) | (high < LEAST_EFFECT)
    return np.array([adopt(*one) for one in zip(benefit, low > 0, over, strict=True)])


def adopt(benefit: Floats, better: Flags, over: Flags) -> Flags:
    """The decisions on a batch, look by look (lessons × looks): which are adopted in the end.

    The e-value of a lesson stays as it is when it is adopted. One whose trial is over otherwise, or whose interval does
    not lie above 0, counts as 0: left out after the test instead, it would have helped others to pass.
    """
    kept = np.zeros(len(benefit))
    adopted, running = np.zeros(len(benefit), bool), np.ones(len(benefit), bool)
    for now, above, ends in zip(benefit.T, better.T, over.T, strict=True):
        candidates = np.where(adopted, kept, np.where(running & above, now, 0.0))
        new = np.array(e_benjamini_hochberg(candidates.tolist(), DISCOVERY_RATE)) & running
        kept = np.where(new, now, kept)
        adopted |= new
        running &= ~(new | ends)
    return adopted


def adoption_figures(batches: int, seed: int) -> Iterator[Figure]:
    """Realised false discovery rate and power of adoption."""
    generator = np.random.default_rng([seed, 1])
    part = _PART // len(BATCH)
    adopted = np.concatenate([
        adoptions(min(part, batches - start), generator) for start in range(0, batches, part)
    ])  # fmt: skip
    true = np.array(BATCH) > 0
    rate = float((adopted[:, ~true].sum(1) / np.maximum(adopted.sum(1), 1)).mean())
    yield Figure("adoption: false discovery rate", rate, "≤ 0.10", rate <= DISCOVERY_RATE)
    yield Figure("adoption: share of lessons worth +0.15 that are adopted by 1,600", float(adopted[:, true].mean()))


def alarms(sample: Sample, run_length: float = RUN_LENGTH) -> Ints:
    """When ``Detector`` alarms, for all trials at once."""
    stakes, bets = np.ascontiguousarray(sample.stakes.T)[:, :, None], np.array(BETS)
    sums = np.zeros((stakes.shape[1], len(BETS)))
    alarm = np.full(len(sums), NEVER)
    for at, now in enumerate(stakes):
        sums = np.minimum((sums + (now != 0)) * (1 - bets * now), 1e300)
        alarm[(alarm == NEVER) & (sums.sum(axis=1) >= run_length * len(BETS))] = at + 1
    return alarm


def detector_figures(trials: int, seed: int) -> Iterator[Figure]:
    """Run length without an effect, and delay after a lesson that was good turns bad."""
    generator, part, watched = np.random.default_rng([seed, 2]), 100, 40_000
    world = TrialWorld(probability=0.9, sessions=watched)
    calm = np.concatenate([
        alarms(draw(world, min(part, trials - start), generator)) for start in range(0, trials, part)
    ])  # fmt: skip
    length = np.minimum(calm, watched)
    error = float(length.std()) / trials**0.5
    mean = float(length.mean())
    yield Figure("detector: sessions until a false alarm, mean", mean, "≥ 10,000 up to chance", mean + 2 * error >= 1e4)
    yield Figure("detector: twice the standard error of that mean", 2 * error)
    for look in (1_000, 5_000, 10_000, 20_000):
        yield Figure(f"detector: share with a false alarm by {look:,}", float((calm <= look).mean()))
    rules: dict[str, Rule] = {
        "detector": alarms,
        "detector with a run length of 100,000": partial(alarms, run_length=100_000),
        "harm since the start": harm_by_capital,
    }
    for hidden in (0.1, 0.05):
        world = TrialWorld(-0.15, probability=1 - hidden, changed_at=1_000, effect_before=0.1, sessions=5_000)
        sample = draw(world, min(trials, _PART), np.random.default_rng([seed, 3]))
        for name, rule in rules.items():
            called = rule(sample)
            delay = median_of(called[called > world.changed_at]) - world.changed_at
            yield Figure(f"{name}: median delay after +0.10 turned −0.15 at 1,000, {hidden:.0%} hidden", delay)


def table(rows: Sequence[Row], figures: Sequence[Figure]) -> str:
    """Both in Markdown."""
    head = f"| | | {' | '.join(f'{look:,}' for look in LOOKS)} | median | asked | |\n|{' --- |' * 10}\n"
    lines = [
        f"| {row.group} | {row.name} | {' | '.join(f'{share:.3f}' for share in row.by)} | "
        f"{'–' if row.median is None else f'{row.median:,.0f}'} | {row.asked} | {_verdict(row.kept)} |"
        for row in rows
    ]
    more = [f"| {each.name} | {_number(each.value)} | {each.asked} | {_verdict(each.kept)} |" for each in figures]
    return head + "\n".join(lines) + "\n\n| | figure | asked | |\n|" + " --- |" * 4 + "\n" + "\n".join(more)


def _number(value: float) -> str:
    if value >= NEVER / 2:
        return "never"
    return f"{value:.3f}" if value < 10 else f"{value:,.0f}"


def _verdict(kept: bool | None) -> str:
    return "" if kept is None else "kept" if kept else "**not kept**"


def main() -> None:
    """Run all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = list(rows_of(given.trials, given.seed))
    fewer = max(given.trials // 2, 10)
    figures = [*adoption_figures(fewer, given.seed), *detector_figures(fewer, given.seed)]
    if given.json:
        click.echo(msgspec.json.encode({"rows": rows, "figures": figures}))
    else:
        click.echo(table(rows, figures))


if __name__ == "__main__":
    main()
