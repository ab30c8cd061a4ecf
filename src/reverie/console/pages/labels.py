"""Labelling: the session that would tell most, to be scored by a person who sees nothing of what would sway them."""

import math
from collections.abc import Sequence
from urllib.parse import quote, urlencode

import msgspec
from starlette.responses import Response

from reverie.api.records import MeasuredMetric
from reverie.console.page import page
from reverie.console.pages.entry import Passage, fold
from reverie.console.visit import Visit
from reverie.errors import InputError
from reverie.outcomes.metric import REWARD_METRIC
from reverie.sessions.transcript import Turn

LABELS = "/console/labels"


class Choice(msgspec.Struct, frozen=True):
    """An answer with a button of its own."""

    label: str
    value: str
    key: str
    kind: str
    """The button's style."""


class ShownTurn(msgspec.Struct, frozen=True):
    """A turn as it is shown."""

    who: str
    kind: str
    passage: Passage
    is_error: bool


@page("GET", LABELS, "labels")
async def labels(visit: Visit) -> Response:
    """What is to be labelled, or the session to be scored."""
    metric, where = visit.text("metric"), visit.text("where")
    known = await visit.client.metrics()
    if not metric or not visit.may("write"):
        names = sorted({REWARD_METRIC, *(one.name for one in known)})
        return visit.show("labels.html", metrics=names, where=where)
    last = visit.text("last")
    task = await visit.client.next_label_task(metric, where=where or None)
    return visit.show(
        "label.html",
        metric=metric,
        where=where,
        task=task,
        turns=[_shown(turn) for turn in task.turns],
        choices=choices_of(metric, known),
        action=None if task.session_id is None else f"{LABELS}/{quote(task.session_id, safe='')}",
        undo_action=f"{LABELS}/{quote(last, safe='')}/undo" if last else None,
    )


@page("POST", f"{LABELS}/{{session_id}}", "labels")
async def answer(visit: Visit) -> Response:
    """Record an answer; without a value the session is skipped."""
    session_id, metric, where = visit.path["session_id"], visit.text("metric"), visit.text("where")
    value = None if visit.text("skip") else _value(visit.text("value"))
    await visit.client.answer_label_task(session_id, value, metric, where=where or None)
    said = "Skipped." if value is None else f"Scored {value:g}."
    return visit.go(_labels_href(metric, where, last=session_id), said)


@page("POST", f"{LABELS}/{{session_id}}/undo", "labels")
async def undo(visit: Visit) -> Response:
    """Take an answer back; the session is asked for again."""
    session_id, metric, where = visit.path["session_id"], visit.text("metric"), visit.text("where")
    await visit.client.take_back_label(session_id, metric, where=where or None)
    return visit.go(_labels_href(metric, where), "Taken back; the session is asked for again.")


def choices_of(metric: str, known: Sequence[MeasuredMetric]) -> list[Choice]:
    """The two ends of the metric's range, the better one first."""
    found = next((one for one in known if one.name == metric), None)
    low, high = (0.0, 1.0) if found is None else (found.low, found.high)
    best, worst = (low, high) if found is not None and found.direction == "minimize" else (high, low)
    return [Choice("Good", f"{best:g}", "y", ""), Choice("Bad", f"{worst:g}", "n", "second")]


def _labels_href(metric: str, where: str, **more: str) -> str:
    return f"{LABELS}?{urlencode({'metric': metric, **({'where': where} if where else {}), **more})}"


def _value(text: str) -> float:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"value: {text!r} is no number; give one such as 1 or 0.5, or skip the session")
    return value


def _shown(turn: Turn) -> ShownTurn:
    return ShownTurn(turn.who, turn.kind, fold(turn.text), turn.is_error)
