"""The official client with Reverie's own calls added: everything of the SDK is there, under the SDK's names.

Errors are the SDK's: ``anthropic.NotFoundError`` and so on.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx2
from anthropic import Anthropic, AsyncAnthropic
from anthropic.types.beta import BetaDream

from reverie.client import calls
from reverie.client.calls import ApiCall
from reverie.client.records import (
    AuditEntry,
    ExplainedLesson,
    MeasuredMetric,
    Page,
    RevisionDiff,
    SegmentPreview,
    SessionScores,
    SessionTurn,
    StoredLesson,
    StoreRevision,
    StoreRollback,
    TestedPattern,
)
from reverie.dreams.dream import DreamEstimate, DreamResult
from reverie.lessons.lesson import LessonKind, LessonStatus
from reverie.memory.hit import RecallHit
from reverie.outcomes.metric import Metric
from reverie.storage.sessions.import_summary import ImportSummary

DEFAULT_URL = "http://127.0.0.1:8700"
NO_KEY = "no-key"
"""What is sent to a server that asks for no key."""
_PIECE_BYTES = 1024 * 1024

Answer = TypeVar("Answer")
Item = TypeVar("Item")


class AsyncClient:
    """Talks to a Reverie server; ``client.beta…`` and all else of the official client works as on it."""

    def __init__(
        self, base_url: str = DEFAULT_URL, api_key: str = NO_KEY, *, sdk: AsyncAnthropic | None = None
    ) -> None:
        self.sdk = sdk or AsyncAnthropic(base_url=base_url, api_key=api_key)
        """The official client; one of your own may be given, with its own time-outs and retries."""
        self.beta = self.sdk.beta

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self.sdk.close()

    async def _ask(self, call: ApiCall[Answer]) -> Answer:
        options: Any = {"params": dict(call.query or {})}
        if call.method == "GET":
            response = await self.sdk.get(call.path, cast_to=httpx2.Response, options=options)
        else:
            response = await self.sdk.post(call.path, cast_to=httpx2.Response, body=call.body, options=options)
        return call.read(response.content)

    async def _each(self, call: ApiCall[Page[Item]]) -> AsyncIterator[Item]:
        while True:
            page = await self._ask(call)
            for item in page.data:
                yield item
            if page.next_page is None:
                return
            call = call.at(page.next_page)

    async def recall(
        self, store_id: str, query: str, *, limit: int = 5, tokens: int | None = None, meaning: bool = True
    ) -> tuple[RecallHit, ...]:
        """The memories that suit ``query`` best, each with its reasons; at most ``tokens`` of content."""
        return (await self._ask(calls.recall(store_id, query, limit, tokens, meaning=meaning))).data

    def revisions(self, store_id: str) -> AsyncIterator[StoreRevision]:
        """What was done to a memory store, newest first."""
        return self._each(calls.revisions(store_id))

    async def diff(self, store_id: str, revision: int, *, against: int | None = None) -> RevisionDiff:
        """What a revision changed, or how it differs from the one it is held ``against``."""
        return await self._ask(calls.diff(store_id, revision, against))

    async def rollback(self, store_id: str, revision: int, reason: str) -> StoreRollback:
        """Make a memory store as it was at a revision, by a new revision."""
        return await self._ask(calls.rollback(store_id, revision, reason))

    def lessons(
        self, store_id: str, *, status: LessonStatus | None = None, kind: LessonKind | None = None
    ) -> AsyncIterator[StoredLesson]:
        """The lessons of a memory store."""
        return self._each(calls.lessons(store_id, status, kind))

    async def lesson(self, lesson_id: str) -> ExplainedLesson:
        """One lesson with all that speaks for and against it."""
        return await self._ask(calls.lesson(lesson_id))

    def patterns(self, store_id: str) -> AsyncIterator[TestedPattern]:
        """What the latest dream of a memory store tested."""
        return self._each(calls.patterns(store_id))

    async def metrics(self) -> tuple[MeasuredMetric, ...]:
        """The metrics, and how the sessions stand on each."""
        return (await self._ask(calls.metrics())).data

    async def define_metric(self, metric: Metric) -> MeasuredMetric:
        """Define a metric, or define it anew; every session's reward follows."""
        return await self._ask(calls.define_metric(metric))

    async def scores(self, session_id: str) -> SessionScores:
        """What a session was scored, and its reward."""
        return await self._ask(calls.scores(session_id))

    async def score(self, session_id: str, scores: Mapping[str, float]) -> SessionScores:
        """Record scores of a session by metric name."""
        return await self._ask(calls.score(session_id, scores))

    async def preview_segment(self, where: str | None = None) -> SegmentPreview:
        """How many sessions an expression chooses, how they fared, and a few of them."""
        return await self._ask(calls.preview_segment(where))

    async def record(
        self,
        session_id: str,
        events: Sequence[Mapping[str, Any]],
        *,
        thread_id: str | None = None,
        only_while_running: bool = False,
        expected_turn: int | None = None,
    ) -> tuple[dict[str, Any], ...]:
        """Record what an agent did, as whoever runs it; the events as they were stored.

        With ``expected_turn`` nothing is recorded, and ``anthropic.ConflictError`` raised, unless that turn goes on.
        """
        call = calls.record(
            session_id, events, thread_id, only_while_running=only_while_running, expected_turn=expected_turn
        )
        return (await self._ask(call)).data

    async def turn(self, session_id: str) -> SessionTurn:
        """Which turn a session is in, as whoever runs its agent needs to know."""
        return await self._ask(calls.turn(session_id))

    async def transcript(self, session_id: str) -> str:
        """A session as a person reads it."""
        return await self._ask(calls.transcript(session_id))

    async def import_sessions(
        self, path: str | Path, *, format: str | None = None, agent: str | None = None, strict: bool = False
    ) -> ImportSummary:
        """Import the sessions of a file or archive, which is sent piece by piece.

        ``format`` is by default found by content; ``strict`` imports everything or, at the first bad record, nothing.
        """
        file = Path(path)
        call = calls.import_sessions(file.name, format, agent, strict=strict)
        response = await self.sdk.post(
            call.path, cast_to=httpx2.Response, content=_pieces_apart(file), options=_streaming(call)
        )
        return call.read(response.content)

    async def dream(
        self,
        store_id: str,
        *,
        where: str | None = None,
        session_ids: Sequence[str] | None = None,
        instructions: str | None = None,
        update: bool = False,
    ) -> BetaDream:
        """Ask for a dream over any number of sessions: those named, or those of ``where``, or those of the policy.

        It writes to a clone of the store, or with ``update`` to the store itself; watch it with ``beta.dreams``.
        """
        body = calls.dream_body(store_id, where, session_ids, instructions, update=update)
        return await self.sdk.post(calls.DREAM_REQUESTS, cast_to=BetaDream, body=body)

    async def estimate_dream(
        self, store_id: str, *, where: str | None = None, session_ids: Sequence[str] | None = None
    ) -> DreamEstimate:
        """What a dream would read, how long it would take, and what a model would cost."""
        return await self._ask(calls.estimate_dream(store_id, where, session_ids))

    async def dream_result(self, dream_id: str) -> DreamResult:
        """All that a completed dream found and did."""
        return await self._ask(calls.dream_result(dream_id))

    async def dream_report(self, dream_id: str) -> str:
        """The report of a completed dream as one HTML page."""
        return await self._ask(calls.dream_report(dream_id))

    def audit_log(self, *, resource_id: str | None = None, action: str | None = None) -> AsyncIterator[AuditEntry]:
        """Who did what, newest first."""
        return self._each(calls.audit_log(resource_id, action))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sdk, name)


