"""The charts: text that is text, colours from the page, nothing that clashes with another chart."""

import re
import xml.etree.ElementTree as ET

import pytest

from reverie.dreams.dream import TrendPoint
from reverie.reports.charts import NARROW, WIDE, forest_chart, trend_chart
from reverie.reports.patterns import choose_patterns
from tests.reports.dream_samples import pattern, support_desk


def _parsed(svg: str) -> ET.Element:
    return ET.fromstring(str(svg))


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_chart_is_well_formed_and_named_for_those_who_cannot_see_it(width: int) -> None:
    chart = _parsed(forest_chart(support_desk()[0].patterns[:3], width))
    assert chart.get("role") == "img"
    assert chart.get("aria-labelledby") == f"forest-{width}-title forest-{width}-summary"
    summary = chart.find("desc")
    assert summary is not None and summary.text is not None
    assert "before issue_refund | call:verify_identity: +0.19 (+0.08 to +0.30), adopted" in summary.text


def test_labels_are_text_not_outlines() -> None:
    chart = forest_chart(support_desk()[0].patterns[:1], WIDE)
    assert "call verify_identity before the first" in "".join(_parsed(chart).itertext())


def test_colours_and_fonts_come_from_the_page() -> None:
    charts = forest_chart(support_desk()[0].patterns, WIDE) + trend_chart(support_desk()[0].trend, WIDE)
    assert re.findall("(?:fill|stroke): #", charts) == []
    assert "font-family" not in charts
    for variable in ("--ink", "--muted", "--line", "--adopted", "--candidate", "--refused"):
        assert f"var({variable})" in charts


def test_wide_and_narrow_charts_share_no_id() -> None:
    rows = choose_patterns(support_desk()[0].patterns)
    ids = [re.findall(' id="([^"]*)"', forest_chart(rows, width)) for width in (WIDE, NARROW)]
    assert len(ids[0]) == len(set(ids[0]))
    assert not set(ids[0]) & set(ids[1])


def test_verdicts_differ_in_shape_and_the_pooled_claim_is_hollow() -> None:
    shapes = set()
    for verdict in ("adopted", "candidate", "a symptom"):
        chart = forest_chart([pattern("session", "ask", 0.1, verdict, 0.3)], WIDE)
        (shape,) = re.findall(r'<path class="[a-z]+" d="M[^m]*(m[^"]*)"', chart)
        shapes.add(shape)
    assert len(shapes) == 3
    chart = forest_chart([pattern("session", "ask", None, "no task could tell", 0.3)], WIDE)
    assert re.findall('<circle [^>]*fill="([^"]*)"', chart) == ["none"]
    assert "cannot tell" in chart


def test_a_stretch_without_scores_leaves_a_gap_and_is_named() -> None:
    points = [TrendPoint(f"week {n}", 5, 5, 0.5, 0.4, 0.6) for n in range(3)]
    points[1] = TrendPoint("week 1", 5, 0, None, None, None)
    chart = _parsed(trend_chart(points, WIDE))
    summary = chart.find("desc")
    assert summary is not None
    assert summary.text == "week 0: 0.50; week 1: no scores; week 2: 0.50"
    marks = [float(circle.get("cx", "")) for circle in chart.findall(".//circle")]
    intervals = [
        float(x) for path in chart.iter("path") for x in re.findall(r"^M([0-9.]+) [0-9.]+m", path.get("d", ""))
    ]
    assert len(marks) == 2
    assert intervals == marks
    assert chart.findall(".//polyline") == []


def test_neighbouring_points_are_joined_and_better_ones_stand_higher() -> None:
    chart = _parsed(trend_chart([TrendPoint(f"week {n}", 5, 5, n / 4, None, None) for n in range(4)], NARROW))
    (line,) = chart.findall(".//polyline")
    heights = [float(point.partition(",")[2]) for point in line.get("points", "").split()]
    assert heights == sorted(heights, reverse=True)
    assert [float(circle.get("cy", "")) for circle in chart.findall(".//circle")] == heights


def test_the_axis_has_round_numbers_and_nought_among_them() -> None:
    chart = forest_chart([pattern("session", "ask", 0.1, "adopted", 0.3)], WIDE)
    labels = re.findall('<text x="[^"]*" y="[^"]*">([−+0-9.]+)</text>', chart)
    assert labels == ["0.00", "+0.10", "+0.20", "+0.30"]


def test_names_in_any_script_are_drawn() -> None:
    assert "漢字" in forest_chart([pattern("session", "call:漢字", 0.1, "adopted", 0.1)], NARROW)
