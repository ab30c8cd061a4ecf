"""How well a measure predicts a score, with intervals that hold the truth."""

import numpy as np
import pytest

from reverie.statistics.calibration import Calibration, calibrate

ALONE = np.arange(60, dtype=np.int32)


def sample(seed: int, *, strata: int, size: int) -> Calibration:
    """A measure that is the score with normal noise, in strata of different difficulty: AUC about 0.76."""
    generator = np.random.default_rng(seed)
    stratum = np.repeat(np.arange(strata), size).astype(np.int32)
    score = (generator.random(len(stratum)) < generator.uniform(0.2, 0.8, strata)[stratum]).astype(np.float64)
    return calibrate(score + generator.normal(0, 1, len(score)), score, stratum)


def test_a_perfect_measure_has_an_auc_and_a_kappa_of_one_and_intervals_below() -> None:
    score = np.tile([0.0, 1.0], 30)
    found = calibrate(score, score, ALONE)
    assert found.auc is not None and found.kappa is not None
    assert (found.auc.value, found.kappa.value) == (1.0, 1.0)
    assert 0.8 < found.auc.low < 1.0
    assert 0.8 < found.kappa.low < 1.0


def test_ties_count_half() -> None:
    score = np.tile([0.0, 1.0], 30)
    found = calibrate(np.full(60, 0.7), score, ALONE)
    assert found.auc is not None
    assert found.auc.value == 0.5
    assert found.auc.low < 0.5 < found.auc.high


def test_within_strata_only_their_own_pairs_count() -> None:
    # Across strata the measure misleads; inside each the good session has the larger value.
    score, measure = np.tile([0.0, 1.0], 20), np.tile([0.0, 1.0], 20) - 10.0 * np.repeat(np.arange(20), 2)
    found = calibrate(measure, score, np.repeat(np.arange(20), 2).astype(np.int32))
    assert found.auc_within is not None and found.auc is not None
    assert (found.auc_within.value, found.auc_within.high) == (1.0, 1.0)
    assert found.auc.value < 0.6


@pytest.mark.parametrize(("strata", "size"), [(60, 1), (40, 10)])
def test_intervals_of_the_auc_hold_the_truth(strata: int, size: int) -> None:
    found = [sample(seed, strata=strata, size=size) for seed in range(200)]
    spans = [one.auc_within if size > 1 else one.auc for one in found]
    # P(N(1, 2) > 0): one normal beats another that is one lower.
    assert np.mean([span is not None and span.low <= 0.7602 <= span.high for span in spans]) >= 0.92


def test_labels_that_are_all_alike_say_nothing() -> None:
    found = calibrate(np.linspace(0, 1, 60), np.ones(60), ALONE)
    assert (found.sessions, found.auc, found.auc_within, found.rank_correlation) == (60, None, None, None)


def test_what_is_not_known_is_left_out() -> None:
    score = np.tile([0.0, 1.0], 30)
    measure = np.where(np.arange(60) < 20, np.nan, score)
    assert calibrate(measure, score, ALONE).sessions == 40
    assert calibrate(np.full(60, np.nan), score, ALONE) == Calibration(0, None, None, None, None)
