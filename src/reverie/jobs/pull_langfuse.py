"""Traces of Langfuse by its public API, handed to the importer as they are.

Source: https://api.reference.langfuse.com (``GET /api/public/traces``, ``GET /api/public/traces/{traceId}``).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec

from reverie.display_name import numbered
from reverie.errors import AccessError, InputError, ReverieError, SizeError
from reverie.jobs.bounded_http import MOST_PAGES, AnswerError, BoundedClient, Meter
from reverie.jobs.pulling import Pulled, Source
from reverie.sessions.import_problem import ImportProblem
from reverie.storage.sessions.import_summary import ImportSummary
from reverie.storage.sessions.pulled import write_marks

WAY = "pull langfuse"
_PAGE = 100
_TOGETHER = 20
"""Conversations that are stored at once."""
_TRACES = "/api/public/traces"
_MOST_TRIES = 8
_LONGEST_ASKED = 600.0
"""Seconds that a server may ask to be waited for."""
_CHECK = "check LANGFUSE_HOST"
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_OVERLAP = timedelta(days=1)
"""How long a trace may go on, or be scored, after it was pulled, and still be seen by the next pull."""
_LAST = "last"

Pause = Callable[[float], Awaitable[None]]
Told = Callable[[str], None]


class LangfuseError(ReverieError):
    """Langfuse cannot be reached, or declined."""


async def pull_traces(
    http: BoundedClient, source: Source, since: datetime | None, tell: Told, pause: Pause = asyncio.sleep
) -> tuple[ImportSummary, int]:
    """Bring all traces from ``since`` on that are new or have changed, each with the others of its conversation.

    Also how many have not changed. By default it goes on from the last pull.

    Raises:
        InputError: nothing was pulled before, and ``since`` is not given.
        AccessError: the keys are wrong.
        LangfuseError: it cannot be reached.
    """
    begun, known = source.clock.now(), await source.marks()
    if since is None and _LAST not in known:
        raise InputError("nothing was pulled from here yet; say from when on by --since, such as --since 2026-01-01")
    first = since or datetime.fromisoformat(known[_LAST]) - _OVERLAP
    unchanged = 0
    changed: dict[str, Mapping[str, Any]] = {}
    async for trace in _listed(http, {"fromTimestamp": first.isoformat(), "orderBy": "timestamp.asc"}, pause):
        if known.get(f"trace {trace['id']}") == _mark(trace):
            unchanged += 1
        else:
            changed[str(trace.get("sessionId") or trace["id"])] = trace
    pulled = Pulled(source, _TOGETHER)
    for number, (name, trace) in enumerate(changed.items(), start=1):
        try:
            lines, marks = await _conversation(http, trace, pause)
        except SizeError as error:
            pulled.fail(ImportProblem(name, 0, str(error)))
            continue
        if await pulled.add(lines, marks):
            tell(f"{number} of {numbered(len(changed), 'conversation')}")
    await pulled.flush()
    async with source.database.connection() as connection:
        await write_marks(connection, source.way, source.place, {_LAST: begun.isoformat()}, begun)
    return pulled.total, unchanged


async def _conversation(http: BoundedClient, trace: Mapping[str, Any], pause: Pause) -> tuple[bytes, dict[str, str]]:
    """All traces of a trace's conversation, of which a session here is made, as lines; and their marks.

    Raises:
        SizeError: it is larger than what is taken.
    """
    meter, lines, marks = Meter(), [], {}
    async for one in _together(http, trace, pause):
        read = await _read(http, f"{_TRACES}/{quote(one['id'], safe='')}", {}, pause)
        lines.append(meter.lines([read]))
        marks[f"trace {one['id']}"] = _mark(one)
    return b"".join(lines), marks


async def _together(http: BoundedClient, trace: Mapping[str, Any], pause: Pause) -> AsyncIterator[Mapping[str, Any]]:
    """A trace and the others of its conversation."""
    if not trace.get("sessionId"):
        yield trace
        return
    asked = {"sessionId": str(trace["sessionId"]), "orderBy": "timestamp.asc"}
    async for one in _listed(http, asked, pause):
        yield one


def _mark(trace: Mapping[str, Any]) -> str:
    """Changes when the trace does, or what is under it."""
    parts: Iterable[Any] = (
        trace.get("updatedAt") or trace.get("timestamp"),
        len(trace.get("observations") or ()),
        len(trace.get("scores") or ()),
        trace.get("latency"),
    )
    return " ".join(str(part) for part in parts)


async def _listed(http: BoundedClient, asked: Mapping[str, str], pause: Pause) -> AsyncIterator[Mapping[str, Any]]:
    page = pages = 1
    seen: set[str] = set()
    while page <= pages:
        if page > MOST_PAGES:
            raise AnswerError(f"{http.base_url}{_TRACES} has more than {MOST_PAGES:,} pages; pull by a later --since")
        answer = await _read(http, _TRACES, {**asked, "page": str(page), "limit": str(_PAGE)}, pause)
        traces, pages = _page_of(http, answer)
        fresh = [trace for trace in traces if trace["id"] not in seen]
        if not fresh:  # what was listed may have become less meanwhile; and a list without an end is none
            return
        seen.update(trace["id"] for trace in fresh)
        for trace in fresh:
            yield trace
        page += 1


def _page_of(http: BoundedClient, answer: Any) -> tuple[list[Mapping[str, Any]], int]:
    """The traces on a page of a list, and how many pages there are."""
    data, meta = (answer.get(name) if isinstance(answer, dict) else None for name in ("data", "meta"))
    pages = meta.get("totalPages") if isinstance(meta, dict) else None
    traces: list[Any] = data if isinstance(data, list) else [None]
    known = all(isinstance(one, dict) and isinstance(one.get("id"), str) for one in traces)
    if not known or not isinstance(pages, int):
        raise LangfuseError(f"{http.base_url}{_TRACES} answers something else than a list of traces; {_CHECK}")
    return traces, pages


async def _read(http: BoundedClient, path: str, asked: Mapping[str, str], pause: Pause) -> Any:
    """An answer; waits as long as the server says where it is asked too often, and tries again."""
    wait = _FIRST_PAUSE
    for attempt in range(_MOST_TRIES):
        try:
            answer = await http.get(path, params=dict(asked))
        except httpx2.HTTPError as error:
            if attempt == _MOST_TRIES - 1:
                raise LangfuseError(f"{http.base_url} cannot be reached: {error}; {_CHECK}") from error
            await pause(wait)
            wait = min(_LONGEST_PAUSE, 2 * wait)
            continue
        if answer.is_success:
            return _document(http, path, answer)
        if answer.status_code in (401, 403):
            raise AccessError(
                f"{http.base_url} declines the keys ({answer.status_code}); check LANGFUSE_PUBLIC_KEY, "
                "LANGFUSE_SECRET_KEY and LANGFUSE_HOST"
            )
        if answer.status_code != 429 and answer.status_code < 500:
            raise LangfuseError(f"{http.base_url}{path} answers {answer.status_code}: {answer.text[:200]}")
        given = answer.headers.get("retry-after", "")
        await pause(min(float(given), _LONGEST_ASKED) if given.replace(".", "", 1).isdecimal() else wait)
        wait = min(_LONGEST_PAUSE, 2 * wait)
    raise LangfuseError(f"{http.base_url}{path} is busy; what was stored stays: run the same command again later")


def _document(http: BoundedClient, path: str, answer: httpx2.Response) -> Any:
    try:
        return msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise LangfuseError(f"{http.base_url}{path} answers what is no JSON: {error}; {_CHECK}") from error
