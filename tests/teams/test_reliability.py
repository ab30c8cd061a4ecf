"""How often answers that were agreed on were right."""

import numpy as np

from reverie.teams.reliability import LEAST_CHECKS, Level, ScoredCheck, level_of, reliability

PAIR = level_of(["one", "two"], 3, "vote")
SAME = level_of(["one", "one"], 3, "vote")


def scored(level: Level, family: str, right: int, wrong: int) -> list[ScoredCheck]:
    return [ScoredCheck(level, family, float(place < right)) for place in range(right + wrong)]


def test_nothing_is_said_before_the_least_count() -> None:
    history = scored(PAIR, "sums", LEAST_CHECKS - 1, 0)
    assert reliability(history, PAIR, "sums") is None
    known = reliability([*history, *scored(PAIR, "sums", 1, 0)], PAIR, "sums")
    assert known is not None and known.checks == LEAST_CHECKS and known.low < known.value < 1.0


def test_what_other_models_or_another_agreement_showed_does_not_count() -> None:
    history = scored(PAIR, "sums", 500, 0)
    assert reliability(history, SAME, "sums") is None
    assert reliability(history, level_of(["one", "two", "two"], 3, "vote"), "sums") is None
    assert reliability(history, level_of(["two", "one"], 3, "vote"), "sums") is not None


def test_a_family_of_its_own_is_drawn_to_all_and_has_the_wider_interval() -> None:
    history = [*scored(PAIR, "sums", 90, 10), *scored(PAIR, "law", 1, 2)]
    sums, law, new = (reliability(history, PAIR, family) for family in ("sums", "law", "new"))
    assert sums is not None and law is not None and new is not None
    assert law.value < new.value < sums.value
    assert sums.high - sums.low < law.high - law.low < new.high - new.low
    assert (law.checks, law.of_family, new.of_family) == (103, 3, 0)


def test_nobodys_answer_has_no_reliability() -> None:
    none = level_of([], 3, "none")
    assert reliability(scored(none, "sums", 0, 50), none, "sums") is None


def run_checks(seed: int, checks: int, together: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What was reported of each check, its lower bound, and whether it was right.

    Three agents, right with a chance of the family's; with ``together`` all of them err alike.
    """
    draw = np.random.default_rng(seed)
    history: list[ScoredCheck] = []
    reported = []
    for _ in range(checks):
        family = int(draw.integers(4))
        skill = (0.55, 0.65, 0.75, 0.85)[family]
        right = draw.random(3) < skill
        if draw.random() < together:
            right[:] = right[0]
        # Who errs gives one of two wrong answers, or the same one where all err alike.
        answers = np.where(right, 0, 1 + draw.integers(1 if right.sum() == 0 and together else 2, size=3))
        values, counts = np.unique(answers, return_counts=True)
        if counts.max() < 2:
            continue
        winner = values[counts.argmax()]
        level = level_of([f"m{place}" for place in np.flatnonzero(answers == winner)], 3, "vote")
        known = reliability(history, level, str(family))
        if known is not None:
            reported.append((known.value, known.low, float(winner == 0)))
        history.append(ScoredCheck(level, str(family), float(winner == 0)))
    value, low, correct = np.array(reported).T
    return value, low, correct


def test_of_checks_reported_at_four_fifths_as_many_are_right() -> None:
    runs = [run_checks(seed, 2_500, 0.0) for seed in (7, 8, 9)]
    value, _, correct = (np.concatenate(part) for part in zip(*runs, strict=True))
    at = np.flatnonzero((value > 0.75) & (value < 0.85))[:500]
    assert len(at) == 500
    assert 0.72 <= correct[at].mean() <= 0.88


def test_agents_that_err_together_are_not_overrated() -> None:
    value, low, correct = run_checks(11, 2_500, 0.8)
    assert value.mean() - correct.mean() < 0.02
    assert low.mean() < correct.mean()
    assert correct[value > 0.9].mean() > 0.85
