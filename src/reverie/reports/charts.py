"""The report's charts, drawn by matplotlib as inline SVG that takes its colours and fonts from the page.

Each chart is drawn for one width in pixels; the page holds a wide and a narrow one and shows the fitting one. Colours
are drawn as placeholders and replaced by CSS variables, so that light and dark mode need no second drawing.
"""

import io
import re
import textwrap
import warnings
from collections.abc import Sequence
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reverie.dreams.dream import PatternRow, TrendPoint
from reverie.reports.patterns import Standing, claim_of, standing, words_of
from reverie.reports.words import clipped, interval, printable, signed

WIDE = 860
"""Width in pixels of charts for a desktop or paper."""
NARROW = 340
"""Width in pixels of charts for a telephone."""

_INK, _MUTED, _LINE = "#010101", "#020202", "#030303"
_STANDING_COLOURS: dict[Standing, str] = {"adopted": "#040404", "candidate": "#050505", "refused": "#060606"}
_STANDING_MARKS: dict[Standing, str] = {"adopted": "o", "candidate": "D", "refused": "X"}
_VARIABLES = {
    _INK: "var(--ink)",
    _MUTED: "var(--muted)",
    _LINE: "var(--line)",
    "#040404": "var(--adopted)",
    "#050505": "var(--candidate)",
    "#060606": "var(--refused)",
}

