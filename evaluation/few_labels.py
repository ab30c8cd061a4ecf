"""Coverage and width of prediction-powered intervals: worlds with a known effect, 40 labels of 2,000 sessions.

``python -m evaluation.few_labels [--runs 2000]`` prints the table of docs/evaluation.md.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click
import numpy as np

from reverie.statistics.corpus import Codes, Flags, Floats
from reverie.statistics.prediction_powered import LabelledEffect, Labels, estimate_effect, predict_scores

EFFECT = 0.15
Proxy = Callable[[np.random.Generator, Flags, Floats], Floats]
"""From chance, the behaviour and the score to n × p proxies."""


@dataclass(frozen=True)
class World:
    """How sessions come about: hard tasks tempt to the behaviour, so the pooled difference is wrong."""

    name: str
    proxy: Proxy
    effect: float = EFFECT
    share: float = 0.4
    """Of the sessions that show the behaviour."""
    strata: int = 200
    per_stratum: int = 10
    labels: int = 40
    uneven: bool = False
    """Whether labels are drawn with unequal probabilities."""
    graded: bool = False

    @property
    def sessions(self) -> int:
        """How many there are."""
        return self.strata * self.per_stratum


def flipped(rate_with: float, rate_without: float) -> Proxy:
    """A yes-or-no signal that is wrong at these rates in the two arms."""

    def proxy(generator: np.random.Generator, shown: Flags, score: Floats) -> Floats:
        wrong = generator.random(len(score)) < np.where(shown, rate_with, rate_without)
        return np.where(wrong, 1 - score, score)[:, None]

    return proxy


def noise(columns: int = 1) -> Proxy:
    """Signals that have nothing to do with the score."""
    return lambda generator, _, score: generator.normal(size=(len(score), columns))


def shifted(generator: np.random.Generator, shown: Flags, score: Floats) -> Floats:
    """A grader who likes the behaviour for its own sake, and is good otherwise."""
    return (score + 0.5 * shown + generator.normal(0, 0.3, len(score)))[:, None]


def against(generator: np.random.Generator, shown: Flags, score: Floats) -> Floats:
    """Three signals: a useful one, one that says the reverse where the behaviour was shown, and noise."""
    reverse = np.where(shown, 1 - score, score) + generator.normal(0, 0.5, len(score))
    return np.column_stack([flipped(0.2, 0.2)(generator, shown, score), reverse, generator.normal(size=len(score))])


WORLDS = (
    World("useful: wrong in 10 %", flipped(0.1, 0.1)),
    World("useful: wrong in 20 %, labels drawn unevenly", flipped(0.2, 0.2), uneven=True),
    World("useless", noise()),
    World("useless, ten signals", noise(10)),
    World("arm-dependent: wrong in 5 % and in 40 %", flipped(0.4, 0.05)),
    World("arm-dependent: likes the behaviour", shifted),
    World("three signals, one reversed in an arm", against),
    World("no effect, useful", flipped(0.1, 0.1), effect=0.0),
    World("no effect, likes the behaviour", shifted, effect=0.0),
    World("rare behaviour (15 %), useful", flipped(0.1, 0.1), share=0.15),
    World("graded score, useful", shifted, graded=True),
    World("100 labels, useful", flipped(0.1, 0.1), labels=100),
    World("small strata (pairs), useful", flipped(0.1, 0.1), strata=1000, per_stratum=2),
)


def simulate(world: World, generator: np.random.Generator) -> LabelledEffect | None:
    """One sample of the world, and what is estimated from it."""
    n = world.sessions
    stratum: Codes = np.repeat(np.arange(world.strata), world.per_stratum).astype(np.int32)
    ease = generator.uniform(-0.25, 0.25, world.strata)[stratum]
    shown: Flags = generator.random(n) < np.clip(world.share - ease, 0.02, 0.98)
    chance = 0.45 + ease + world.effect * shown
    score = np.clip(chance + generator.normal(0, 0.3, n), -1, 2) if world.graded else generator.random(n) < chance
    score = score.astype(np.float64)
    size = generator.uniform(0.3, 1.7, n) if world.uneven else np.ones(n)
    probability = world.labels * size / size.sum()
    drawn = generator.random(n) < probability
    labels = Labels(np.where(drawn, score, np.nan), probability, world.proxy(generator, shown, score))
    return estimate_effect(shown, stratum, np.zeros(n, np.int32), labels, predict_scores(labels, stratum))


@dataclass(frozen=True)
class Row:
    """What came of the runs of a world."""

    world: World
    runs: int
    told: int
    """Runs with labels enough for an estimate."""
    coverage: float
    coverage_alone: float
    width: float
    """Mean share of the width of labels alone."""
    used: float
    """Share of the runs in which the proxy was used."""
    bias: float


def run_world(world: World, runs: int, seed: int) -> Row:
    """Many samples of a world."""
    generator = np.random.default_rng([seed, WORLDS.index(world)])
    found = [one for one in (simulate(world, generator) for _ in range(runs)) if one is not None]
    effect = world.effect
    return Row(
        world=world,
        runs=runs,
        told=len(found),
        coverage=float(np.mean([one.low <= effect <= one.high for one in found])),
        coverage_alone=float(np.mean([one.alone[1] <= effect <= one.alone[2] for one in found])),
        width=float(np.mean([(one.high - one.low) / (one.alone[2] - one.alone[1]) for one in found])),
        used=float(np.mean([one.proxy_weight > 0 for one in found])),
        bias=float(np.mean([one.effect - effect for one in found])),
    )


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    head = "| proxy | labels / sessions | coverage | labels alone | width ÷ labels alone | proxy used | bias |\n"
    lines = [
        f"| {row.world.name} | {row.world.labels} / {row.world.sessions:,} | {row.coverage:.1%} | "
        f"{row.coverage_alone:.1%} | {row.width:.2f} | {row.used:.0%} | {row.bias:+.3f} |"
        for row in rows
    ]
    return head + "| --- | --- | --- | --- | --- | --- | --- |\n" + "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    click.echo(table([run_world(world, given.runs, given.seed) for world in WORLDS]))


if __name__ == "__main__":
    main()
