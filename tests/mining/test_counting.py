import dataclasses

import numpy as np

from reverie.digests.ending import read_ending
from reverie.digests.marks import pack_marks, read_marks
from reverie.mining.counting import count_once
from reverie.sessions.event import Event, text_content
from reverie.statistics.corpus import Corpus, Origins, read_observable


def events(calls: list[str], *, answers: bool = True, text: str = "fine") -> list[Event]:
    made = [Event("user.message", {"content": text_content("please help me")})]
    for name in calls:
        made.append(Event("agent.tool_use", {"name": name, "input": {}}))
        made.append(Event("agent.tool_result", {"name": name, "content": text_content(text)}))
    return [*made, Event("agent.message", {"content": text_content("done")})] if answers else made


def corpus_of(sessions: list[tuple[list[Event], float]], task: str | None = "t") -> Corpus:
    endings = [read_ending(each) for each, _ in sessions]
    size = len(sessions)
    tools = [sorted({e.payload["name"] for e in each if e.type == "agent.tool_use"}) for each, _ in sessions]
    names = sorted({name for each in tools for name in each})
    entries = [(i, names.index(name)) for i, each in enumerate(tools) for name in each]
    columns = np.array(entries, np.int32).reshape(-1, 2)
    return Corpus(
        session_ids=[f"s{i:03d}" for i in range(size)],
        reward=np.array([reward for _, reward in sessions]),
        steps=np.array([sum(e.type in ("agent.tool_use", "agent.message") for e in each) for each, _ in sessions]),
        task=[task] * size,
        category=[None] * size,
        variant=["v"] * size,
        entry_session=columns[:, 0],
        entry_code=columns[:, 1],
        entry_step=np.zeros(len(entries), np.int32),
        names=[read_observable("session", f"call:{name}", "choice") for name in names],
        origins=Origins(
            [ending.cause for ending in endings],
            [ending.on for ending in endings],
            [ending.action for ending in endings],
            [None] * size,
            [pack_marks(read_marks(each)) for each, _ in sessions],
        ),
    )


WHOLE = [(events(["look", "check", "close"]), float(i % 2)) for i in range(30)]


def test_what_breaks_off_with_the_lowest_score_where_others_answer_was_cut_off() -> None:
    cut = [(events(["look", "check"][: i % 3], answers=False), 0.0) for i in range(10)]
    keep, _, left_out = count_once(corpus_of([*WHOLE, *cut]))
    assert keep.tolist() == [True] * 30 + [False] * 10
    assert left_out.endings == {"answered": 30, "cut_off": 10}
    assert left_out.cut_off == 10
    assert "10 sessions are left out" in " ".join(left_out.sentences())


def test_what_went_on_about_as_long_as_the_longest_used_up_its_turns_and_was_not_cut_off() -> None:
    long = [(events([f"tool{length}-{n}" for n in range(length)], answers=False), 0.0) for length in (32, 31, 30)]
    keep, _, left_out = count_once(corpus_of([*WHOLE, *long]))
    assert keep.all()
    assert left_out.endings == {"answered": 30, "unknown": 3}


def test_logs_that_end_on_a_result_as_a_rule_are_not_cut_off() -> None:
    ended = [(events(["look", "check"], answers=False), float(i % 2)) for i in range(40)]
    assert count_once(corpus_of(ended))[0].all()


def test_a_tool_that_ends_sessions_ends_them() -> None:
    submitted = [(events(["look", "submit"], answers=False), 0.0) for _ in range(10)]
    assert count_once(corpus_of([*WHOLE, *submitted]))[0].all()


def test_what_went_on_as_long_as_any_other_used_up_its_steps() -> None:
    ran_out = [(events(["look"] * 9, answers=False), 0.0) for _ in range(10)]
    assert count_once(corpus_of([*WHOLE, *ran_out]))[0].all()


def test_what_breaks_off_and_was_still_judged_counts() -> None:
    judged = [(events(["look"], answers=False), float(i % 2)) for i in range(10)]
    assert count_once(corpus_of([*WHOLE, *judged]))[0].all()


def test_cut_off_sessions_with_scores_of_their_own_are_kept_and_noted() -> None:
    made = corpus_of([*WHOLE, *[(events(["look"]), float(i % 2)) for i in range(10)]])
    assert made.origins is not None
    stated = dataclasses.replace(made.origins, cause=["answered"] * 30 + ["cut_off"] * 10)
    keep, corpus, left_out = count_once(dataclasses.replace(made, origins=stated))
    assert keep.all()
    assert corpus.cut is not None
    assert corpus.cut.tolist() == [False] * 30 + [True] * 10
    assert left_out.cut_off_in_part == 10


def noted(number: int, *more: str) -> list[Event]:
    return events(["look", "check", "close", *more], text=f"noted under {number}")


def test_copies_count_once_the_longest_for_all() -> None:
    own = [(noted(70_000 + i), float(i % 2)) for i in range(20)]
    again = [(noted(70_003), 1.0), (noted(70_003), 1.0), (noted(70_004)[:-1], 0.0)]
    keep, _, left_out = count_once(corpus_of([*own, *again]))
    assert left_out.copies == 3
    assert left_out.copy_groups == (("s003", "s020", "s021"), ("s004", "s022"))
    assert keep.sum() == 20


def test_terse_runs_that_went_the_same_way_are_no_copies() -> None:
    assert count_once(corpus_of(WHOLE))[2].copies == 0
    assert count_once(corpus_of(WHOLE, task=None))[2].copies == 0


def test_equal_histories_with_other_scores_are_two_runs() -> None:
    own = [(noted(70_000 + i), 1.0) for i in range(20)]
    assert count_once(corpus_of([*own, (noted(70_003), 0.0)]))[2].copies == 0


def test_a_rare_word_that_runs_came_to_in_different_ways_makes_no_copies() -> None:
    rare = [(events(["look"] * (1 + i % 4), text="error 50032 of the store"), 1.0) for i in range(8)]
    assert count_once(corpus_of([*WHOLE, *rare]))[2].copies == 0
