"""Looks for every kind of pattern of an :class:`Overview`."""

from collections.abc import Iterable, Sequence

from reverie.overview.anomaly import find_anomalies
from reverie.overview.correlation import find_correlations
from reverie.overview.flow import find_flows
from reverie.overview.handoff import find_hand_offs
from reverie.overview.overview import (
    Overview,
)
from reverie.overview.recovery import find_recoveries
from reverie.overview.segment import fallback_rates, weak_segments
from reverie.overview.table import SessionTable
from reverie.overview.theme import find_themes, group_openings
from reverie.overview.trend import find_drifts, find_trends
from reverie.overview.wording import find_wordings


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
