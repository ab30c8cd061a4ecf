"""To whom tasks go, in the report: by draws, with intervals, and hostile names only shown."""

import re

from reverie.reports.html import render_report
from reverie.teams.routing_report import PolicyValue, RoutingCell, RoutingReport
from tests.reports.dream_samples import NOON, support_desk

HOSTILE = "<script>alert(1)</script>"
CELLS = (
    RoutingCell("sums", "ann", 40, 3, 0.8, 0.65, 0.9, 0.9, is_better=True),
    RoutingCell(HOSTILE, HOSTILE, 0, 1, None, None, None, 0.1, is_better=False),
)


def page(*, can_tell: bool) -> str:
    report = RoutingReport(
        agent_id="agent_lead",
        is_on=True,
        version=2,
        learned_at=NOON,
        agents=("ann", HOSTILE),
        draws=40,
        own=4,
        mean=0.8,
        even=PolicyValue(0.5, 0.4, 0.6, 40, 31.0, can_tell),
        cells=CELLS,
    )
    return render_report(support_desk()[0], {}, generated_at=NOON, routing=(report,))


def told(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_who_gets_a_task_is_told_with_counts_intervals_and_what_is_shown() -> None:
    text = told(page(can_tell=True))
    assert "40 draws with an outcome, 4 of them scored by themselves; they earned 80 of 100 a task" in text
    assert "even draws would have earned 50 of 100 (40 of 100 to 60 of 100)" in text
    assert "sums ann 40 3 80 of 100 (65 of 100 to 90 of 100) 90% better" in text
    assert "0 1 no outcome yet 10% not shown" in text
    assert "Team against one agent: not shown" in text


def test_what_cannot_be_told_is_said_and_names_are_no_markup() -> None:
    html = page(can_tell=False)
    assert "what even draws would have earned cannot be told yet" in told(html)
    assert HOSTILE not in html and "&lt;script&gt;" in html


def test_without_draws_there_is_no_such_section() -> None:
    assert "Who gets a task" not in render_report(support_desk()[0], {}, generated_at=NOON)
