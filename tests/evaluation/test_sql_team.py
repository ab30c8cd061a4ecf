"""The team of three skills: what its agents do, and how its figures are told, without a server."""

import pytest
from evaluation.closed_loop import Episode
from evaluation.sql_skills import AGENTS, family_of, next_step
from evaluation.sql_team import alone, brute_force, summary
from evaluation.sql_world import Task, small_world

from reverie.teams.routing_report import RoutingCell

TASKS = tuple(Task(number, f"db-{number % 2}", "How many ships are there?", "easy", "SELECT 1") for number in range(4))
CELL = RoutingCell("amounts", "sums", 40, 0, 0.5, 0.3, 0.7, 0.9, is_better=False)


@pytest.mark.parametrize(
    ("question", "family"),
    [
        ("How many ships are there?", "amounts"),
        ("List the number of ships in each harbour.", "groups"),
        ("What is the name of the oldest ship?", "extremes"),
        ("What are the names of ships?", "rows"),
    ],
)
def test_words_of_a_question_say_its_family(question: str, family: str) -> None:
    assert family_of(question) == family


@pytest.mark.parametrize("agent", AGENTS)
def test_an_agent_looks_at_the_schema_asks_and_is_done(agent: str) -> None:
    schema = '["name", "sql"]\n["ship", "CREATE TABLE ship (id INTEGER, name TEXT)"]'
    first = next_step(agent, "How many ship are there?", 0.0, [])
    assert first is not None and "sqlite_master" in first
    second = next_step(agent, "How many ship are there?", 0.0, [(first, schema)])
    assert second is not None and ("count(*)" in second) == (agent == "sums")
    assert next_step(agent, "How many ship are there?", 0.0, [(first, schema), (second, "[]")]) is None


def test_one_that_counts_answers_what_others_cannot() -> None:
    found = brute_force(small_world(), draws=1)["amounts"]
    assert found["sums"] > 0.5 > found["filters"] == found["links"] == 0.0


def test_luck_is_the_same_for_the_same_question() -> None:
    world = small_world()
    assert alone(world, "sums", world.tasks, range(2)) == alone(world, "sums", world.tasks, range(2))


@pytest.mark.parametrize(("routed", "reaches"), [(1.0, True), (0.0, False)])
def test_routing_reaches_the_aim_only_where_it_beats_the_best_agent_in_every_draw_of_databases(
    routed: float, reaches: bool
) -> None:
    arms = {"routed": routed, "filters": 0.0, "sums": 0.5, "links": 0.0}
    episodes = [Episode(arm, task.id, task.db, 0, value) for arm, value in arms.items() for task in TASKS]
    told = summary(small_world(), 8, episodes, [CELL], TASKS)
    assert (told.best_single, told.reaches_aim, told.by_database) == (
        "sums",
        reaches,
        {"db-0": routed - 0.5, "db-1": routed - 0.5},
    )
