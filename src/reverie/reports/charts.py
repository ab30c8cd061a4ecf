"""The report's charts as inline SVG, drawn by templates that take their colours and fonts from the page.

Each chart is drawn for one width in pixels; the page holds a wide and a narrow one and shows the fitting one. Colours
are the page's CSS variables, so that light and dark mode need no second drawing.
"""

import math
import textwrap
from collections.abc import Callable, Sequence

import jinja2
import msgspec
from markupsafe import Markup

from reverie.dreams.dream import PatternRow, TrendPoint
from reverie.lessons.lesson import Effect
from reverie.reports.patterns import PatternStatus, claim_in_words, claim_of, status_of
from reverie.reports.words import clipped, interval, printable, signed
from reverie.trials.report import CurvePoint

WIDE = 860
"""Width in pixels of charts for a desktop or paper."""
NARROW = 340
"""Width in pixels of charts for a telephone."""

_CHARACTER_WIDTH = 6.4
"""Pixels per character of a label, on the generous side."""
_TICK_PIXELS = 72
"""Between two numbers of an axis, at least."""
_DATE_PIXELS = 108
_UPRIGHT = 4
"""Numbers above one another need so many times less room than beside one another."""


def trend_chart(points: Sequence[TrendPoint], width: int) -> Markup:
    """Mean reward over time with 95 % intervals; a stretch without scores leaves a gap."""
    height = 250 if width == WIDE else 220
    left, right, top, bottom = 44, width - 28, 16, height - 44
    place = _scale(-0.5, len(points) - 0.5, left, right)
    every = max(1, -(-len(points) * _DATE_PIXELS // width))
    labels = [(place(i), clipped(printable(points[i].label), 13)) for i in range(0, len(points), every)]
    summary = "; ".join(
        f"{point.label}: {'no scores' if point.mean_reward is None else f'{point.mean_reward:.2f}'}" for point in points
    )
    return _drawn(
        "trend.svg", f"trend-{width}", "Mean reward over time", summary,
        width=width, height=height, left=left, right=right, bottom=bottom, points=points, stretches=_stretches(points),
        labels=labels, x=place, y=_scale(0, 1, bottom, top),
    )  # fmt: skip


class ForestRow(msgspec.Struct, frozen=True):
    """A line of a forest: an effect with its interval, or none where it cannot be told."""

    label: str
    effect: Effect | None
    status: PatternStatus
    naive_effect: float | None = None
    """What a pooled comparison would have claimed."""
    told: str = ""
    """What the summary says of it; by default the label with the numbers."""


def forest_chart(rows: Sequence[PatternRow], width: int) -> Markup:
    """One line per pattern: the effect within strata with its interval, and a hollow mark for the pooled claim."""
    named = []
    for row in rows:
        told = f"{claim_of(row)}: {_row_numbers(row, True)}, {row.verdict}"
        named.append(ForestRow(claim_in_words(row), row.effect, status_of(row), row.naive_effect, told))
    return effects_chart(named, width, "forest", "Effects of patterns, compared within strata")


def effects_chart(rows: Sequence[ForestRow], width: int, name: str, title: str, unit: str = "reward") -> Markup:
    """One line per row, in the order given; ``name`` is the drawing's own in its page."""
    wide = width == WIDE
    row_height = 36 if wide else 60
    left, right = (360, width - 150) if wide else (8, width - 8)
    top = 8
    bottom = top + row_height * len(rows)
    low, high = _effect_limits(rows)
    lines = []
    for position, row in enumerate(rows):
        numbers = _row_numbers(row, wide)
        room = left - 14 if wide else width - 16 - len(numbers) * _CHARACTER_WIDTH
        start = top + row_height * position
        lines.append({
            "row": row,
            "status": row.status,
            "top": start,
            "text": start + row_height * (0.5 if wide else 0.32),
            "level": start + row_height * (0.5 if wide else 0.8),
            "label": _label_lines(row, int(room / _CHARACTER_WIDTH)),
            "numbers": numbers,
            "ruled": position > 0 and row.status != rows[position - 1].status,
        })  # fmt: skip
    summary = "; ".join(row.told or f"{row.label}: {_row_numbers(row, True)}" for row in rows)
    axis = "← lowers the reward · raises it →" if unit == "reward" else f"← worse · better ({unit}) →"
    return _drawn(
        "forest.svg", f"{name}-{width}", title, summary, axis=axis,
        width=width, height=bottom + 40, left=left, right=right, bottom=bottom, lines=lines, wide=wide,
        x=_scale(low, high, left, right), ticks=[(tick, signed(tick)) for tick in _ticks(low, high, right - left)],
    )  # fmt: skip


def effect_chart(points: Sequence[CurvePoint], width: int, name: str) -> Markup:
    """The effect of a live trial over its sessions, with the interval that holds at every look; early ones are cut."""
    left, right, top, bottom = 52, width - 16, 12, 168
    stretches = [[point for point in points if point.adopted is adopted] for adopted in (False, True)]
    last = points[-1]
    limit = _effect_limit(points)
    x = _scale(0, last.sessions, left, right)
    every = _session_step(last.sessions, right - left)
    summary = (
        f"after {last.sessions:,} sessions {signed(last.effect)} ({signed(last.low)} to {signed(last.high)}) in reward"
    )
    return _drawn(
        "effect.svg", f"{name}-{width}", "Effect over sessions", summary,
        width=width, height=bottom + 32, left=left, right=right, top=top, bottom=bottom,
        stretches=[stretch for stretch in stretches if stretch],
        adopted_at=stretches[1][0].sessions if all(stretches) else None,
        x=x, y=_scale(-limit, limit, bottom, top),
        ticks=[(tick, signed(tick)) for tick in _ticks(-limit, limit, _UPRIGHT * (bottom - top))],
        sessions=[(tick, f"{tick:,}") for tick in range(0, last.sessions + 1, every)],
    )  # fmt: skip


def _effect_limit(points: Sequence[CurvePoint]) -> float:
    """The effect at the upper edge: intervals of the first quarter may run out of the picture."""
    settled = points[len(points) // 4 :]
    ends = (settled[0].low, settled[0].high, *(point.effect for point in settled))
    return min(max(*map(abs, ends), 0.05), 1.0)


def _session_step(sessions: int, pixels: float) -> int:
    """Between two numbers of the axis: 1, 2 or 5 times a power of ten."""
    least = max(sessions * _TICK_PIXELS / pixels, 1)
    power = int(10 ** math.floor(math.log10(least)))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)


def _stretches(points: Sequence[TrendPoint]) -> list[list[tuple[int, float]]]:
    """Positions and means of neighbouring points that have scores."""
    stretches: list[list[tuple[int, float]]] = [[]]
    for position, point in enumerate(points):
        if point.mean_reward is None:
            stretches.append([])
        else:
            stretches[-1].append((position, point.mean_reward))
    return [stretch for stretch in stretches if stretch]


def _label_lines(row: ForestRow, characters: int) -> list[str]:
    label = printable(row.label).replace("`", "")
    return textwrap.wrap(label, characters, max_lines=2, placeholder=" …")


def _row_numbers(row: PatternRow | ForestRow, with_interval: bool) -> str:
    if row.effect is None:
        return "cannot tell"
    estimate = signed(row.effect.estimate)
    return f"{estimate} ({interval(row.effect)})" if with_interval else estimate


def _effect_limits(rows: Sequence[ForestRow]) -> tuple[float, float]:
    ends = [0.0]
    for row in rows:
        if row.effect is not None:
            ends += [row.effect.low, row.effect.high]
        if row.naive_effect is not None:
            ends.append(row.naive_effect)
    margin = 0.05 * (max(ends) - min(ends)) or 0.1
    return min(ends) - margin, max(ends) + margin


def _ticks(low: float, high: float, pixels: float) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten between ``low`` and ``high``, with room for their numbers."""
    least = max((high - low) * _TICK_PIXELS / pixels, 0.01)
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * (1 - 1e-9))
    return [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """From values between ``low`` and ``high`` to pixels between ``start`` and ``end``, to a tenth; cut at both."""

    def pixel(value: float) -> float:
        return round(start + (min(max(value, low), high) - low) / (high - low) * (end - start), 1)

    return pixel


def _drawn(template: str, name: str, title: str, summary: str, **parts: object) -> Markup:
    """The chart as an ``<svg>`` element that stands in a page beside others: no ids but ``name``'s own."""
    return Markup(_ENVIRONMENT.get_template(template).render(name=name, title=title, summary=summary, **parts))


_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("reverie.reports"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
