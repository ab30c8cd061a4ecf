"""Themes of openings, their names, and the task families they give."""

from collections import Counter

from reverie.overview.theme import find_themes, group_openings, task_families

from .simulated_table import TableSimulation

REQUESTS = (
    "Hello, please cancel my order of the {thing}, I ordered it by mistake",
    "The {thing} arrived broken and I want a refund to my credit card",
    "I forgot the password of my account, can you reset it? I bought a {thing} once",
)
THINGS = (
    "lamp",
    "chair",
    "kettle",
    "jacket",
    "camera",
    "guitar",
    "watch",
    "phone",
    "table",
    "bicycle",
    "mirror",
    "tent",
)


def desk(seed: int) -> TableSimulation:
    world = TableSimulation(seed, tasks=36, per_task=10)
    world.say_openings([
        REQUESTS[task % 3].format(thing=THINGS[task // 3]) + f", order {1000 + task}" for task in world.task.tolist()
    ])  # fmt: skip
    return world


def test_openings_that_ask_for_like_things_are_one_theme() -> None:
    world = desk(1)
    families = task_families(world.table())
    by_request = {(task % 3, family) for task, family in zip(world.task.tolist(), families, strict=True)}
    assert len(by_request) == 3
    assert len(set(families)) == 3


def test_themes_are_named_by_what_sets_them_apart() -> None:
    table = desk(2).table()
    names = " | ".join(theme.name for theme in find_themes(table, group_openings(table)))
    for word in ("cancel", "refund", "password"):
        assert word in names
    assert not any(thing in names for thing in ("lamp", "guitar", "1001"))


def test_a_theme_has_size_outcome_and_different_exemplars() -> None:
    world = desk(3)
    world.cause(world.task % 3 == 1, -0.3)
    table = world.table()
    themes = find_themes(table, group_openings(table))
    assert sum(theme.share for theme in themes) == 1
    worst = min(themes, key=lambda theme: theme.reward.value if theme.reward else 1)
    assert worst.reward is not None
    assert worst.reward.high < 0.5
    assert all("refund" in exemplar.opening for exemplar in worst.exemplars)
    assert len({exemplar.opening for exemplar in worst.exemplars}) == 3


def test_the_typical_intent_names_a_theme() -> None:
    world = desk(4)
    keys = ("cancel order", "request refund", "reset password")
    intents = [keys[task % 3] for task in world.task.tolist()]
    table = world.table()
    object.__setattr__(table.signals, "intent", intents)
    grouping = group_openings(table)
    assert {name.partition(":")[0] for name in grouping.names} == set(keys)


def test_grouping_twice_gives_the_same() -> None:
    first, second = group_openings(desk(5).table()), group_openings(desk(5).table())
    assert first.names == second.names
    assert (first.code == second.code).all()


def test_too_few_different_openings_are_no_themes() -> None:
    world = TableSimulation(6)
    world.say_openings(["Please help."] * world.size)
    grouping = group_openings(world.table())
    assert "only 1 different opening" in grouping.chosen_by
    assert Counter(grouping.labels()) == {"other": world.size}


def test_openings_without_words_are_in_no_theme() -> None:
    world = TableSimulation(7)
    world.say_openings([f"{i} #{i}" for i in range(world.size)])
    assert set(task_families(world.table())) == {"other"}
