from collections.abc import Sequence

import numpy as np
import pytest

from reverie.mining.finding import Hypothesis, Setting
from reverie.mining.setting import setting_of
from reverie.statistics.corpus import Corpus, form_strata, read_observable


def corpus_of(values: Sequence[str], tasks: Sequence[str]) -> Corpus:
    """One session for each entry, which gave the search's limit the values listed, separated by spaces."""
    labels = sorted({value for given in values for value in given.split()})
    entries = [(session, labels.index(v)) for session, given in enumerate(values) for v in given.split()]
    return Corpus(
        session_ids=[f"s{i}" for i in range(len(values))],
        reward=np.zeros(len(values)),
        steps=np.ones(len(values), np.int32),
        task=tasks,
        category=[None] * len(values),
        variant=["v"] * len(values),
        entry_session=np.array([session for session, _ in entries], np.int32),
        entry_code=np.array([code for _, code in entries], np.int32),
        entry_step=np.zeros(len(entries), np.int32),
        names=[read_observable("session", f"arg:search.limit={label}", "manner") for label in labels],
    )


def told(corpus: Corpus, name: str) -> Setting | None:
    sessions = np.arange(len(corpus.session_ids))
    return setting_of(corpus, form_strata(corpus), sessions, Hypothesis(None, "session", name, "manner", 0))


def test_the_values_used_otherwise_are_those_of_the_same_tasks_and_the_range_is_all_that_was_seen() -> None:
    setting = told(corpus_of(["5", "20", "20", "10", "50", "50", "50"], ["a"] * 4 + ["b"] * 3), "arg:search.limit=5")
    assert setting is not None
    assert (setting.parameter, setting.value, setting.others) == ("search.limit", "5", ("20", "10"))
    assert (setting.low, setting.high, setting.seen) == (5, 50, ("50", "20", "10", "5"))


def test_a_session_that_also_gave_the_value_is_not_one_that_did_otherwise() -> None:
    setting = told(corpus_of(["5 20", "5 20", "10", ""], ["a"] * 4), "arg:search.limit=5")
    assert setting is not None
    assert setting.others == ("10",)


def test_values_that_are_no_numbers_have_no_range() -> None:
    setting = told(corpus_of(["fast", "exact", "10"], ["a"] * 3), "arg:search.limit=fast")
    assert setting is not None
    assert (setting.low, setting.high, set(setting.seen)) == (None, None, {"fast", "exact", "10"})


@pytest.mark.parametrize("name", ["call:search", "args:search.limit"])
def test_what_is_no_value_of_a_setting_has_none(name: str) -> None:
    assert told(corpus_of(["5"], ["a"]), name) is None
