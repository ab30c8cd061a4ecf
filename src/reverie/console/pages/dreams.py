"""Dreams: asked for, watched, read; and what of them waits for a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from starlette.responses import HTMLResponse, Response

from reverie.api.records import CompletedDream, DreamSummary, EstimatedDream
from reverie.console.choice import one_of
from reverie.console.links import at
from reverie.console.page import page
from reverie.console.stores import StoreNames, read_stores
from reverie.console.visit import Visit
from reverie.dreams.dream import STAGES
from reverie.lessons.lesson import Lesson, LessonStatus
from reverie.memory.change import Change
from reverie.trials.trial import OPEN

if TYPE_CHECKING:
    from reverie.client.client import AsyncClient

_MOST_CHANGES = 200
_MOST_LESSONS = 100
_OPEN = ("pending", "running")
_REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
"""Of a report, which has styles of its own and quotes what agents and users wrote: nothing in it runs or loads."""
_CHOICES: tuple[Literal["adopt", "reject", "roll_back"], ...] = ("adopt", "reject", "roll_back")
_DONE = {"adopt": "accepted", "reject": "rejected", "roll_back": "taken out again", "undo": "decision taken back"}
_BADGES = {"completed": "good", "failed": "bad", "pending": "open", "running": "open", "canceled": ""}


@dataclass(frozen=True, slots=True)
class ListedDream:
    """A dream in the list."""

    dream: DreamSummary
    store: str
    href: str
    badge: str
    lessons: str
    cost: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form says of a dream."""

    store: str = ""
    where: str = ""
    instructions: str = ""
    clone: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A stage that a dream has come to."""

    text: str
    is_now: bool


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A change of a document, and where it can be looked at."""

    change: Change
    href: str
    diff_href: str | None


@page("GET", "/console/dreams", "dreams")
async def list_dreams(visit: Visit) -> Response:
    """The dreams, newest first, and the form for another one."""
    return await _list(visit, Asked(store=visit.query.get("store") or ""))


@page("POST", "/console/dreams", "dreams")
async def ask_for_dream(visit: Visit) -> Response:
    """Begin a dream, or say what it would read and cost."""
    asked = Asked(
        visit.text("store"), visit.text("where"), visit.text("instructions"), clone=visit.text("output") == "clone"
    )
    where = asked.where or None
    if visit.text("act") == "estimate":
        estimate = await visit.client.estimate_dream(asked.store, where=where)
        return await _list(visit, asked, estimate)
    dream = await visit.client.dream(
        asked.store, where=where, instructions=asked.instructions or None, update=not asked.clone
    )
    return visit.go(at("dreams", dream.id), said="The dream has been asked for.")


async def _list(visit: Visit, asked: Asked, estimate: EstimatedDream | None = None) -> Response:
    stores, chosen = await read_stores(visit), visit.query.get("store") or None
    found = await visit.client.dream_summary_page(store_id=chosen, page=visit.query.get("page") or None)
    return visit.show(
        "dreams.html",
        dreams=[_listed(dream, stores) for dream in found.data],
        stores=stores,
        asked=asked,
        chosen=None if chosen is None else stores.name(chosen),
        estimate=estimate,
        next_href=at("dreams", store=chosen, page=found.next_page) if found.next_page else None,
    )


@page("GET", "/console/dreams/{dream_id}", "dreams")
async def read_dream(visit: Visit) -> Response:
    """One dream: how far it is, or what it found, changed and cost."""
    dream = await visit.client.dream_summary(visit.path["dream_id"])
    stores = await read_stores(visit)
    result = await visit.client.dream_result(dream.id) if dream.status == "completed" else None
    return visit.show(
        "dream.html",
        dream=dream,
        listed=_listed(dream, stores),
        store_href=at("memory", dream.memory_store_id),
        session_href=None if dream.session_id is None else at("sessions", dream.session_id),
        steps=await _steps(visit.client, dream),
        waiting=[trial async for trial in visit.client.trials(batch=dream.id)],
        open_states=OPEN,
        result=result,
        lessons=[] if result is None else _lessons(result, dream),
        changes=[] if result is None else _changes(result, dream),
        more_changes=0 if result is None else max(len(result.changes) - _MOST_CHANGES, 0),
        diff_href=None if dream.revision is None else _diff(dream, dream.revision),
        undo_href=None
        if dream.revision is None
        else at("memory", dream.memory_store_id, "roll-back", to=dream.revision - 1),
    )


