"""Who calls in whom, as a drawing: where boxes and lines lie. A table beside it says the same."""

import math
from collections.abc import Iterator

import msgspec

from reverie.api.records import AgentTeam, TeamMember
from reverie.reports.charts import NARROW, WIDE
from reverie.reports.words import clipped, counted, of_hundred, printable

MOST_DRAWN = 12
_HEIGHT = 46
_ROW = 60
_MARGIN = 8
_CHARACTER = 7.6
"""Pixels of a letter, on the generous side."""


class Box(msgspec.Struct, frozen=True):
    """An agent in the drawing."""

    x: float
    y: float
    width: float
    name: str
    told: str
    """Sessions and reward."""

    @property
    def height(self) -> int:
        """In pixels."""
        return _HEIGHT

    @property
    def middle(self) -> float:
        """Where lines end."""
        return self.y + _HEIGHT / 2


class Line(msgspec.Struct, frozen=True):
    """From the coordinator to an agent that it called in."""

    path: str
    thickness: float
    """In pixels; grows with the threads."""
    told: str
    x: float
    y: float


class TeamGraph(msgspec.Struct, frozen=True):
    """One drawing."""

    name: str
    width: int
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    summary: str


def draw_team(name: str, told: AgentTeam) -> tuple[TeamGraph, ...]:
    """The wide and the narrow drawing of whom an agent called in; none where it called in nobody."""
    shown = told.members[:MOST_DRAWN]
    if not shown:
        return ()
    return tuple(_drawn(name, told, shown, width) for width in (WIDE, NARROW))


def _drawn(name: str, told: AgentTeam, shown: tuple[TeamMember, ...], width: int) -> TeamGraph:
    wide = width == WIDE
    across = 290.0 if wide else width - 2.0 * _MARGIN
    top = _MARGIN + (_ROW * (len(shown) - 1) / 2 if wide else 0.0)
    own = _box(_MARGIN, top, across, name, told.sessions, told.mean_reward)
    left = width - _MARGIN - across if wide else _MARGIN + 36.0
    first = _MARGIN if wide else _MARGIN + _ROW
    boxes = [
        _box(left, first + _ROW * row, width - _MARGIN - left, one.name, one.sessions, one.mean_reward)
        for row, one in enumerate(shown)
    ]
    summary = "; ".join(
        f"{printable(one.name)}: {counted(one.threads, 'thread')} in {counted(one.sessions, 'session')}"
        for one in shown
    )
    lines = _lines(own, boxes, shown, wide)
    return TeamGraph(f"team-{width}", width, boxes[-1].y + _HEIGHT + _MARGIN, (own, *boxes), tuple(lines), summary)


def _box(x: float, y: float, width: float, name: str, sessions: int, reward: float | None) -> Box:
    mean = "" if reward is None else f" · reward {of_hundred(reward)}"
    label = clipped(printable(name) or "without a name", int((width - 20) / _CHARACTER))
    return Box(x, y, width, label, f"{counted(sessions, 'session')}{mean}")


def _lines(own: Box, boxes: list[Box], shown: tuple[TeamMember, ...], wide: bool) -> Iterator[Line]:
    for box, one in zip(boxes, shown, strict=True):
        thickness = round(1 + min(math.log10(one.threads) * 2, 5), 1)
        told = counted(one.threads, "thread")
        if wide:
            start, bend = own.x + own.width, (own.x + own.width + box.x) / 2
            path = f"M{start} {own.middle}C{bend} {own.middle} {bend} {box.middle} {box.x} {box.middle}"
            yield Line(path, thickness, told, box.x - 8, box.middle - 8)
        else:
            path = f"M{own.x + 16} {own.y + _HEIGHT}V{box.middle}H{box.x}"
            yield Line(path, thickness, told, 0, 0)
