"""Phrases that go with satisfaction."""

from dataclasses import replace

import numpy as np

from reverie.overview.wording import find_wordings, sessions_to_read

from .simulated_table import TableSimulation

ENDING = "That is done now, goodbye."


def messages(world: TableSimulation, warm: np.ndarray, last: str = ENDING) -> list[tuple[int, list[str]]]:
    fillers = ("Let me see.", "One moment please.", "I am looking at it.")
    return [
        (i, [("I understand how annoying that is. " if warm[i] else "") + fillers[i % 3], "Here it is.", last])
        for i in range(world.size)
    ]


def test_a_phrase_that_raises_reward_is_confirmed_on_other_sessions() -> None:
    world = TableSimulation(1)
    warm = world.coin(0.5)
    world.cause(warm, 0.25)
    found = find_wordings(world.table(), messages(world, warm)).found
    assert any("understand" in wording.phrase or "annoying" in wording.phrase for wording in found)
    assert all(wording.effect.low < 0.25 < wording.effect.high for wording in found)
    assert len(found) <= 2


def test_phrases_that_do_not_matter_are_not_reported() -> None:
    found = 0
    for seed in range(10):
        world = TableSimulation(seed, tasks=30)
        found += len(find_wordings(world.table(), messages(world, world.coin(0.5))).found)
    assert found <= 1


def test_a_phrase_said_in_easy_tasks_is_not_reported() -> None:
    world = TableSimulation(3)
    warm = world.coin(np.where(world.difficulty[world.task] > 0.5, 0.9, 0.1))
    assert find_wordings(world.table(), messages(world, warm)).found == ()


def test_what_is_said_last_is_not_read() -> None:
    world = TableSimulation(4)
    table = world.table()
    texts = [(i, ["Hello there.", "I am happy it worked." if table.reward[i] else "Sorry."]) for i in range(world.size)]
    assert find_wordings(table, texts).found == ()


def test_the_mood_of_the_user_is_an_outcome_too() -> None:
    world = TableSimulation(5)
    warm = world.coin(0.5)
    mood = np.clip(world.generator.normal(0.0, 0.4, world.size) + 0.4 * warm, -1, 1)
    world.signals = replace(world.signals, sentiment_last=mood)
    found = find_wordings(world.table(), messages(world, warm)).found
    assert {wording.outcome for wording in found} == {"user mood"}
    assert found[0].effect.low < 0.2 < found[0].effect.high


def test_sessions_that_can_tell_most_are_read() -> None:
    world = TableSimulation(6, tasks=20)
    reward = world.coin(0.5).astype(np.float64)
    reward[world.task < 10] = 1.0
    chosen = sessions_to_read(world.table(reward=reward), most=100)
    assert (world.task[chosen] >= 10).all()
    assert len(chosen) == 100


def test_no_texts_are_an_answer_not_an_error() -> None:
    assert find_wordings(TableSimulation(7).table(), []).note == "not enough sessions to tell"
