"""Trials and assignments for tests."""

from datetime import UTC, datetime, timedelta
from random import Random

from reverie.trials.policy import LivePolicy
from reverie.trials.tally import Tally, fold
from reverie.trials.trial import Assignment, Guardrail, Subject, Trial, TrialState

START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = START + timedelta(days=1)
MUCH_LATER = START + timedelta(days=30)


def trial(
    state: TrialState = "trial", guardrails: tuple[Guardrail, ...] = (), policy: LivePolicy | None = None
) -> Trial:
    """A trial of one lesson."""
    return Trial(
        id="trl_1",
        memory_store_id="memstore_1",
        subject=Subject("lesson", ("lsn_1",), "v"),
        state=state,
        salt="salt",
        policy=policy or LivePolicy(mode="act"),
        guardrails=guardrails,
        batch="drm_1",
        title="Look first",
        created_at=START,
        created_by="drm_1",
    )


def assignments(
    count: int,
    effect: float,
    *,
    base: float = 0.5,
    seed: int = 1,
    share: float = 0.5,
    scored: bool = True,
    measures: tuple[dict[str, float], dict[str, float]] = ({}, {}),
) -> list[Assignment]:
    """Sessions of which a ``share`` is shown the subject, with rewards of 0 or 1; ``measures`` are by arm."""
    random = Random(seed)
    made = []
    for order in range(1, count + 1):
        shown = random.random() < share
        reward = float(random.random() < base + effect * shown) if scored else None
        made.append(Assignment(order, shown, share, base, START, True, reward, measures[shown]))
    return made


def counted(made: list[Assignment], guardrails: tuple[Guardrail, ...] = ()) -> Tally:
    """Their sums, with every deadline past."""
    return fold(Tally(), made, guardrails, timedelta(days=7), MUCH_LATER)