_PROLOGUE = re.compile(r"^.*?<svg [^>]*?(viewBox=\"[^\"]*\")[^>]*>", re.DOTALL)
_FONTS = re.compile(r"font-family: [^;\"<>]*; ?")
_PAGE_STYLE = re.compile(r"<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL)
_GROUP_NAME = re.compile(r'<g id="[^"]*"(?=/?>)')
_COLOUR = re.compile("|".join(_VARIABLES))

_CHARACTER_WIDTH = 6.4
"""Pixels per character of a label, on the generous side."""


def trend_chart(points: Sequence[TrendPoint], width: int) -> Markup:
    """Mean reward over time with 95 % intervals; a stretch without scores leaves a gap."""
    height = 250 if width == WIDE else 220
    figure = _figure(width, height)
    axes = figure.add_axes((44 / width, 44 / height, 1 - 72 / width, 1 - 60 / height))
    rewards = [float("nan") if point.mean_reward is None else point.mean_reward for point in points]
    axes.plot(range(len(points)), rewards, color=_STANDING_COLOURS["adopted"], linewidth=2, marker="o", markersize=6)
    for position, point in enumerate(points):
        if point.low is not None and point.high is not None:
            axes.plot([position] * 2, [point.low, point.high], color=_MUTED, linewidth=1.5, marker="_", zorder=1)
    axes.set(xlim=(-0.5, len(points) - 0.5), ylim=(0, 1), yticks=[0, 0.25, 0.5, 0.75, 1])
    labelled = range(0, len(points), max(1, -(-len(points) * 108 // width)))
    labels = [clipped(printable(points[position].label), 13) for position in labelled]
    axes.set_xticks(labelled, labels, parse_math=False)
    axes.tick_params(axis="x", pad=9)
    _quieten(axes)
    axes.grid(axis="y", color=_LINE, linewidth=1)
    summary = "; ".join(
        f"{point.label}: {'no scores' if point.mean_reward is None else f'{point.mean_reward:.2f}'}" for point in points
    )
    return _svg(figure, f"trend-{width}", "Mean reward over time", summary)


def forest_chart(rows: Sequence[PatternRow], width: int) -> Markup:
    """One line per pattern: the effect within strata with its interval, and a hollow mark for the pooled claim."""
    wide = width == WIDE
    row_height = 36 if wide else 60
    left, right = (360, 150) if wide else (8, 8)
    top, bottom = 8, 40
    height = top + bottom + row_height * len(rows)
    figure = _figure(width, height)
    span = 1 - (left + right) / width
    axes = figure.add_axes((left / width, bottom / height, span, 1 - (top + bottom) / height))
    axes.set(xlim=_effect_limits(rows), ylim=(len(rows), 0), yticks=[])
    axes.set_xlabel("← lowers the reward · raises it →", color=_MUTED, fontsize=11)
    _quieten(axes)
    for position, row in enumerate(rows):
        middle = position + (0.5 if wide else 0.8)
        axes.plot(
            [0, 0], [position, position + 1] if wide else [middle - 0.15, middle + 0.15], color=_MUTED, linewidth=1
        )
        _draw_row(axes, row, middle)
        if position and standing(row) != standing(rows[position - 1]):
            figure.add_artist(
                Line2D([0, 1], [1 - (top + row_height * position) / height] * 2, color=_LINE, linewidth=1)
            )
        text_level = 1 - (top + row_height * (middle if wide else position + 0.32)) / height
        numbers = _row_numbers(row, wide)
        room = left - 14 if wide else width - 16 - len(numbers) * _CHARACTER_WIDTH
        label = _label_lines(row, int(room / _CHARACTER_WIDTH))
        style: dict[str, Any] = {"va": "center", "fontsize": 12, "parse_math": False}
        figure.text(8 / width, text_level, label, color=_INK, **style)
        figure.text(1 - 8 / width, text_level, numbers, color=_MUTED, ha="right", **style)
    summary = "; ".join(f"{claim_of(row)}: {_row_numbers(row, True)}, {row.verdict}" for row in rows)
    return _svg(figure, f"forest-{width}", "Effects of patterns, compared within strata", summary)


def _draw_row(axes: Axes, row: PatternRow, level: float) -> None:
    colour = _STANDING_COLOURS[standing(row)]
    if row.effect is not None and row.naive_effect is not None:
        axes.plot([row.effect.estimate, row.naive_effect], [level] * 2, color=_MUTED, linewidth=1, linestyle=":")
    if row.effect is not None:
        mark = _STANDING_MARKS[standing(row)]
        axes.plot([row.effect.low, row.effect.high], [level] * 2, color=colour, linewidth=2)
        axes.plot([row.effect.estimate], [level], color=colour, marker=mark, markersize=9)
    if row.naive_effect is not None:
        axes.plot([row.naive_effect], [level], color=_MUTED, marker="o", markersize=8, markerfacecolor="none")


def _label_lines(row: PatternRow, characters: int) -> str:
    label = printable(words_of(claim_of(row))).replace("`", "")
    return "\n".join(textwrap.wrap(label, characters, max_lines=2, placeholder=" …"))


def _row_numbers(row: PatternRow, with_interval: bool) -> str:
    if row.effect is None:
        return "cannot tell"
    estimate = signed(row.effect.estimate)
    return f"{estimate} ({interval(row.effect)})" if with_interval else estimate


def _effect_limits(rows: Sequence[PatternRow]) -> tuple[float, float]:
    ends = [0.0]
    for row in rows:
        if row.effect is not None:
            ends += [row.effect.low, row.effect.high]
        if row.naive_effect is not None:
            ends.append(row.naive_effect)
    margin = 0.05 * (max(ends) - min(ends)) or 0.1
    return min(ends) - margin, max(ends) + margin


def _figure(width: int, height: int) -> Figure:
    figure = Figure(figsize=(width / 72, height / 72), dpi=72, facecolor="none")
    FigureCanvasSVG(figure)
    return figure


def _quieten(axes: Axes) -> None:
    axes.set_facecolor("none")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_LINE)
    axes.tick_params(length=0, labelcolor=_MUTED, labelsize=11)


def _svg(figure: Figure, name: str, title: str, summary: str) -> Markup:
    """The figure as an ``<svg>`` element that stands in a page beside others: no ids but ``name``'s own."""
    drawn = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}), warnings.catch_warnings():
        # The reader's browser chooses the font, so it does not matter which glyphs matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(drawn, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = _FONTS.sub("", _GROUP_NAME.sub("<g", _PAGE_STYLE.sub("", drawn.getvalue())))
    text = _COLOUR.sub(lambda match: _VARIABLES[match[0]], text)
    opening = rf'<svg \1 role="img" aria-labelledby="{name}-title {name}-summary">'
    named = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-summary">{escape(summary)}</desc>'
    return Markup(_PROLOGUE.sub(opening, text, count=1).replace(">", f">{named}", 1))
