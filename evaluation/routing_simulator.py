"""How fast routing learns, and whether it claims what is not so: ``python -m evaluation.routing_simulator --json``.

Families × agents with known means; each task's outcome is 0 or 1. Aims are those of the contract that the routing was
built to: the best agent's share of the last quarter at a gap of 0.2 and after a change half-way, claims at no gap.
"""

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from random import Random
from statistics import variance

import msgspec

from evaluation.measures import wilson
from reverie.teams.off_policy import LoggedDraw, policy_value
from reverie.teams.routing import RoutingPolicy, RoutingRules, draw, learn, probabilities
from reverie.teams.routing_table import routing_table

FAMILIES = tuple(f"family-{number}" for number in range(4))
AGENTS = ("writer", "coder", "reviewer")
TASKS = 400
BASE = 0.5
_USUAL = RoutingRules()
Means = Callable[[str, str, int], float]
"""The mean of an agent in a family at the n-th task."""


class Run(msgspec.Struct, frozen=True):
    """One team's life."""

    to_best: float
    """Share of the last quarter's tasks that went to the best agent."""
    gain: float
    """Mean reward over all tasks, less that of even draws."""
    right: int
    """Cells called better that are."""
    wrong: int
    """Cells called better that are not."""


class Row(msgspec.Struct, frozen=True):
    """A setting."""

    world: str
    runs: int
    to_best: float
    error: float
    """Its standard error."""
    gain: float
    right_a_run: float
    wrong_runs: float
    """Share of the runs with a wrong claim."""
    wrong_high: float
    """The upper end of its 95 % interval."""


def gap(size: float) -> Means:
    """The best agent of each family is better than the others by that much; which one differs by family."""
    return lambda family, agent, _: BASE + (size if AGENTS.index(agent) == FAMILIES.index(family) % len(AGENTS) else 0)


def change(size: float) -> Means:
    """Half-way another agent becomes the best one."""

    def mean(family: str, agent: str, task: int) -> float:
        best = (FAMILIES.index(family) + (task >= TASKS // 2)) % len(AGENTS)
        return BASE + (size if AGENTS.index(agent) == best else 0)

    return mean


def live(means: Means, seed: int, rules: RoutingRules = _USUAL) -> Run:
    """One team from its first task to its last."""
    rng, policy = Random(seed), RoutingPolicy(rules)
    draws: list[LoggedDraw] = []
    best, gained = 0, 0.0
    for task in range(TASKS):
        family = rng.choice(FAMILIES)
        choice = draw(policy, family, AGENTS, rng.random())
        mean = means(family, choice.agent, task)
        worth = float(rng.random() < mean)
        gained += mean - sum(means(family, agent, task) for agent in AGENTS) / len(AGENTS)
        best += task >= TASKS * 3 // 4 and mean == max(means(family, agent, task) for agent in AGENTS)
        draws.append(LoggedDraw(family, choice.agent, choice.chances, worth))
        policy = learn(policy, family, choice.agent, worth)
    claimed = [(cell.family, cell.agent) for cell in routing_table(draws, {}, {}) if cell.is_better]
    right = sum(_is_best(means, *cell) for cell in claimed)
    return Run(best / (TASKS // 4), gained / TASKS, right, len(claimed) - right)


def _is_best(means: Means, family: str, agent: str) -> bool:
    own, others = (
        means(family, agent, TASKS - 1),
        [means(family, other, TASKS - 1) for other in AGENTS if other != agent],
    )
    return own > max(others)


def row(world: str, means: Means, runs: int, rules: RoutingRules = _USUAL) -> Row:
    """The mean over runs."""
    lived = [live(means, seed, rules) for seed in range(runs)]
    wrong = sum(run.wrong > 0 for run in lived)
    return Row(
        world=world,
        runs=runs,
        to_best=sum(run.to_best for run in lived) / runs,
        error=math.sqrt(variance([run.to_best for run in lived]) / runs) if runs > 1 else math.nan,
        gain=sum(run.gain for run in lived) / runs,
        right_a_run=sum(run.right for run in lived) / runs,
        wrong_runs=wrong / runs,
        wrong_high=wilson(wrong, runs)[1],
    )


def coverage(runs: int, seed: int = 1) -> float:
    """How often the off-policy interval holds the value of always taking the best agent, at a gap of 0.2."""
    held = 0
    for number in range(runs):
        rng, policy, draws = Random(seed * 10_000 + number), RoutingPolicy(), []
        for task in range(TASKS):
            family = rng.choice(FAMILIES)
            chances = probabilities(policy, family, AGENTS)
            agent = rng.choices(AGENTS, list(chances.values()))[0]
            worth = float(rng.random() < gap(0.2)(family, agent, task))
            draws.append(LoggedDraw(family, agent, chances, worth))
        new = [float(one.agent == AGENTS[FAMILIES.index(one.family) % len(AGENTS)]) for one in draws]
        value = policy_value(draws, new)
        held += value is not None and value.low <= BASE + 0.2 <= value.high
    return held / runs


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="How fast routing learns, and whether it claims what is not so.")
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--forgetting", type=float, default=_USUAL.forgetting, help="What an outcome counts after one.")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    rows = [
        row(world, means, given.runs, RoutingRules(forgetting=given.forgetting))
        for world, means in (
            ("gap 0.2", gap(0.2)),
            ("gap 0.1", gap(0.1)),
            ("no gap", gap(0.0)),
            ("gap 0.2, another is best from half-way on", change(0.2)),
        )
    ]
    covered = coverage(given.runs)
    if given.json:
        sys.stdout.buffer.write(msgspec.json.encode({"rows": rows, "off_policy_coverage": covered}) + b"\n")
        return 0
    for each in rows:
        sys.stdout.write(
            f"{each.world}: {each.to_best:.1%} ± {each.error:.1%} of the last quarter to the best, "
            f"gain {each.gain:+.3f}, {each.right_a_run:.2f} right claims a run, "
            f"wrong ones in {each.wrong_runs:.1%} (up to {each.wrong_high:.1%})\n"
        )
    sys.stdout.write(f"off-policy intervals hold the truth in {covered:.1%}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
