"""The routing table as people read it: counts, means with intervals, and what may be called better.

Better is said of drawn choices alone, family by family: an agent against all others of the roster, session by session
weighted by the logged probability (:mod:`reverie.statistics.trial_score`), as capital of bets. If no agent differs in
any family, a claim is made at any time with probability at most :data:`LEVEL`, over all cells and all looks together,
while rosters stay as they are; an agent that joins one raises what all of its family have to reach.
Choices of a coordinator are counted beside, and nothing is claimed of them: it sends hard tasks to whom it trusts.
"""

import math
from collections.abc import Mapping, Sequence

from reverie.statistics.capital import Capital
from reverie.statistics.distributions import beta_quantile
from reverie.statistics.trial_score import trial_score
from reverie.teams.off_policy import LoggedDraw
from reverie.teams.routing_report import RoutingCell

LEVEL = 0.05


def routing_table(
    draws: Sequence[LoggedDraw],
    chosen: Mapping[tuple[str, str], int],
    next_draw: Mapping[str, Mapping[str, float]],
) -> tuple[RoutingCell, ...]:
    """The table, by family and agent.

    Args:
        draws: with outcomes, oldest first.
        chosen: tasks that a coordinator gave out by itself, by family and agent.
        next_draw: probabilities of the next draw, by family and agent.
    """
    evidence = _evidence(draws)
    worths: dict[tuple[str, str], list[float]] = {}
    for one in draws:
        worths.setdefault((one.family, one.agent), []).append(one.worth)
    planned = {(family, agent) for family, row in next_draw.items() for agent in row}
    cells = sorted({*worths, *evidence, *chosen, *planned})
    needed = _needed(evidence)
    return tuple(
        _cell(
            cell,
            worths.get(cell, []),
            chosen.get(cell, 0),
            next_draw,
            cell in evidence and evidence[cell] >= needed[cell],
        )
        for cell in cells
    )


def _cell(
    cell: tuple[str, str],
    worths: Sequence[float],
    chosen: int,
    next_draw: Mapping[str, Mapping[str, float]],
    is_better: bool,
) -> RoutingCell:
    family, agent = cell
    total, size = sum(worths), len(worths)
    a, b = 0.5 + total, 0.5 + size - total
    return RoutingCell(
        family=family,
        agent=agent,
        drawn=size,
        chosen=chosen,
        mean=total / size if size else None,
        low=float(beta_quantile(0.025, a, b)) if size else None,
        high=float(beta_quantile(0.975, a, b)) if size else None,
        probability=next_draw.get(family, {}).get(agent, 0.0),
        is_better=is_better,
    )


def _evidence(draws: Sequence[LoggedDraw]) -> dict[tuple[str, str], float]:
    """By cell, the capital of bets that its agent does better than the others; each is 1 at first."""
    capital: dict[tuple[str, str], Capital] = {}
    earlier = _Earlier()
    for one in draws:
        predicted = earlier.mean(one)
        for agent, chance in one.chances.items():
            if 0 < chance < 1:
                phi = trial_score(agent == one.agent, chance, one.worth, predicted)
                key = (one.family, agent)
                capital[key] = capital.get(key, Capital()).add(phi, chance)
        earlier.note(one)
    return {key: held.e_benefit for key, held in capital.items()}


class _Earlier:
    """What a draw's outcome is foretold from: a family's other sessions, for its own draws share its outcome."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], tuple[float, int]] = {}

    def mean(self, draw: LoggedDraw) -> float:
        total, size = self._sums.get((draw.family, ""), (0.0, 0))
        own, count = self._sums.get((draw.family, draw.session), (0.0, 0)) if draw.session else (0.0, 0)
        return min(max((0.5 + total - own) / (1 + size - count), 0.0), 1.0)

    def note(self, draw: LoggedDraw) -> None:
        for key in {(draw.family, ""), (draw.family, draw.session)}:
            total, size = self._sums.get(key, (0.0, 0))
            self._sums[key] = (total + draw.worth, size + 1)


def _needed(evidence: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """What a cell's capital has to reach: the level is shared by families as they come, and evenly within each.

    Families are never more than the shares 6/(π²·1²), 6/(π²·2²) … sum to 1 for, so a new one takes nothing from others.
    """
    families: dict[str, list[str]] = {}
    for family, agent in evidence:
        families.setdefault(family, []).append(agent)
    return {
        (family, agent): len(agents) * math.pi**2 * place**2 / (6 * LEVEL)
        for place, (family, agents) in enumerate(families.items(), start=1)
        for agent in agents
    }
