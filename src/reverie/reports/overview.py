"""What the report says of the other kinds of patterns: each row in words, ready for a table."""

import msgspec

from reverie.display_name import shown_name
from reverie.overview.overview import LevelChange, Overview, Trend
from reverie.reports.patterns import label_of, words_of
from reverie.reports.words import counted, q_words, signed
from reverie.statistics.quantity import Estimate, Rate

_SHOWN = 8
_FDR = 0.05
_CANNOT_TELL = "not enough repeats to tell"


class Table(msgspec.Struct, frozen=True):
    """One kind of pattern, as the report shows it."""

    title: str
    meaning: str
    """One sentence on how to read it."""
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Text between backticks is code; the last cell names example sessions."""


def overview_tables(overview: Overview) -> tuple[Table, ...]:
    """The tables that have something to say, in reading order."""
    tables = (
        _flows(overview),
        _recoveries(overview),
        _weak_segments(overview),
        _themes(overview),
        _fallbacks(overview),
        _trends(overview),
        _drifts(overview),
        _wordings(overview),
        _hand_offs(overview),
        _anomalies(overview),
        _correlations(overview),
    )
    return tuple(table for table in tables if table.rows)


def _flows(overview: Overview) -> Table:
    return Table(
        "Flows of good sessions",
        "Steps in an order that good sessions share; others may come between. The effect compares sessions at the "
        "moment they take the last step.",
        ("Steps", "Good sessions", "Others", "Effect", "q", "Examples"),
        tuple(
            (
                " → ".join(f"`{shown_name(step.action)}`" for step in flow.steps),
                f"{flow.share_of_good:.0%}",
                f"{flow.share_of_others:.0%}",
                _effect(flow.effect),
                _q(flow.q_value),
                _ids(flow.example_session_ids),
            )
            for flow in overview.flows[:_SHOWN]
        ),
    )


def _recoveries(overview: Overview) -> Table:
    rows = [
        (
            words_of(label_of(recovery.situation, move.action)),
            f"{move.share:.0%} of {recovery.sessions:,}",
            _effect(move.effect),
            _q(move.q_value),
            _ids(move.example_session_ids),
        )
        for recovery in overview.recoveries
        for move in recovery.works[:2]
    ]
    return Table(
        "What works after trouble",
        "Next actions that go with a better end than other next actions, among sessions of the same stratum.",
        ("Do this", "How many did", "Effect", "q", "Examples"),
        tuple(rows[:_SHOWN]),
    )


def _weak_segments(overview: Overview) -> Table:
    return Table(
        "Where sessions fail most",
        "Segments that earn less than comparable sessions, those with most failures first: what to improve first.",
        ("Segment", "Failures", "Of all failures", "Mean reward", "Against the rest", "q", "Examples"),
        tuple(
            (
                f"{weak.kind} “{shown_name(weak.label)}”",
                f"{weak.failures:,} of {weak.size:,}",
                f"{weak.share_of_failures:.0%}",
                _rate(weak.reward),
                f"{signed(weak.difference)} ({signed(weak.low)} to {signed(weak.high)})",
                _q(weak.q_value),
                _ids(weak.example_session_ids),
            )
            for weak in overview.weak_segments[:_SHOWN]
        ),
    )


def _themes(overview: Overview) -> Table:
    return Table(
        "Themes",
        f"Openings that ask for like things. {overview.themes_note[:1].upper()}{overview.themes_note[1:]}.",
        ("Theme", "Sessions", "Mean reward", "Typical opening"),
        tuple(
            (
                f"“{shown_name(theme.name)}”",
                f"{theme.sessions:,} ({theme.share:.0%})",
                _rate(theme.reward),
                theme.exemplars[0].opening if theme.exemplars else "",
            )
            for theme in overview.themes[:_SHOWN]
        ),
    )


def _fallbacks(overview: Overview) -> Table:
    unusual = [rate for rate in overview.fallbacks if rate.q_value <= _FDR and rate.difference > 0]
    return Table(
        "Where the agent falls back",
        "Segments in which it says more often than elsewhere that it cannot or does not know, or repeats itself.",
        ("Segment", "Sessions with a fallback", "Against the rest", "q", "Examples"),
        tuple(
            (
                f"{rate.kind} “{shown_name(rate.label)}”",
                _rate(rate.rate),
                f"{signed(rate.difference)} ({signed(rate.low)} to {signed(rate.high)})",
                _q(rate.q_value),
                _ids(rate.example_session_ids),
            )
            for rate in unusual[:_SHOWN]
        ),
    )


def _trends(overview: Overview) -> Table:
    rows = [_trend_row(trend, change) for trend in overview.trends for change in trend.changes]
    return Table(
        "Changes over time",
        "Steps beyond chance, compared for like requests; dates and sizes with 95 % intervals.",
        ("What", "When", "Change", "With it came", "q"),
        tuple(rows[:_SHOWN]),
    )


def _trend_row(trend: Trend, change: LevelChange) -> tuple[str, ...]:
    name = trend.name if trend.kind in ("reward", "fallback") else words_of(trend.name)
    between = f"{change.at:%Y-%m-%d} ({change.earliest:%Y-%m-%d} to {change.latest:%Y-%m-%d})"
    return (
        name,
        between,
        _effect(change.size),
        f"`{shown_name(change.variant)}`" if change.variant else "",
        _q(trend.q_value),
    )


def _drifts(overview: Overview) -> Table:
    return Table(
        "Advice that does not hold at all times",
        "Behaviours whose effect differs between four windows of time.",
        ("Behaviour", "Effect in each window", "q"),
        tuple(
            (
                words_of(label_of(drift.situation, drift.behaviour)),
                ", ".join(signed(w.effect.effect) if w.effect else "?" for w in drift.windows),
                _q(drift.q_value),
            )
            for drift in overview.drifts[:_SHOWN]
        ),
    )


def _wordings(overview: Overview) -> Table:
    return Table(
        "Wording that goes with satisfaction",
        f"Phrases of the agent's first messages, in {counted(overview.wordings.sessions, 'session')} read; found on "
        "one part of them and confirmed on the other.",
        ("Phrase", "Goes with", "Effect", "q", "Examples"),
        tuple(
            (f"“{w.phrase}”", w.outcome, _effect(w.effect), _q(w.q_value), _ids(w.example_session_ids))
            for w in overview.wordings.found[:_SHOWN]
        ),
    )


def _hand_offs(overview: Overview) -> Table:
    return Table(
        "Hand-offs between agents",
        "Who hands to whom, and the reward of sessions with it against like sessions without it.",
        ("From → to", "Sessions", "Mean reward", "Effect", "q", "Examples"),
        tuple(
            (
                f"{shown_name(h.giver)} → {shown_name(h.taker)}",
                f"{h.sessions:,}",
                _rate(h.reward),
                _effect(h.effect),
                _q(h.q_value),
                _ids(h.example_session_ids),
            )
            for h in overview.hand_offs[:_SHOWN]
        ),
    )


def _anomalies(overview: Overview) -> Table:
    found = overview.anomalies
    return Table(
        "Sessions far out",
        f"{counted(found.sessions, 'session').capitalize()} of {found.looked_at:,}; about "
        f"{found.false_alarm_share:.0%} of them would be expected by chance.",
        ("Session", "Why"),
        tuple((f"`{a.session_id}`", a.reason) for a in found.found[:_SHOWN]),
    )


def _correlations(overview: Overview) -> Table:
    sure = [c for c in overview.correlations if c.q_value <= _FDR]
    return Table(
        "Measures that go together",
        "Rank correlations within strata; no measure need be the cause of the other.",
        ("Measures", "Correlation", "Pooled", "q"),
        tuple(
            (
                f"{c.first} and {c.second}",
                f"{signed(c.rho)} ({signed(c.low)} to {signed(c.high)})",
                signed(c.pooled_rho),
                _q(c.q_value),
            )
            for c in sure[:_SHOWN]
        ),
    )


def _effect(estimate: Estimate | None) -> str:
    if estimate is None:
        return _CANNOT_TELL
    return f"{signed(estimate.effect)} ({signed(estimate.low)} to {signed(estimate.high)})"


def _rate(rate: Rate | None) -> str:
    return f"{rate.value:.2f} ({rate.low:.2f} to {rate.high:.2f})" if rate else "no scores"


def _q(q_value: float | None) -> str:
    return "" if q_value is None else q_words(q_value)


def _ids(session_ids: tuple[str, ...]) -> str:
    return ", ".join(f"`{session_id}`" for session_id in session_ids[:2])
