"""The report's tables of the other kinds of patterns."""

from datetime import UTC, datetime

from reverie.overview.overview import (
    Anomalies,
    Anomaly,
    Branch,
    Flow,
    FlowStep,
    LevelChange,
    Move,
    Overview,
    Recovery,
    Trend,
    WeakSegment,
)
from reverie.reports.html import render_report
from reverie.reports.overview import overview_tables
from reverie.statistics.quantity import Estimate, Rate
from tests.reports.dream_samples import NOON, empty_dream

EFFECT = Estimate(0.2, 0.1, 0.3, 4.0, 20, 50, 60, 0.7, 0.5)
RATE = Rate(0.4, 0.3, 0.5, 80)
MAY = datetime(2026, 5, 1, tzinfo=UTC)
DROP = LevelChange(NOON, NOON, MAY, EFFECT, "desk 2")
OVERVIEW = Overview(
    flows=(
        Flow(
            (FlowStep("lookup", 1.0, (Branch("refund", 1.0),)), FlowStep("refund", 0.9, ())),
            100, 0.9, 0.4, None, None, False, ("s1",),
        ),
    ),
    recoveries=(
        Recovery("after error:timeout", 90, RATE, (Move("call:lookup", 0.5, EFFECT, 0.001, ("s2", "s3", "s4")),), ""),
    ),
    weak_segments=(WeakSegment("theme", "<b>refund</b>", 80, 48, 0.6, RATE, -0.2, -0.3, -0.1, 0.01, ("s5",)),),
    trends=(
        Trend("reward", "reward", 500, NOON, MAY, 0.001, (DROP,), 0.1, 0, 0.2),
    ),
    anomalies=Anomalies((Anomaly("s9", "steps: 600", "steps", 600, 12, 9.0, 0.001, None),), 1, 500),
)  # fmt: skip


def test_every_kind_with_something_to_say_has_a_table() -> None:
    titles = [table.title for table in overview_tables(OVERVIEW)]
    assert titles == [
        "Flows of good sessions", "What works after trouble", "Where sessions fail most", "Changes over time",
        "Sessions far out",
    ]  # fmt: skip
    assert all(len(row) == len(table.columns) for table in overview_tables(OVERVIEW) for row in table.rows)


def test_effects_have_intervals_and_what_cannot_be_told_is_said_to_be_so() -> None:
    flows, recoveries, *_ = overview_tables(OVERVIEW)
    assert flows.rows[0][3] == "not enough repeats to tell"
    assert recoveries.rows[0][:3] == (
        "call `lookup`, when the last tool call failed with “timeout”", "50% of 90", "+0.20 (+0.10 to +0.30)",
    )  # fmt: skip


def test_the_page_holds_the_tables_escaped() -> None:
    page = render_report(empty_dream(), {}, generated_at=NOON, overview=OVERVIEW)
    assert "More patterns" in page
    assert "&lt;b&gt;refund&lt;/b&gt;" in page
    assert "<code>lookup</code> → <code>refund</code>" in page


def test_without_an_overview_the_page_is_as_it_was() -> None:
    assert "More patterns" not in render_report(empty_dream(), {}, generated_at=NOON)
