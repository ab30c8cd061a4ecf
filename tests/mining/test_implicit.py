"""What signals say where nobody scored: found where true, nothing where not, never of its own makers."""

import numpy as np
import pytest
from evaluation.in_memory import make_corpus

from reverie.digests.behaviour_name import read_situation
from reverie.digests.derived.occurrence import Occurrence, Trace
from reverie.errors import InputError
from reverie.mining.implicit import exclusion, telling_weights
from reverie.mining.implicit_policy import DEFAULT_WEIGHTS, ImplicitPolicy, implicit_outcome
from reverie.mining.moments import moment_rows
from reverie.mining.policy import MiningPolicy
from reverie.statistics.corpus import read_observable
from tests.mining.reactions import POLICY, Reactions, claims, mined, read

CORRECTIONS = {"user_corrections": 1.0}


def trace(*occurrences: Occurrence, turns: tuple[int, ...] = (0,), steps: int = 5) -> Trace:
    return Trace(occurrences, "en", words_read=True, turns=turns, steps=steps)


def test_what_truly_saves_corrections_is_found_with_its_size_and_called_implicit() -> None:
    found = mined(Reactions(1, harm=0.4), CORRECTIONS)
    reads = [f for f in found.findings if f.verdict == "adopted" and f.hypothesis.name_text == "call:Read"]
    assert len(reads) == 1 and reads[0].shadows
    # A correction halves the outcome.
    assert all(f.deciding is not None and abs(f.deciding.effect - 0.2) < 0.07 for f in reads)
    assert found.implicit == CORRECTIONS and found.outcome.name == "implicit_outcome"
    assert all(f.reason.startswith("implicit_outcome: ") for f in reads)
    assert not {name for name in claims(found) if "Lint" in name or "Glob" in name}


@pytest.mark.parametrize("seed", range(4))
def test_signals_that_have_nothing_to_do_with_behaviours_give_no_lesson(seed: int) -> None:
    assert claims(mined(Reactions(100 + seed, tests=True), dict(DEFAULT_WEIGHTS))) == set()


def test_what_was_done_after_a_correction_is_not_held_against_it() -> None:
    sessions, traces = read(Reactions(3, harm=0.4).transcripts())
    corpus = make_corpus(sessions)
    ends = np.array([next(step for step in each.turns if step) for each in traces])
    rows = moment_rows(corpus, ends, lambda i, at: implicit_outcome(traces[i], CORRECTIONS, at), lambda _: False, 10)
    first_edit = rows.within()[read_situation("before Edit")]
    # Whoever was corrected edited twice; the first edit is the moment, and the correction after it counts.
    assert rows.corpus.reward[first_edit].min() == 0.5
    assert all(f.hypothesis.name_text != "repeat:Edit" for f in mined(Reactions(3, harm=0.4), CORRECTIONS).findings)


def test_what_runs_the_tests_is_never_tested_on_whether_they_pass() -> None:
    found = mined(Reactions(4, tests=True), {"tests_passed": 1.0}, MiningPolicy(placebo_runs=0, discovery_fdr=1.0))
    assert not {f.hypothesis.name_text for f in found.findings if "pytest" in f.hypothesis.name_text}


@pytest.mark.parametrize(
    ("signal", "name", "excluded"),
    [
        ("tests_passed", "call:bash:pytest", True),
        ("tests_passed", "then:Edit→bash:pytest", True),
        ("tests_passed", "args:bash:pytest.timeout", True),
        ("tests_passed", "call:Read", False),
        ("user_corrections", "ask", True),
        ("user_corrections", "confirm", True),
        ("user_corrections", "call:bash:pytest", False),
        ("abandoned", "ask", True),
        ("escalations", "escalation", True),
        ("refusals", "refusal", True),
        ("permissions_denied", "call:bash:rm", True),
        ("permissions_denied", "call:Read", False),
    ],
)
def test_behaviours_that_make_a_signal_or_decide_whether_it_exists_are_left_out(
    signal: str, name: str, excluded: bool
) -> None:
    traces = [
        trace(Occurrence("tests", 2, 1, action="bash:pytest"), Occurrence("denial", 4, 2, action="bash:rm")),
        trace(),
    ]
    assert exclusion(traces, {signal: 1.0})(read_observable("session", name, "choice")) is excluded


def test_signals_that_are_the_same_in_all_sessions_count_for_nothing() -> None:
    traces = [trace(Occurrence("correction", 3, 2)), trace()]
    assert telling_weights(traces, DEFAULT_WEIGHTS) == {"user_corrections": 1.0}
    assert [implicit_outcome(each, CORRECTIONS) for each in traces] == [0.5, 1.0]


def test_without_any_signal_that_differs_nothing_is_mined_and_the_note_says_so() -> None:
    found = mined(Reactions(5, tasks=4, runs=4), {"pushes": 1.0})
    assert (found.findings, found.tested, found.implicit) == ((), 0, {})
    assert found.note.startswith("no session has a score, and no signal differs between sessions")


def test_a_policy_names_signals_that_there_are() -> None:
    with pytest.raises(InputError, match="there is no signal 'success'"):
        ImplicitPolicy(weights={"success": 1.0})
    with pytest.raises(InputError, match=r"implicit\.weights\.thanks: -1"):
        ImplicitPolicy(weights={"thanks": -1})


def test_the_placebo_of_an_implicit_outcome_adopts_nothing() -> None:
    found = mined(Reactions(6, harm=0.4), CORRECTIONS, MiningPolicy(placebo_runs=2))
    assert found.placebo_lessons == 0 and POLICY.placebo_runs == 0
