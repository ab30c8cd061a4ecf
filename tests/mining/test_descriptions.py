"""One effect, one description: which of the findings that say the same is told."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from reverie.digests.behaviour_name import read_label
from reverie.mining.finding import Finding
from reverie.mining.mine import mine
from reverie.mining.policy import MiningPolicy
from reverie.mining.preference import rank_of
from reverie.statistics.corpus import Corpus, Flags, form_strata, read_observable

POLICY = MiningPolicy(placebo_runs=0)
SESSIONS, TASKS = 2_400, 100


def corpus_of(
    shown: Mapping[str, Flags], expected: npt.NDArray[np.floating[Any]], steps: Mapping[str, int] | None = None
) -> Corpus:
    """Sessions that showed these labels (``situation`` alone: reached it), with 0/1 rewards of these chances."""
    names = []
    for label in shown:
        situation, name = read_label(label)
        reached = label.startswith("after ") and " | " not in label
        names.append(
            read_observable(
                label if reached else situation.text, "" if reached else name.text, "situation" if reached else "choice"
            )
        )
    session, code = np.nonzero(np.array(list(shown.values())).T)
    step = np.array([(steps or {}).get(label, 3) for label in shown], np.int32)[code]
    generator = np.random.default_rng(99)
    return Corpus(
        session_ids=[f"s{i}" for i in range(SESSIONS)],
        reward=(generator.random(SESSIONS) < expected).astype(np.float64),
        steps=np.full(SESSIONS, 10, np.int32),
        task=[f"t{i % TASKS}" for i in range(SESSIONS)],
        category=[None] * SESSIONS,
        variant=["v"] * SESSIONS,
        entry_session=session.astype(np.int32),
        entry_code=code.astype(np.int32),
        entry_step=step,
        names=names,
    )


def adopted(corpus: Corpus) -> dict[str, Finding]:
    return {f.hypothesis.label: f for f in mine(corpus, POLICY).findings if f.verdict == "adopted"}


def drawn(seed: int, share: float) -> Flags:
    return np.random.default_rng(seed).random(SESSIONS) < share


def after_error(share_waiting: float, share_other: float) -> tuple[Flags, Flags, Flags]:
    """Who met a rate limit; of these, who waited, and who turned to a search."""
    met, draw = drawn(1, 0.6), np.random.default_rng(2).random(SESSIONS)
    waits = met & (draw < share_waiting)
    return met, waits, met & ~waits & (draw < share_waiting + share_other)


def moves(met: Flags, waits: Flags, searches: Flags) -> dict[str, Flags]:
    named = {"other tool": waits | searches, "call:wait": waits, "call:search": searches}
    narrow = {f"after error:rate limit | {name}": flags for name, flags in named.items()}
    return {"after error": met, "after error:rate limit": met, **narrow} | {
        f"after error | {name}": flags for name, flags in named.items()
    }


def test_of_the_same_sessions_the_concrete_call_at_the_narrowest_moment_is_told() -> None:
    met, waits, none = after_error(0.5, 0.0)
    found = adopted(corpus_of(moves(met, waits, none), 0.3 + 0.3 * waits))
    assert list(found) == ["after error:rate limit | call:wait"]
    also = {h.label for h in found["after error:rate limit | call:wait"].also}
    assert also == {"after error:rate limit | other tool", "after error | call:wait"}


def test_the_specific_act_is_told_where_the_remainder_does_nothing() -> None:
    met, waits, searches = after_error(0.45, 0.1)
    found = adopted(corpus_of(moves(met, waits, searches), 0.3 + 0.3 * waits))
    assert list(found) == ["after error:rate limit | call:wait"]


def test_the_general_act_is_told_with_its_members_where_all_of_them_help() -> None:
    met, waits, searches = after_error(0.3, 0.3)
    found = adopted(corpus_of(moves(met, waits, searches), 0.3 + 0.35 * (waits | searches)))
    assert list(found) == ["after error:rate limit | other tool"]
    members = found["after error:rate limit | other tool"].members
    assert {member.name for member in members} == {"call:wait", "call:search"}
    assert sum(member.share for member in members) == pytest.approx(1.0, abs=0.001)


def test_what_not_to_do_is_told_as_what_helps_where_it_is_done_instead() -> None:
    met, waits, _ = after_error(0.5, 0.0)
    again = met & ~waits & drawn(5, 0.8)
    shown = {"after error": met, "after error | call:wait": waits, "after error | same call again": again}
    assert list(adopted(corpus_of(shown, 0.3 + 0.3 * waits))) == ["after error | call:wait"]


def test_what_others_did_at_the_moment_is_told_with_shares() -> None:
    met, waits, searches = after_error(0.5, 0.3)
    found = adopted(corpus_of(moves(met, waits, searches), 0.3 + 0.3 * waits))
    others = found["after error:rate limit | call:wait"].others
    assert [other.name for other in others] == ["call:search", "nothing"]
    assert others[0].share == pytest.approx(0.6, abs=0.05)


def test_a_value_that_the_task_determines_is_no_advice_and_the_call_is_told() -> None:
    task = np.arange(SESSIONS) % TASKS
    reads = drawn(6, 0.5)
    refund = reads & (task % 2 == 0)
    shown = {"call:policy": reads, "arg:policy.topic=refund": refund, "arg:policy.topic=address": reads & ~refund}
    found = adopted(corpus_of(shown, 0.4 + 0.25 * refund + 0.15 * (reads & ~refund)))
    assert list(found) == ["call:policy"]


def test_a_value_that_varies_within_tasks_is_a_choice() -> None:
    reads = drawn(6, 0.8)
    deep = reads & drawn(7, 0.5)
    shown = {"call:search": reads, "arg:search.mode=deep": deep, "arg:search.mode=quick": reads & ~deep}
    assert "arg:search.mode=deep" in adopted(corpus_of(shown, 0.3 + 0.3 * deep))


def test_what_pays_only_by_the_recovery_that_follows_is_told_as_the_recovery() -> None:
    updates = drawn(8, 0.6)
    reopens = updates & drawn(9, 0.6)
    moment = "after error:locked"
    shown = {"call:update": updates, moment: updates, "after error": updates, f"{moment} | call:reopen": reopens}
    corpus = corpus_of(shown, 0.3 + 0.4 * reopens, {"call:update": 2, moment: 3})
    found = {f.hypothesis.label: f for f in mine(corpus, POLICY).findings}
    assert found[f"{moment} | call:reopen"].verdict == "adopted"
    assert found["call:update"].verdict == "refused"
    assert "through a later choice" in found["call:update"].reason


def test_a_choice_with_an_effect_of_its_own_stays_beside_the_later_one() -> None:
    updates = drawn(8, 0.6)
    reopens = updates & drawn(9, 0.5)
    moment = "after error:locked"
    shown = {"call:update": updates, moment: updates, f"{moment} | call:reopen": reopens}
    expected = 0.1 + 0.3 * updates + 0.25 * reopens
    found = adopted(corpus_of(shown, expected, {"call:update": 2, moment: 3}))
    assert set(found) == {"call:update", f"{moment} | call:reopen"}


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("after error | call:wait", "after error | other tool"),
        ("after error | call:sql:show", "after error | inspects the schema"),
        ("after error | inspects the schema", "after error | other tool"),
        ("after error:timeout | call:wait", "after error | call:wait"),
        ("start | call:wait", "call:wait"),
        ("call:policy", "args:policy.topic"),
        ("args:policy.topic", "arg:policy.topic=refund"),
    ],
)
def test_descriptions_are_preferred_by_how_well_they_can_be_followed(better: str, worse: str) -> None:
    assert rank_of(*read_label(better), "choice") < rank_of(*read_label(worse), "choice")


def two_errors(share_after_limit: float, share_after_lock: float) -> tuple[Flags, Flags, Flags]:
    """Who met a rate limit, who met a lock instead, and who then looked at the queue."""
    limit = drawn(1, 0.5)
    draw = np.random.default_rng(2).random(SESSIONS)
    return limit, ~limit, draw < np.where(limit, share_after_limit, share_after_lock)


def queue_moves(limit: Flags, lock: Flags, looks: Flags) -> dict[str, Flags]:
    return {
        "after error": limit | lock,
        "after error:rate limit": limit,
        "after error:locked": lock,
        "after error | call:queue": looks,
        "after error:rate limit | call:queue": looks & limit,
        "after error:locked | call:queue": looks & lock,
    }


def test_what_goes_with_which_error_was_met_is_no_advice_after_any_error() -> None:
    limit, lock, looks = two_errors(0.0, 0.4)
    corpus = corpus_of(queue_moves(limit, lock, looks), 0.3 + 0.3 * lock)
    found = {f.hypothesis.label: f for f in mine(corpus, POLICY).findings}
    assert found["after error | call:queue"].verdict == "refused"
    assert found["after error | call:queue"].reason.startswith("goes with which error was met")
    assert not adopted(corpus)


def test_what_helps_after_each_error_stays_advice_after_any_error() -> None:
    limit, lock, looks = two_errors(0.3, 0.6)
    corpus = corpus_of(queue_moves(limit, lock, looks), 0.2 + 0.1 * lock + 0.3 * looks)
    assert list(adopted(corpus)) == ["after error | call:queue"]


def test_what_helps_after_one_error_is_told_there_whatever_was_met() -> None:
    limit, lock, looks = two_errors(0.5, 0.5)
    corpus = corpus_of(queue_moves(limit, lock, looks), 0.2 + 0.1 * lock + 0.35 * (looks & limit))
    assert list(adopted(corpus)) == ["after error:rate limit | call:queue"]


def test_what_the_other_part_of_the_sessions_shows_after_one_error_only_is_told_there() -> None:
    limit, lock, looks = two_errors(0.5, 0.5)
    shown = queue_moves(limit, lock, looks)
    looked_for_it = ~form_strata(corpus_of(shown, np.full(SESSIONS, 0.5))).confirmation
    chance = 0.3 * (looks & lock & looked_for_it)
    corpus = corpus_of(shown, 0.2 + 0.1 * lock + 0.35 * (looks & limit) + chance)
    assert list(adopted(corpus)) == ["after error:rate limit | call:queue"]
