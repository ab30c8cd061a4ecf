"""The simulator of live trials computes what the product computes, and the product holds what it promises."""

import math

import numpy as np
import pytest
from evaluation.trial_simulator import (
    BATCH,
    CONTRAST,
    FALSE_GROUP,
    LOOKS,
    NEVER,
    NULLS,
    POWER,
    Figure,
    Path,
    Row,
    Rule,
    adopt,
    adoptions,
    alarms,
    arrived_only,
    e_values,
    first,
    imputed_against,
    in_order,
    intervals,
    ratio_e_values,
    row_of,
    table,
    unbroken_prefix,
)
from evaluation.trial_worlds import LATE_BY, Sample, TrialWorld, draw

from reverie.statistics.capital import Capital
from reverie.statistics.change_detection import RUN_LENGTH, Detector
from reverie.statistics.confidence_sequence import confidence_sequence
from reverie.statistics.corpus import Floats
from reverie.statistics.sample_ratio import Ratio
from reverie.statistics.trial_score import trial_score

RAMP = ((0, 0.1), (60, 0.25), (120, 0.5))
LINES: dict[str, tuple[TrialWorld, Rule]] = {name: (world, rule) for name, world, rule in (*NULLS, *POWER, *CONTRAST)}


def sample_of(world: TrialWorld, trials: int = 3, seed: int = 0) -> Sample:
    return draw(world, trials, np.random.default_rng(seed))


def capital(sample: Sample, trial: int, sessions: range) -> Capital:
    """What the product has of these sessions."""
    kept = Capital()
    for at in sessions:
        probability = float(sample.probability[at])
        given = bool(sample.shown[trial, at]), probability
        score = trial_score(*given, float(sample.reward[trial, at]), float(sample.predicted[trial, at]))
        kept = kept.add(score if sample.known[trial, at] else 0.0, probability)
    return kept


def test_it_has_the_evidence_and_the_interval_of_the_product() -> None:
    sample = sample_of(TrialWorld(-0.2, ramp=RAMP, missing=0.2, sessions=200))
    harm, benefit, (mean, half) = e_values(sample, -1), e_values(sample, 1), intervals(sample)
    for trial in range(3):
        for look in (1, 2, 57, 200):
            kept = capital(sample, trial, range(look))
            assert harm[trial, look - 1] == pytest.approx(kept.e_harm, rel=1e-9)
            assert benefit[trial, look - 1] == pytest.approx(kept.e_benefit, rel=1e-9)
            ends = mean[trial, look - 1] - half[trial, look - 1], mean[trial, look - 1] + half[trial, look - 1]
            expected = confidence_sequence(kept.n, kept.total, kept.squares)
            assert np.clip(ends, -1, 1).tolist() == pytest.approx(expected, rel=1e-9)


def test_it_alarms_when_the_product_does() -> None:
    sample = sample_of(TrialWorld(-0.5, ramp=RAMP, sessions=300))
    for trial, called in enumerate(alarms(sample).tolist()):
        watched, alarm = Detector(), NEVER
        for at, probability in enumerate(sample.probability.tolist()):
            watched = watched.add(sample.stakes[trial, at] / min(probability, 1 - probability), probability)
            alarm = min(alarm, at + 1) if watched.value >= RUN_LENGTH else alarm
        assert called == alarm < NEVER


def test_it_freezes_when_the_product_does() -> None:
    sample = sample_of(TrialWorld(ramp=RAMP, missing=0.3, sessions=200))
    assignment, missing = ratio_e_values(sample)
    for trial in range(3):
        kept = Ratio()
        for at, probability in enumerate(sample.probability.tolist()):
            shown, known = bool(sample.shown[trial, at]), bool(sample.known[trial, at])
            kept = kept.add_assignment(shown, probability).add_outcome(shown, probability, not known)
        assert assignment[trial, -1] == pytest.approx(kept.e_assignment, rel=1e-9)
        assert missing[trial, -1] == pytest.approx(kept.e_missing, rel=1e-9)


@pytest.mark.parametrize("path", [in_order, arrived_only, unbroken_prefix, imputed_against])
def test_scores_that_are_there_at_once_are_counted_alike(path: Path) -> None:
    sample = sample_of(TrialWorld(sessions=300))
    np.testing.assert_allclose(path(sample, -0.4), in_order(sample, -0.4), atol=1e-12)