class Client:
    """:class:`AsyncClient` without ``await``."""

    def __init__(self, base_url: str = DEFAULT_URL, api_key: str = NO_KEY, *, sdk: Anthropic | None = None) -> None:
        self.sdk = sdk or Anthropic(base_url=base_url, api_key=api_key)
        """The official client; one of your own may be given, with its own time-outs and retries."""
        self.beta = self.sdk.beta

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.sdk.close()

    def _ask(self, call: ApiCall[Answer]) -> Answer:
        options: Any = {"params": dict(call.query or {})}
        if call.method == "GET":
            response = self.sdk.get(call.path, cast_to=httpx2.Response, options=options)
        else:
            response = self.sdk.post(call.path, cast_to=httpx2.Response, body=call.body, options=options)
        return call.read(response.content)

    def _each(self, call: ApiCall[Page[Item]]) -> Iterator[Item]:
        while True:
            page = self._ask(call)
            yield from page.data
            if page.next_page is None:
                return
            call = call.at(page.next_page)

    def recall(
        self, store_id: str, query: str, *, limit: int = 5, tokens: int | None = None, meaning: bool = True
    ) -> tuple[RecallHit, ...]:
        """See :meth:`AsyncClient.recall`."""
        return self._ask(calls.recall(store_id, query, limit, tokens, meaning=meaning)).data

    def revisions(self, store_id: str) -> Iterator[StoreRevision]:
        """See :meth:`AsyncClient.revisions`."""
        return self._each(calls.revisions(store_id))

    def diff(self, store_id: str, revision: int, *, against: int | None = None) -> RevisionDiff:
        """See :meth:`AsyncClient.diff`."""
        return self._ask(calls.diff(store_id, revision, against))

    def rollback(self, store_id: str, revision: int, reason: str) -> StoreRollback:
        """See :meth:`AsyncClient.rollback`."""
        return self._ask(calls.rollback(store_id, revision, reason))

    def lessons(
        self, store_id: str, *, status: LessonStatus | None = None, kind: LessonKind | None = None
    ) -> Iterator[StoredLesson]:
        """See :meth:`AsyncClient.lessons`."""
        return self._each(calls.lessons(store_id, status, kind))

    def lesson(self, lesson_id: str) -> ExplainedLesson:
        """See :meth:`AsyncClient.lesson`."""
        return self._ask(calls.lesson(lesson_id))

    def patterns(self, store_id: str) -> Iterator[TestedPattern]:
        """See :meth:`AsyncClient.patterns`."""
        return self._each(calls.patterns(store_id))

    def metrics(self) -> tuple[MeasuredMetric, ...]:
        """See :meth:`AsyncClient.metrics`."""
        return self._ask(calls.metrics()).data

    def define_metric(self, metric: Metric) -> MeasuredMetric:
        """See :meth:`AsyncClient.define_metric`."""
        return self._ask(calls.define_metric(metric))

    def scores(self, session_id: str) -> SessionScores:
        """See :meth:`AsyncClient.scores`."""
        return self._ask(calls.scores(session_id))

    def score(self, session_id: str, scores: Mapping[str, float]) -> SessionScores:
        """See :meth:`AsyncClient.score`."""
        return self._ask(calls.score(session_id, scores))

    def preview_segment(self, where: str | None = None) -> SegmentPreview:
        """See :meth:`AsyncClient.preview_segment`."""
        return self._ask(calls.preview_segment(where))

    def record(
        self,
        session_id: str,
        events: Sequence[Mapping[str, Any]],
        *,
        thread_id: str | None = None,
        only_while_running: bool = False,
        expected_turn: int | None = None,
    ) -> tuple[dict[str, Any], ...]:
        """See :meth:`AsyncClient.record`."""
        call = calls.record(
            session_id, events, thread_id, only_while_running=only_while_running, expected_turn=expected_turn
        )
        return self._ask(call).data

    def turn(self, session_id: str) -> SessionTurn:
        """See :meth:`AsyncClient.turn`."""
        return self._ask(calls.turn(session_id))

    def transcript(self, session_id: str) -> str:
        """See :meth:`AsyncClient.transcript`."""
        return self._ask(calls.transcript(session_id))

    def import_sessions(
        self, path: str | Path, *, format: str | None = None, agent: str | None = None, strict: bool = False
    ) -> ImportSummary:
        """See :meth:`AsyncClient.import_sessions`."""
        file = Path(path)
        call = calls.import_sessions(file.name, format, agent, strict=strict)
        response = self.sdk.post(call.path, cast_to=httpx2.Response, content=_pieces(file), options=_streaming(call))
        return call.read(response.content)

    def dream(
        self,
        store_id: str,
        *,
        where: str | None = None,
        session_ids: Sequence[str] | None = None,
        instructions: str | None = None,
        update: bool = False,
    ) -> BetaDream:
        """See :meth:`AsyncClient.dream`."""
        body = calls.dream_body(store_id, where, session_ids, instructions, update=update)
        return self.sdk.post(calls.DREAM_REQUESTS, cast_to=BetaDream, body=body)

    def estimate_dream(
        self, store_id: str, *, where: str | None = None, session_ids: Sequence[str] | None = None
    ) -> DreamEstimate:
        """See :meth:`AsyncClient.estimate_dream`."""
        return self._ask(calls.estimate_dream(store_id, where, session_ids))

    def dream_result(self, dream_id: str) -> DreamResult:
        """See :meth:`AsyncClient.dream_result`."""
        return self._ask(calls.dream_result(dream_id))

    def dream_report(self, dream_id: str) -> str:
        """See :meth:`AsyncClient.dream_report`."""
        return self._ask(calls.dream_report(dream_id))

    def audit_log(self, *, resource_id: str | None = None, action: str | None = None) -> Iterator[AuditEntry]:
        """See :meth:`AsyncClient.audit_log`."""
        return self._each(calls.audit_log(resource_id, action))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sdk, name)


def _streaming(call: ApiCall[Any]) -> Any:
    # A stream cannot be sent twice, so nothing is tried again.
    headers = {"content-type": "application/octet-stream"}
    return {"params": dict(call.query or {}), "headers": headers, "max_retries": 0}


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


async def _pieces_apart(path: Path) -> AsyncIterator[bytes]:
    """The pieces of a file, read beside the event loop."""
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            yield piece
