import dataclasses

import msgspec
import numpy as np

from reverie.digests.behaviour_name import AFTER_ERROR, SESSION, Situation
from reverie.mining.decision import choices_only, is_choice, mark_of_length
from reverie.statistics.corpus import SITUATION_KIND, Corpus, Observable, form_strata, read_observable, situation_rows
from tests.statistics.simulated import Simulation

ERROR = read_observable("after error", "", SITUATION_KIND)
RETRY = read_observable("after error", "call:search", "choice")
SEARCH = read_observable("session", "call:search", "choice")
LOOKED_UP = read_observable("before refund", "call:lookup", "sequence")
FIVE, FIFTY = (read_observable("session", f"arg:search.limit={value}", "manner") for value in (5, 50))
GIVEN_LIMIT = Situation("given", "search.limit")
FAILED = read_observable("session", "error:timeout", "marker")


def corpus_of(*sessions: dict[Observable, int]) -> Corpus:
    """Sessions by what held in them, and at which step."""
    names = sorted(
        {name for session in sessions for name in session}, key=lambda n: (n.situation.text, n.name.text, n.kind)
    )
    entries = [(i, names.index(name), step) for i, session in enumerate(sessions) for name, step in session.items()]
    columns = np.array(entries, np.int32)
    return Corpus(
        session_ids=[f"s{i}" for i in range(len(sessions))],
        reward=np.zeros(len(sessions)),
        steps=np.full(len(sessions), 9, np.int32),
        task=["t"] * len(sessions),
        category=[None] * len(sessions),
        variant=["v"] * len(sessions),
        entry_session=columns[:, 0],
        entry_code=columns[:, 1],
        entry_step=columns[:, 2],
        names=names,
    )


def shown(corpus: Corpus) -> set[tuple[int, str, str]]:
    names = [corpus.names[code] for code in corpus.entry_code]
    return {(int(s), n.situation.text, n.name.text) for s, n in zip(corpus.entry_session, names, strict=True)}


def test_only_choices_at_one_moment_and_the_trouble_that_was_met_are_kept() -> None:
    kept = shown(choices_only(corpus_of({SEARCH: 0, FAILED: 1, ERROR: 2, RETRY: 2, LOOKED_UP: 4})))
    assert kept == {
        (0, "session", "error:timeout"),
        (0, "after error", ""),
        (0, "after error", "call:search"),
    }
    others = (SESSION, Situation("before", "refund"), Situation("seen", "order.status=late"))
    assert not any(is_choice(situation) for situation in others)


def test_a_session_that_ended_at_the_moment_was_not_in_it() -> None:
    choices = choices_only(corpus_of({ERROR: 2, RETRY: 2}, {ERROR: 5}))
    assert situation_rows(choices, AFTER_ERROR).tolist() == [True, False]


def test_of_a_setting_the_first_value_counts_and_those_that_never_gave_one_are_not_compared() -> None:
    choices = choices_only(corpus_of({FIVE: 4, FIFTY: 1}, {FIVE: 2}, {SEARCH: 0}))
    given = {entry for entry in shown(choices) if entry[1] == "given search.limit" and entry[2]}
    assert given == {(0, "given search.limit", "arg:search.limit=50"), (1, "given search.limit", "arg:search.limit=5")}
    assert situation_rows(choices, GIVEN_LIMIT).tolist() == [True, True, False]


def test_a_setting_thought_of_by_reading_stays_so() -> None:
    read = msgspec.structs.replace(FIVE, from_reading=True)
    names = choices_only(corpus_of({read: 0, FIFTY: 1})).names
    assert [name.name for name in names if name.situation == GIVEN_LIMIT and name.from_reading] == [FIVE.name]


def test_a_choice_made_more_often_at_late_moments_is_a_mark_and_one_that_shortens_sessions_at_any_is_none() -> None:
    world = Simulation(1, behaviours=1)
    moment = world.generator.integers(0, 16, len(world.task))
    every = np.arange(len(world.task), dtype=np.int32)
    corpus = world.corpus()
    reached = dataclasses.replace(
        corpus,
        entry_session=every,
        entry_code=np.zeros_like(every),
        entry_step=moment.astype(np.int32),
        names=[ERROR],
    )
    strata, noise = form_strata(corpus), world.generator.normal(0, 0.2, len(every))
    seconds = -np.log(moment + 5.0) + noise
    late = world.generator.random(len(every)) < moment / 16
    apart = world.generator.random(len(every)) < 0.5

    def mark(choice: np.ndarray, values: np.ndarray) -> bool:
        return mark_of_length(reached, strata, every.astype(np.int64), AFTER_ERROR, choice, values)

    assert mark(late, seconds)
    assert not mark(apart, seconds + 0.2 * apart)