def test_the_prefix_ends_at_the_first_open_score() -> None:
    sample = sample_of(TrialWorld(late=0.1, sessions=300))
    evidence = e_values(sample, -1, unbroken_prefix)
    for trial in range(3):
        for look in (1, 100, 101, 250, 300):
            is_open = sample.lag[trial, :look] + np.arange(look) >= look
            resolved = int(is_open.argmax()) if is_open.any() else look
            assert evidence[trial, look - 1] == pytest.approx(capital(sample, trial, range(resolved)).e_harm)


def test_open_scores_imputed_against_never_say_more_than_they_will() -> None:
    sample = sample_of(TrialWorld(-0.3, late_successes=True, sessions=400), trials=20)
    imputed, truth = e_values(sample, -1, imputed_against), e_values(sample, -1)
    assert (imputed <= truth * (1 + 1e-9)).all()
    settled = sample.lag[:, -LATE_BY:].max(axis=1) == 0
    np.testing.assert_allclose(imputed[settled, -1], truth[settled, -1])


@pytest.mark.parametrize("base", [0.6, 0.85, 0.95])
def test_tasks_differ_as_much_as_is_said(base: float) -> None:
    sample = sample_of(TrialWorld(base=base, sessions=400), trials=400)
    assert sample.reward.mean() == pytest.approx(base, abs=0.02)
    rest = (sample.reward - sample.predicted)[:, 200:].var()
    assert rest / (base * (1 - base)) == pytest.approx(0.65, abs=0.06)


def share(name: str, look: int, trials: int = 300) -> float:
    world, rule = LINES[name]
    return row_of("", name, world, rule, trials, 1).by[LOOKS.index(look)]


@pytest.mark.parametrize("name", [NULLS[0][0], "20 % of scores missing", "successes if shown late, either"])
def test_false_rollbacks_are_rarer_than_one_in_twenty_however_often_one_looks(name: str) -> None:
    assert share(name, 1_600) <= 0.05


def test_harm_is_found() -> None:
    found = row_of("", "effect −0.15", *LINES["effect −0.15"], 300, 1)
    assert found.by[2] >= 0.75
    assert found.by[3] >= 0.95
    assert found.kept
    large = row_of("", "effect −0.30", *LINES["effect −0.30"], 300, 1).median
    assert large is not None
    assert large <= 100


def test_ways_that_are_not_ours_err_often() -> None:
    assert share("no effect, z-test after each session", 400) > 0.15
    assert share("no effect, successes if shown late, only what arrived", 400) > 0.3


def test_few_of_the_lessons_adopted_do_nothing() -> None:
    adopted = adoptions(25, np.random.default_rng(1))
    true = np.array(BATCH) > 0
    assert (adopted[:, ~true].sum(1) / np.maximum(adopted.sum(1), 1)).mean() <= 0.1
    assert adopted[:, true].mean() > 0.9


def decided(benefit: list[list[float]], better: list[list[bool]]) -> list[bool]:
    """Decisions on two lessons, look by look; no trial ends by itself."""
    values: Floats = np.array(benefit)
    return list(adopt(values, np.array(better), np.zeros(values.shape, bool)).tolist())


def test_a_lesson_whose_interval_holds_nothing_helps_no_other() -> None:
    assert decided([[15.0], [15.0]], [[True], [True]]) == [True, True]
    assert decided([[15.0], [15.0]], [[True], [False]]) == [False, False]


def test_an_adopted_lesson_keeps_the_evidence_that_it_had() -> None:
    assert decided([[25.0, 0.1], [1.0, 12.0]], [[True, False], [True, True]]) == [True, True]


def test_the_table_says_what_was_asked_and_what_is_so() -> None:
    rows = [Row(FALSE_GROUP, "one", (0.0, 0.01, 0.02, 0.03, 0.04), None, "≤ 5 %", True)]
    text = table(rows, [Figure("delay", float(NEVER)), Figure("rate", 0.2, "≤ 0.10", False)])
    assert "| false rollback | one | 0.000 | 0.010 | 0.020 | 0.030 | 0.040 | – | ≤ 5 % | kept |" in text
    assert "| delay | never |  |  |" in text
    assert "| rate | 0.200 | ≤ 0.10 | **not kept** |" in text


def test_what_is_never_called_has_no_median() -> None:
    assert first(np.array([[False, True, True], [False, False, False]])).tolist() == [2, NEVER]
    never = row_of("", "never", TrialWorld(sessions=10), lambda sample: np.full(len(sample.shown), NEVER), 4, 1)
    assert never.median is None
    assert not math.fsum(never.by)