@page("GET", "/console/dreams/{dream_id}/progress", "dreams")
async def read_progress(visit: Visit) -> Response:
    """The piece of a dream's page that tells how far it is; once it has ended the whole page is asked for again."""
    dream = await visit.client.dream_summary(visit.path["dream_id"])
    if not visit.is_partial:
        return visit.go(at("dreams", dream.id))
    shown = visit.show("dream_progress.html", dream=dream, steps=await _steps(visit.client, dream))
    if dream.status not in _OPEN:
        shown.headers["hx-refresh"] = "true"
    return shown


@page("GET", "/console/dreams/{dream_id}/report", "dreams")
async def read_report(visit: Visit) -> Response:
    """The report of a dream, to be framed or read by itself."""
    report = await visit.client.dream_report(visit.path["dream_id"])
    return HTMLResponse(report, headers={"content-security-policy": _REPORT_POLICY})


@page("POST", "/console/dreams/{dream_id}/cancel", "dreams")
async def cancel_dream(visit: Visit) -> Response:
    """Stop a dream that has not ended."""
    dream = await visit.client.beta.dreams.cancel(visit.path["dream_id"])
    return visit.go(at("dreams", dream.id), said="The dream is canceled; it stops at its next step.")


@page("POST", "/console/dreams/{dream_id}/archive", "dreams")
async def archive_dream(visit: Visit) -> Response:
    """Take a dream that has ended out of the list."""
    dream = await visit.client.beta.dreams.archive(visit.path["dream_id"])
    return visit.go(at("dreams"), said=f"Dream {dream.id} is archived.")


@page("POST", "/console/dreams/{dream_id}/decide", "dreams")
async def decide(visit: Visit) -> Response:
    """Accept or reject what a dream would change, where it is tried before."""
    trial_id, act = visit.text("trial"), one_of(visit.text("act"), (*_CHOICES, "undo"), "act")
    if act == "undo":
        trial = await visit.client.undo_trial(trial_id)
    else:
        trial = await visit.client.decide_trial(trial_id, one_of(act, _CHOICES, "act"), "decided in the console")
    return visit.go(at("dreams", visit.path["dream_id"]), said=f"{trial.title}: {_DONE[act]}.")


def _listed(dream: DreamSummary, stores: StoreNames) -> ListedDream:
    return ListedDream(
        dream,
        stores.name(dream.memory_store_id),
        at("dreams", dream.id),
        _BADGES[dream.status],
        _counts(dream.lessons),
        _cost(dream),
    )


def _counts(lessons: Mapping[LessonStatus, int] | None) -> str:
    """``3 adopted, 1 on trial``; nothing of a dream that found none, or has not completed."""
    if lessons is None:
        return ""
    words: dict[LessonStatus, str] = {
        "adopted": "adopted",
        "trial": "on trial",
        "candidate": "candidates",
        "retired": "retired",
    }
    told = [f"{lessons[status]} {word}" for status, word in words.items() if lessons.get(status)]
    return ", ".join(told) or "none held"


def _cost(dream: DreamSummary) -> str:
    if dream.tokens is None:
        return "no model" if dream.status == "completed" else ""
    money = "" if dream.cost_usd is None else f"${dream.cost_usd:.2f}, "
    return f"{money}{dream.tokens:,} tokens"


async def _steps(client: "AsyncClient", dream: DreamSummary) -> list[Step]:
    """The stages that it said it came to, the first one first; from the session that it is watched in."""
    if dream.session_id is None or dream.status not in _OPEN:
        return []
    said = await client.beta.sessions.events.list(dream.session_id, types=["agent.message"], limit=len(STAGES) + 1)
    texts = [
        "".join(block.text for block in event.content if block.type == "text")
        for event in said.data
        if event.type == "agent.message"
    ]
    return [Step(text, is_now=place == len(texts) - 1) for place, text in enumerate(texts)]


def _lessons(result: CompletedDream, dream: DreamSummary) -> list[tuple[Lesson, str]]:
    """What it found and did not refuse, with the page of each."""
    kept = [lesson for lesson in result.lessons if lesson.status != "refused"]
    return [(lesson, at("lessons", lesson.id, store=dream.memory_store_id)) for lesson in kept[:_MOST_LESSONS]]


def _changes(result: CompletedDream, dream: DreamSummary) -> list[ShownChange]:
    return [
        ShownChange(
            change,
            at("memory", dream.memory_store_id, path=change.path),
            None if dream.revision is None else _diff(dream, dream.revision, change.path),
        )
        for change in result.changes[:_MOST_CHANGES]
    ]


def _diff(dream: DreamSummary, revision: int, path: str | None = None) -> str:
    return at("memory", dream.memory_store_id, "diff", revision=revision, path=path)
