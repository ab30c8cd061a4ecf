"""One session: what happened in it, what is known of it, and its score by a person."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

import msgspec
from starlette.responses import Response

from reverie.api.records import EventRange, StoredSessionFacts
from reverie.console.links import at, event_at, session_at
from reverie.console.page import Answer, page
from reverie.console.pages.entry import WHOLE, entries_of, errors_in
from reverie.console.pages.sessions import SESSIONS, href_of, literal
from reverie.console.visit import Visit
from reverie.errors import InputError
from reverie.outcomes.metric import REWARD_METRIC
from reverie.storage.learning.session_summary import ShownSubject

PAGE_EVENTS = 100
_MOST_NEW = 1_000
_ONE = f"{SESSIONS}/{{session_id}}"
STREAMED = (
    *("agent.custom_tool_use", "agent.mcp_tool_result", "agent.mcp_tool_use", "agent.message", "agent.thinking"),
    *("agent.thread_context_compacted", "agent.thread_message_received", "agent.thread_message_sent"),
    *("agent.tool_result", "agent.tool_use", "session.deleted", "session.error", "session.status_idle"),
    *("session.status_rescheduled", "session.status_running", "session.status_terminated", "session.thread_created"),
    *("session.thread_status_idle", "session.thread_status_rescheduled", "session.thread_status_running"),
    *("session.thread_status_terminated", "session.updated", "session.usage", "span.model_request_end"),
    *("span.model_request_start", "span.outcome_evaluation_end", "span.outcome_evaluation_ongoing"),
    *("span.outcome_evaluation_start", "system.message", "user.custom_tool_result", "user.define_outcome"),
    *("user.interrupt", "user.message", "user.tool_confirmation", "user.tool_result"),
)
"""The names of messages of a session's stream: a browser listens to those alone that it is told."""


class ThreadLink(msgspec.Struct, frozen=True):
    """A thread in the choice of threads."""

    name: str
    events: int
    href: str
    is_shown: bool


class ShownLink(msgspec.Struct, frozen=True):
    """A lesson or memory that the session was shown."""

    title: str
    kind: str
    href: str
    mechanism: str


class RangeLinks(msgspec.Struct, frozen=True):
    """The ways from a range of events to others; None where there is nothing."""

    earlier: str | None
    later: str | None
    next_error: str | None
    """The first error of this range, or else the next one after it."""
    after_errors: Mapping[int, str]
    """By the place of an error, the way to the next one."""


@page("GET", _ONE, "sessions")
async def session(visit: Visit) -> Response:
    """The session's page, of which a range of events is shown."""
    session_id, thread = visit.path["session_id"], visit.text("thread") or None
    event = _place(visit, "event")
    first = _place(visit, "first") or 0
    if event is not None:
        first = event - event % PAGE_EVENTS if thread is None else event
    facts = await visit.client.session_facts(session_id)
    found = await visit.client.event_range(session_id, first, limit=PAGE_EVENTS, thread_id=thread)
    fields = await visit.client.segment_fields() if visit.may("write") else ()
    names = {one.thread_id: one.agent_name for one in facts.threads if one.thread_id is not None}
    ended = facts.status == "terminated" or not facts.live
    last = found.events[-1].sequence if found.events else first - 1
    return visit.show(
        "session.html",
        facts=facts,
        title=facts.title or " ".join(facts.opening.split()) or facts.id,
        href=session_at(facts.id),
        entries=entries_of(found.events, names),
        found=found,
        first=first,
        last=last,
        thread=thread,
        links=_links(facts, found, first, thread),
        threads=_threads(facts, thread),
        shown=[_shown(each) for each in facts.shown],
        same_task=None if facts.task_id is None else href_of(f"task_id = {literal(facts.task_id)}"),
        is_live=not ended and found.next_first is None,
        streamed=" ".join(STREAMED),
        metrics=sorted({REWARD_METRIC, *(f.name[6:] for f in fields if f.name.startswith("score."))}),
    )


