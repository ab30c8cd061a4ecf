"""Live trials in the report: a card each, with a picture, and hostile text that is only shown."""

import re
import xml.etree.ElementTree as ET

import msgspec
import pytest

from reverie.reports.charts import NARROW, WIDE, effect_chart
from reverie.reports.html import render_report
from reverie.reports.trials import MOST_DRAWN
from reverie.statistics.confidence_sequence import confidence_sequence
from reverie.trials.forecast import Forecast
from reverie.trials.numbers import Numbers
from reverie.trials.policy import LivePolicy
from reverie.trials.report import CurvePoint, TracedTrial, TrialReport
from reverie.trials.trial import Subject, TrialState
from tests.reports.dream_samples import NOON, support_desk

NUMBERS = Numbers(120, 58, 62, 4, (0, 1), 0.6, 0.71, 0.11, -0.05, 0.27, 3.2, 0.4, 1.0, 1.0)


def traced(state: TrialState = "trial", *, title: str = "Verify first", sessions: int = 120) -> TracedTrial:
    report = TrialReport(
        id=f"trl_{state}",
        memory_store_id="memstore_1",
        subject=Subject("lesson", ("lsn_1",)),
        title=title,
        state=state,
        mode="ask",
        reason="" if state == "trial" else "decided by a person",
        what_next="rolled back at an e-value of 20 for harm (now 0.4)" if state == "trial" else "",
        numbers=NUMBERS,
        contaminated=0.1,
        forecast=Forecast(150.0, 444.0, 4.5, 2.9, 0.081) if state == "trial" else None,
        proposal=None,
        decisions=(),
        policy=LivePolicy(),
        guardrails=(),
        batch="drm_1",
        created_at=NOON,
        created_by="drm_1",
        decided_at=None,
    )
    return TracedTrial(report, points(sessions, adopted_from=80 if state == "adopted" else None))


def points(sessions: int, adopted_from: int | None = None) -> tuple[CurvePoint, ...]:
    return tuple(
        CurvePoint(n, adopted_from is not None and n >= adopted_from, 0.11, *confidence_sequence(n, 0.11 * n, n))
        for n in range(1, sessions + 1)
    )


def page(*trials: TracedTrial) -> str:
    return render_report(support_desk()[0], {}, generated_at=NOON, trials=trials)


def test_a_trial_is_told_with_its_numbers_what_would_change_it_and_when_it_ends() -> None:
    text = re.sub(r"<[^>]+>|\s+", " ", page(traced()))
    for told in (
        "Verify first.",
        "What would change that: rolled back at an e-value of 20 for harm (now 0.4).",
        "120 sessions: 58 were shown it (71 of 100), 62 were not (60 of 100).",
        "Effect +0.11 (−0.05 to +0.27) in reward. 4 sessions waited for; scores missing in 1 of those shown it and 0",
        "10% of the sessions without it read notes of sessions with it",
        "150 eligible sessions a month: 2.9 months to go at the most; effects beyond 0.08 can be seen.",
    ):
        assert told in re.sub(r" +", " ", text).replace(" .", ".").replace(" (", " ("), told


def test_a_store_without_trials_has_no_section_of_them() -> None:
    assert "Live trials" not in page()
    assert page(traced()).count('href="#trials"') == 1


def test_trials_that_need_somebody_or_go_on_come_first_and_many_are_counted() -> None:
    states: tuple[TrialState, ...] = ("ended", "adopted", "trial", "frozen", "rejected")
    assert re.findall("<code>(trl_[a-z]+)</code>", page(*map(traced, states))) == [
        f"trl_{state}" for state in ("frozen", "trial", "adopted", "rejected", "ended")
    ]
    assert "And 2 more trials" in page(*[traced(sessions=2)] * (MOST_DRAWN + 2))


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_picture_is_named_and_marks_where_a_lesson_was_adopted(width: int) -> None:
    chart = ET.fromstring(str(effect_chart(points(120, adopted_from=80), width, "effect-1")))
    assert chart.get("aria-labelledby") == f"effect-1-{width}-title effect-1-{width}-summary"
    summary = chart.find("desc")
    assert summary is not None and (summary.text or "").startswith("after 120 sessions +0.11 (")
    assert len(chart.findall(".//polygon")) == len(chart.findall(".//polyline")) == 2
    words = [text.text for text in chart.iter("text")]
    assert "adopted" in words and {"+0.20", "0.00", "−0.20"} <= set(words)
    places = [float(at) for one in chart.iter("polygon") for at in re.findall(r"[\d.]+(?=,)", one.get("points") or "")]
    assert min(places) >= 0 and max(places) <= width


def test_one_session_is_a_picture_and_none_is_no_picture() -> None:
    assert "<polyline" in page(traced(sessions=1))
    assert "Effect over sessions" not in page(msgspec.structs.replace(traced(), points=()))


def test_words_of_a_trial_are_only_shown() -> None:
    attack = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    shown = page(traced(title=attack))
    assert "<script" not in shown and "<img" not in shown and "&lt;script&gt;" in shown
