"""The effect of a trial over its sessions, drawn in characters."""

from collections.abc import Sequence

from reverie.display_name import numbered
from reverie.trials.report import CurvePoint

HEIGHT = 11
"""Lines, the middle one at an effect of nought."""
WIDTH = 60
_LEAST_LIMIT = 0.05
_EARLY = 4
"""Intervals of the first part of this many may run out of the picture."""


def draw_curve(points: Sequence[CurvePoint], width: int = WIDTH) -> list[str]:
    """Lines of text: ``●`` the effect, ``│`` its interval, ``┊`` where the subject was adopted; none without points."""
    if not points:
        return []
    columns = _columns(points, width)
    limit = _limit(points)
    middle = HEIGHT // 2
    lines = []
    for row in range(HEIGHT):
        level = limit * (middle - row) / middle
        label = f"{level:+.2f}" if row in (0, HEIGHT - 1) else " 0.00" if row == middle else ""
        lines.append(f"{label:>5} ┤" + "".join(_mark(columns, at, level, limit / middle) for at in range(len(columns))))
    first, last = f"{points[0].sessions}", f"{numbered(points[-1].sessions, 'session')}"
    return [*(line.rstrip() for line in lines), " " * 7 + first + last.rjust(max(len(columns) - len(first), 0))]


def _columns(points: Sequence[CurvePoint], width: int) -> list[CurvePoint]:
    """One point a column, the last one in the last."""
    if len(points) <= width:
        return list(points)
    return [points[round((at + 1) * len(points) / width) - 1] for at in range(width)]


def _limit(points: Sequence[CurvePoint]) -> float:
    """The effect at the upper edge, and with the other sign at the lower one."""
    settled = points[len(points) // _EARLY :]
    widest = max(abs(end) for end in (settled[0].low, settled[0].high, *(point.effect for point in settled)))
    return min(max(widest, _LEAST_LIMIT), 1.0)


def _mark(columns: Sequence[CurvePoint], at: int, level: float, step: float) -> str:
    point = columns[at]
    if abs(point.effect - level) <= step / 2:
        return "●"
    if at and point.adopted != columns[at - 1].adopted:
        return "┊"
    if point.low - step / 2 <= level <= point.high + step / 2:
        return "│"
    return "─" if level == 0 else " "