@page("GET", f"{_ONE}/new", "sessions")
async def new_events(visit: Visit) -> Response:
    """What has come since a place: a piece for a page that is open."""
    session_id, thread = visit.path["session_id"], visit.text("thread") or None
    first = _place(visit, "first") or 0
    facts = await visit.client.session_facts(session_id)
    found = await visit.client.event_range(session_id, first, limit=_MOST_NEW, thread_id=thread)
    names = {one.thread_id: one.agent_name for one in facts.threads if one.thread_id is not None}
    last = found.events[-1].sequence if found.events else first - 1
    links = RangeLinks(None, None, None, {})
    return visit.show(
        "session_new.html",
        facts=facts,
        href=session_at(facts.id),
        entries=entries_of(found.events, names),
        links=links,
        last=last,
    )


@page("GET", f"{_ONE}/stream", "sessions")
async def stream(visit: Visit) -> Answer:
    """The session's stream; of one that has ended, the word that there will be none."""
    facts = await visit.client.session_facts(visit.path["session_id"])
    if facts.status == "terminated":
        return Response(status_code=204)  # a browser does not ask again
    return visit.forward(f"/v1/sessions/{quote(facts.id, safe='')}/events/stream")


@page("GET", f"{_ONE}/events/{{sequence}}", "sessions")
async def whole_event(visit: Visit) -> Response:
    """One event with all its text."""
    session_id, sequence = visit.path["session_id"], _number(visit.path["sequence"], "the event")
    found = await visit.client.event_range(session_id, sequence, limit=1)
    return visit.show(
        "event.html",
        href=session_at(session_id),
        sequence=sequence,
        entries=entries_of(found.events[:1], {}, WHOLE),
        links=RangeLinks(None, None, None, {}),
    )


@page("POST", f"{_ONE}/score", "sessions")
async def score(visit: Visit) -> Response:
    """Score the session, as a person."""
    session_id, metric, given = visit.path["session_id"], visit.text("metric"), visit.text("value")
    try:
        value = float(given.replace(",", "."))
    except ValueError as error:
        raise InputError(f"value: {given!r} is no number; give one such as 1 or 0.5") from error
    scored = await visit.client.score(session_id, {metric: value}, by_person=True)
    reward = "no reward" if scored.reward is None else f"a reward of {scored.reward:.2f}"
    return visit.go(f"{session_at(session_id)}#scores", f"Scored: {metric} {value:g}; the session has {reward}.")


def _links(facts: StoredSessionFacts, found: EventRange, first: int, thread: str | None) -> RangeLinks:
    errors = errors_in(found.events) + ([] if found.next_error is None else [found.next_error])
    ways = [event_at(facts.id, place, thread) for place in errors]
    return RangeLinks(
        earlier=_range_href(facts.id, max(first - PAGE_EVENTS, 0) if thread is None else 0, thread) if first else None,
        later=None if found.next_first is None else _range_href(facts.id, found.next_first, thread),
        next_error=ways[0] if ways else None,
        after_errors=dict(zip(errors, ways[1:], strict=False)),
    )


def _range_href(session_id: str, first: int, thread: str | None) -> str:
    query = {**({"first": str(first)} if first else {}), **({} if thread is None else {"thread": thread})}
    return f"{session_at(session_id)}{'?' if query else ''}{urlencode(query)}#events"


def _threads(facts: StoredSessionFacts, thread: str | None) -> list[ThreadLink]:
    """Empty where there is only one."""
    if len(facts.threads) < 2:
        return []
    every = ThreadLink("All", facts.events, _range_href(facts.id, 0, None), thread is None)
    links = [every]
    for one in facts.threads:
        key = one.thread_id or "primary"
        name = one.agent_name or key
        links.append(ThreadLink(name, one.events, _range_href(facts.id, 0, key), thread == key))
    return links


def _shown(each: ShownSubject) -> ShownLink:
    if each.kind == "lesson":
        href = at("lessons", each.subject)
    else:
        href = at("memory", each.memory_store_id, path=each.title or None)
    return ShownLink(each.title or each.subject, each.kind, href, each.mechanism)


def _place(visit: Visit, name: str) -> int | None:
    text = visit.text(name)
    return None if not text else _number(text, name)


def _number(text: str, name: str) -> int:
    """A place in the log.

    Raises:
        InputError: it is none.
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise InputError(f"{name}: {text!r} is no place in a session's log; give a number from 0")
    return int(text)
