"""Live trials as the report shows them: those that go on first."""

from collections.abc import Sequence

import msgspec
from markupsafe import Markup

from reverie.reports.charts import NARROW, WIDE, effect_chart
from reverie.trials.report import TracedTrial, TrialReport
from reverie.trials.trial import TrialState

MOST_DRAWN = 30
_ORDER: tuple[TrialState, ...] = ("frozen", "trial", "adopted", "inconclusive", "rolled_back", "rejected", "ended")
_TONES: dict[TrialState, str] = {
    "frozen": "candidate",
    "trial": "trial",
    "adopted": "adopted",
    "inconclusive": "candidate",
    "rolled_back": "retired",
    "rejected": "refused",
    "ended": "retired",
}
"""The look of a card, as of a lesson's status."""


class DrawnTrial(msgspec.Struct, frozen=True):
    """A trial with its picture."""

    report: TrialReport
    tone: str
    charts: tuple[Markup, ...]
    """The wide and the narrow one; none where no session was counted."""


def draw_trials(trials: Sequence[TracedTrial]) -> tuple[list[DrawnTrial], int]:
    """The trials to show, and how many there are besides."""
    ordered = sorted(trials, key=lambda trial: _ORDER.index(trial.report.state))
    drawn = [_drawn(number, trial) for number, trial in enumerate(ordered[:MOST_DRAWN], start=1)]
    return drawn, len(ordered) - len(drawn)


def _drawn(number: int, trial: TracedTrial) -> DrawnTrial:
    charts = tuple(effect_chart(trial.points, width, f"effect-{number}") for width in (WIDE, NARROW) if trial.points)
    return DrawnTrial(trial.report, _TONES[trial.report.state], charts)
