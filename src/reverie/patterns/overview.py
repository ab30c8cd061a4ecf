"""All that the sessions show besides what separates good from bad behaviour: one record, one function."""

from collections.abc import Iterable, Sequence

import msgspec

from reverie.patterns.anomaly import Anomalies, find_anomalies
from reverie.patterns.correlation import Correlation, find_correlations
from reverie.patterns.flow import Flow, find_flows
from reverie.patterns.handoff import HandOff, find_hand_offs
from reverie.patterns.recovery import Recovery, find_recoveries
from reverie.patterns.segment import SegmentRate, WeakSegment, fallback_rates, weak_segments
from reverie.patterns.table import SessionTable
from reverie.patterns.theme import Theme, find_themes, group_openings
from reverie.patterns.trend import EffectDrift, Trend, find_drifts, find_trends
from reverie.patterns.wording import Wordings, find_wordings


class Overview(msgspec.Struct, frozen=True):
    """Patterns of every other kind; each empty where the sessions cannot tell."""

    flows: tuple[Flow, ...] = ()
    recoveries: tuple[Recovery, ...] = ()
    themes: tuple[Theme, ...] = ()
    themes_note: str = ""
    """How many themes were chosen, and why."""
    weak_segments: tuple[WeakSegment, ...] = ()
    fallbacks: tuple[SegmentRate, ...] = ()
    trends: tuple[Trend, ...] = ()
    drifts: tuple[EffectDrift, ...] = ()
    anomalies: Anomalies = Anomalies((), 0, 0)
    wordings: Wordings = Wordings((), 0, 0)
    hand_offs: tuple[HandOff, ...] = ()
    correlations: tuple[Correlation, ...] = ()


def describe_sessions(table: SessionTable, texts: Iterable[tuple[int, Sequence[str]]] = ()) -> Overview:
    """Look for every kind of pattern.

    Deterministic. ``texts`` are the agent's messages of some sessions (see ``wording.sessions_to_read``).
    """
    grouping = group_openings(table)
    labels = grouping.labels()
    return Overview(
        flows=find_flows(table),
        recoveries=find_recoveries(table),
        themes=find_themes(table, grouping),
        themes_note=grouping.chosen_by,
        weak_segments=weak_segments(table, labels),
        fallbacks=fallback_rates(table, labels),
        trends=find_trends(table),
        drifts=find_drifts(table),
        anomalies=find_anomalies(table),
        wordings=find_wordings(table, texts),
        hand_offs=find_hand_offs(table),
        correlations=find_correlations(table),
    )
