"""The dream's report: one HTML file that needs no network and no JavaScript."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import jinja2
import msgspec

from reverie.dreams.dream import DreamResult, StrataSummary
from reverie.lessons.lesson import Lesson, LessonStatus
from reverie.overview.overview import Overview
from reverie.reports import words
from reverie.reports.charts import NARROW, WIDE, forest_chart, trend_chart
from reverie.reports.evidence import SHOWN_TRANSCRIPTS, Citation, ShownTranscript, cite, show_transcripts
from reverie.reports.overview import overview_tables
from reverie.reports.patterns import PLOTTED, choose_patterns, claim_in_words, claim_of, words_of
from reverie.reports.refusals import group_refusals
from reverie.reports.team import placed_rows
from reverie.reports.trials import draw_trials
from reverie.reports.verdict import advice, verdict, with_status
from reverie.sessions.session import Transcript
from reverie.teams.routing_report import RoutingReport
from reverie.trials.report import TracedTrial

_LISTED: tuple[LessonStatus, ...] = ("adopted", "trial", "candidate", "retired")
"""Statuses shown as cards, in this order; refused lessons have a section of their own."""


class _Card(msgspec.Struct, frozen=True):
    number: int
    lesson: Lesson
    evidence: tuple[Citation, ...]
    counter_examples: tuple[Citation, ...]


def render_report(
    result: DreamResult,
    transcripts: Mapping[str, Transcript],
    *,
    generated_at: datetime,
    overview: Overview | None = None,
    trials: Sequence[TracedTrial] = (),
    routing: Sequence[RoutingReport] = (),
) -> str:
    """The report of ``result`` as a self-contained HTML page.

    Args:
        result: the dream; the page is drawn from this record, and the overview, alone.
        transcripts: the evidence sessions by session id. Those that are missing are cited without a link; of those
            given, at most ``SHOWN_TRANSCRIPTS`` are shown, shared fairly between the lessons.
        generated_at: when the report is made, printed in its footer.
        overview: patterns of the other kinds, where the dream looked for them.
        trials: the live trials of its store, by their numbers when the report is made.
        routing: of coordinators whose router drew in sessions that were read, as it stands when the report is made.
    """
    lessons = with_status(result.lessons, *_LISTED)
    shown = show_transcripts(lessons, transcripts)
    plotted = choose_patterns(result.patterns)
    widths = (WIDE, NARROW)
    drawn, more = draw_trials(trials)
    page = _ENVIRONMENT.get_template("report.html").render(
        result=result,
        verdict=verdict(result),
        advice=advice(result),
        cards=_cards(lessons, shown),
        adopted=len(with_status(lessons, "adopted")),
        plotted=plotted,
        forest=[forest_chart(plotted, width) for width in widths] if plotted else None,
        trend=[trend_chart(result.trend, width) for width in widths] if result.trend else None,
        refusals=group_refusals(result),
        shown=shown,
        cited=_cited_sessions(lessons),
        shown_at_most=SHOWN_TRANSCRIPTS,
        usage=_usage_rows(result.usage),
        listed_of_outcome=PLOTTED,
        overview=overview_tables(overview) if overview else (),
        placed=placed_rows(result),
        trials=drawn,
        more_trials=more,
        routing=routing,
        generated_at=generated_at,
    )
    return words.printable(page)


def _cards(lessons: tuple[Lesson, ...], shown: tuple[ShownTranscript, ...]) -> list[_Card]:
    return [
        _Card(number, lesson, cite(lesson.evidence, shown), cite(lesson.counter_examples, shown))
        for number, lesson in enumerate(lessons, start=1)
    ]


def _cited_sessions(lessons: tuple[Lesson, ...]) -> int:
    return len({item.session_id for lesson in lessons for item in (*lesson.evidence, *lesson.counter_examples)})


def _groups_words(number: int, strata: StrataSummary | None) -> str:
    """``38 tasks``, or the groups in whatever words the dream has for them."""
    by = strata.by if strata else "comparable sessions"
    if by == "task" or by.startswith("task,"):
        return words.counted(number, "task") + by.removeprefix("task")
    return f"{words.counted(number, 'group')} ({by})"


def _usage_rows(usage: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in usage.items():
        if isinstance(value, Mapping):
            rows += [(f"{key} · {inner}", text) for inner, text in _usage_rows(value)]
        else:
            rows.append((key.replace("_", " "), f"{value:,}" if isinstance(value, int | float) else str(value)))
    return rows


_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("reverie.reports"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= words.FILTERS | {
    "groups": _groups_words,
    "claim": claim_of,
    "claim_in_words": claim_in_words,
    "in_words": words_of,
}
