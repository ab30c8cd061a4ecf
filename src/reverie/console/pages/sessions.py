"""Sessions: found by the language of segments, newest first; views of them that are saved."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from reverie.api.records import SegmentField, SessionSummary
from reverie.console.links import session_at
from reverie.console.page import page
from reverie.console.saved_view import MOST_VIEWS, SavedView, fits, keep_views, read_views, with_view
from reverie.console.visit import Visit
from reverie.errors import ExpressionError
from reverie.sessions.segment import parse_segment

SESSIONS = "/console/sessions"
PAGE_SESSIONS = 50
_EXAMPLES = {"number": (">= 0.5", "< 0.5"), "time": (">= '2026-01-01'",), "text": (), "boolean": ()}
_MOST_OFFERED = 150
_LONGEST_NAME = 80


class Line(msgspec.Struct, frozen=True):
    """A session in the list."""

    href: str
    at: datetime
    what: str
    """Its title or how it begins."""
    task: str
    agent: str
    model: str
    state: str
    """Of a live one its status; of an imported one where it is from."""
    is_running: bool
    reward: float | None
    implicit: float | None
    """Where it has no reward."""
    errors: int | None
    events: int
    tokens: int | None


class ViewLink(msgspec.Struct, frozen=True):
    """A saved view as it is shown."""

    name: str
    where: str
    href: str
    is_shown: bool


@page("GET", SESSIONS, "sessions")
async def sessions(visit: Visit) -> Response:
    """The list, or what is wrong with the expression."""
    where = visit.text("where")
    problem, found = _problem(where), None
    if problem is None:
        found = await visit.client.find_sessions(where or None, limit=PAGE_SESSIONS, page=visit.query.get("page"))
    fields = await visit.client.segment_fields()
    views = [
        ViewLink(view.name, view.where, href_of(view.where), view.where == where) for view in read_views(visit.request)
    ]
    return visit.show(
        "sessions.html",
        status=200 if problem is None else 400,
        where=where,
        problem=problem,
        conditions=conditions(fields),
        fields=fields,
        views=views,
        lines=[] if found is None else [line(session) for session in found.data],
        next_href=None if found is None or found.next_page is None else href_of(where, page=found.next_page),
        is_first_page="page" not in visit.query,
    )


@page("POST", "/console/views", "sessions")
async def save_view(visit: Visit) -> Response:
    """Keep an expression under a name, in the visitor's browser."""
    name, where = visit.text("name")[:_LONGEST_NAME], visit.text("where")
    problem = "give the view a name" if not name else _problem(where)
    views = with_view(read_views(visit.request), SavedView(name, where))
    if problem is None and not fits(views):
        problem = f"a browser keeps {MOST_VIEWS} views, and not so long ones; forget one first"
    if problem is not None:
        return visit.go(href_of(where), problem, is_error=True)
    response = visit.go(href_of(where), f"The view “{name}” is saved in this browser.")
    keep_views(visit.request, response, views)
    return response


@page("POST", "/console/views/forget", "sessions")
async def forget_view(visit: Visit) -> Response:
    """Keep a view no longer."""
    name = visit.text("name")
    response = visit.go(SESSIONS, f"The view “{name}” is forgotten.")
    keep_views(visit.request, response, [view for view in read_views(visit.request) if view.name != name])
    return response


def href_of(where: str, **more: str) -> str:
    """The address of the list of the sessions that an expression chooses."""
    query = urlencode({**({"where": where} if where else {}), **more})
    return f"{SESSIONS}?{query}" if query else SESSIONS


def line(session: SessionSummary) -> Line:
    """A session as the list shows it."""
    return Line(
        href=session_at(session.id),
        at=session.at,
        what=session.title or " ".join(session.opening.split()) or session.id,
        task=session.task_id or session.task_category or "",
        agent=" ".join(part for part in (session.agent, session.agent_version) if part),
        model=session.model or "",
        state=session.status if session.live else session.source,
        is_running=session.status in ("running", "rescheduling"),
        reward=session.reward,
        implicit=session.implicit if session.reward is None else None,
        errors=session.errors,
        events=session.events,
        tokens=session.tokens,
    )


def conditions(fields: Sequence[SegmentField]) -> list[str]:
    """What may be completed: conditions on every field, with values that sessions have."""
    offered = []
    for field in fields:
        name = spelled(field.name)
        if field.kind == "boolean":
            offered += [name, f"not {name}"]
        offered += [f"{name} {rest}" for rest in _EXAMPLES[field.kind]]
        offered += [f"{name} = {literal(value)}" for value in field.values]
    return offered[:_MOST_OFFERED]


def spelled(name: str) -> str:
    """A field as an expression has it; a key that is no plain word is put in quotes."""
    family, dot, key = name.partition(".")
    plain = key.isascii() and key.isidentifier() and key == key.lower()
    return name if not dot or plain else f'{family}."{key.replace(chr(34), chr(34) * 2)}"'


def literal(value: str) -> str:
    """A text as an expression has it."""
    return "'" + value.replace("'", "''") + "'"


def _problem(where: str) -> str | None:
    """What is wrong with an expression."""
    try:
        parse_segment(where)
    except ExpressionError as error:
        return str(error)
    return None
