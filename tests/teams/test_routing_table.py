"""What a routing table says, and what it calls better."""

from random import Random

import pytest
from evaluation.routing_simulator import gap, live

from reverie.teams.off_policy import LoggedDraw
from reverie.teams.routing_report import RoutingCell
from reverie.teams.routing_table import routing_table

EVEN = {"writer": 0.5, "coder": 0.5}


def cells(table: tuple[RoutingCell, ...]) -> dict[tuple[str, str], RoutingCell]:
    return {(cell.family, cell.agent): cell for cell in table}


def worlds(writer: float, coder: float, tasks: int = 200, seed: int = 3) -> list[LoggedDraw]:
    rng, means = Random(seed), {"writer": writer, "coder": coder}
    agents = [rng.choice(list(EVEN)) for _ in range(tasks)]
    return [LoggedDraw("sql", agent, EVEN, float(rng.random() < means[agent])) for agent in agents]


def test_a_cell_says_how_many_were_drawn_and_chosen_and_how_they_did() -> None:
    draws = [LoggedDraw("sql", "writer", EVEN, 1.0), LoggedDraw("sql", "writer", EVEN, 0.5)]
    table = cells(routing_table(draws, {("sql", "coder"): 7}, {"sql": {"writer": 0.7, "coder": 0.3}}))
    writer, coder = table["sql", "writer"], table["sql", "coder"]
    assert (writer.drawn, writer.chosen, writer.mean, writer.probability) == (2, 0, 0.75, 0.7)
    assert writer.low is not None and writer.high is not None and writer.low < 0.75 < writer.high
    assert (coder.drawn, coder.chosen, coder.mean, coder.low, coder.probability) == (0, 7, None, None, 0.3)


def test_an_agent_that_draws_show_to_be_better_is_called_so_and_the_other_is_not() -> None:
    table = cells(routing_table(worlds(0.9, 0.4), {}, {}))
    assert table["sql", "writer"].is_better
    assert not table["sql", "coder"].is_better


def test_agents_that_are_alike_are_not_told_apart() -> None:
    assert not any(cell.is_better for seed in range(20) for cell in routing_table(worlds(0.5, 0.5, seed=seed), {}, {}))


def test_what_a_coordinator_chose_makes_nothing_better() -> None:
    table = cells(routing_table([], {("sql", "writer"): 5000}, {}))
    assert not table["sql", "writer"].is_better


def test_where_there_was_nobody_else_to_draw_nothing_is_shown() -> None:
    draws = [LoggedDraw("sql", "writer", {"writer": 1.0}, 1.0)] * 300
    assert [cell.is_better for cell in routing_table(draws, {}, {})] == [False]


def test_draws_of_one_session_are_not_foretold_by_the_outcome_that_they_share() -> None:
    alone = [LoggedDraw("sql", "writer", EVEN, 1.0)] * 20
    shared = [LoggedDraw("sql", "writer", EVEN, 1.0, "sesn_1")] * 20
    # Each of one session counts against 0.5; those of sessions that follow each other against ever higher means.
    assert cells(routing_table(shared, {}, {}))["sql", "writer"].is_better
    assert not cells(routing_table(alone, {}, {}))["sql", "writer"].is_better


def test_learning_goes_to_the_best_agent_and_at_no_gap_calls_nobody_better() -> None:
    runs = [live(gap(0.2), seed) for seed in range(4)]
    assert sum(run.to_best for run in runs) / 4 >= 0.6
    assert sum(live(gap(0.0), seed).wrong for seed in range(3)) == 0


@pytest.mark.parametrize("agent", EVEN)
def test_one_that_left_the_roster_keeps_its_row_and_is_not_drawn(agent: str) -> None:
    table = cells(routing_table(worlds(0.5, 0.5), {}, {"sql": {"reviewer": 1.0}}))
    assert table["sql", agent].probability == 0.0
