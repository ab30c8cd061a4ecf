"""Reverie's own calls as data: what is sent, and what the answer is read as. Nothing is sent from here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

import msgspec

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
from reverie.errors import InputError
from reverie.lessons.lesson import LessonKind, LessonStatus
from reverie.memory.hit import RecallHit
from reverie.outcomes.metric import Metric
from reverie.storage.sessions.import_summary import ImportSummary

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class ApiCall(Generic[Answer]):
    """One request."""

    method: Literal["GET", "POST"]
    path: str
    answer: type[Answer]
    """``str`` takes the answer as text."""
    query: Mapping[str, Any] | None = None
    body: Mapping[str, Any] | None = None

    def read(self, content: bytes) -> Answer:
        """The answer that ``content`` holds.

        Raises:
            InputError: the server answered something else; it may be of another version.
        """
        if self.answer is str:
            return content.decode()  # type: ignore[return-value]
        try:
            return msgspec.json.decode(content, type=self.answer)
        except msgspec.DecodeError as error:
            raise InputError(f"{self.method} {self.path} was answered in an unknown form: {error}") from error

    def at(self, page: str) -> "ApiCall[Answer]":
        """The same list from a later page on."""
        return ApiCall(self.method, self.path, self.answer, {**(self.query or {}), "page": page}, self.body)


def _path(*parts: str | int) -> str:
    for part in parts:
        if part in ("", ".", ".."):
            raise InputError(f"{part!r} is no id")
    return "/v1/" + "/".join(quote(str(part), safe="") for part in parts)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def recall(store_id: str, query: str, limit: int, tokens: int | None, *, meaning: bool) -> ApiCall[Page[RecallHit]]:
    """The memories that suit a query."""
    asked = _given(query=query, limit=limit, tokens=tokens, meaning=None if meaning else "false")
    return ApiCall("GET", _path("memory_stores", store_id, "recall"), Page[RecallHit], asked)


def revisions(store_id: str) -> ApiCall[Page[StoreRevision]]:
    """What was done to a store."""
    return ApiCall("GET", _path("memory_stores", store_id, "revisions"), Page[StoreRevision], {"limit": 100})


def diff(store_id: str, revision: int, against: int | None) -> ApiCall[RevisionDiff]:
    """What a revision changed."""
    path = _path("memory_stores", store_id, "revisions", revision, "diff")
    return ApiCall("GET", path, RevisionDiff, _given(against=against))


def rollback(store_id: str, revision: int, reason: str) -> ApiCall[StoreRollback]:
    """A way back."""
    path = _path("memory_stores", store_id, "revisions", revision, "rollback")
    return ApiCall("POST", path, StoreRollback, body={"reason": reason})


def lessons(store_id: str, status: LessonStatus | None, kind: LessonKind | None) -> ApiCall[Page[StoredLesson]]:
    """The lessons of a store."""
    asked = _given(status=status, kind=kind, limit=100)
    return ApiCall("GET", _path("memory_stores", store_id, "lessons"), Page[StoredLesson], asked)


def lesson(lesson_id: str) -> ApiCall[ExplainedLesson]:
    """One lesson."""
    return ApiCall("GET", _path("lessons", lesson_id), ExplainedLesson)


def patterns(store_id: str) -> ApiCall[Page[TestedPattern]]:
    """What a store's latest dream tested."""
    return ApiCall("GET", _path("memory_stores", store_id, "patterns"), Page[TestedPattern], {"limit": 100})


def metrics() -> ApiCall[Page[MeasuredMetric]]:
    """All metrics."""
    return ApiCall("GET", _path("metrics"), Page[MeasuredMetric])


def define_metric(metric: Metric) -> ApiCall[MeasuredMetric]:
    """A metric to define."""
    return ApiCall("POST", _path("metrics"), MeasuredMetric, body=msgspec.structs.asdict(metric))


def scores(session_id: str) -> ApiCall[SessionScores]:
    """What a session was scored."""
    return ApiCall("GET", _path("sessions", session_id, "scores"), SessionScores)


def score(session_id: str, values: Mapping[str, float]) -> ApiCall[SessionScores]:
    """Scores to record."""
    body = {"scores": [{"metric": name, "value": value} for name, value in values.items()]}
    return ApiCall("POST", _path("sessions", session_id, "scores"), SessionScores, body=body)


def preview_segment(where: str | None) -> ApiCall[SegmentPreview]:
    """What an expression chooses."""
    return ApiCall("POST", _path("segments", "preview"), SegmentPreview, body={"where": where})


def record(
    session_id: str,
    events: Sequence[Mapping[str, Any]],
    thread_id: str | None,
    *,
    only_while_running: bool,
    expected_turn: int | None = None,
) -> ApiCall[Page[dict[str, Any]]]:
    """Events to record as whoever runs the agent."""
    body = _given(
        events=list(events),
        session_thread_id=thread_id,
        only_while_running=True if only_while_running else None,
        expected_turn=expected_turn,
    )
    return ApiCall("POST", _path("sessions", session_id, "record"), Page[dict[str, Any]], body=body)


def turn(session_id: str) -> ApiCall[SessionTurn]:
    """Which turn a session is in."""
    return ApiCall("GET", _path("sessions", session_id, "turn"), SessionTurn)


def transcript(session_id: str) -> ApiCall[str]:
    """A session as text."""
    return ApiCall("GET", _path("sessions", session_id, "transcript"), str)


def import_sessions(filename: str, format: str | None, agent: str | None, *, strict: bool) -> ApiCall[ImportSummary]:
    """An import; the file itself is the body, which is streamed."""
    asked = _given(filename=filename, format=format, agent=agent, strict="true" if strict else None)
    return ApiCall("POST", _path("session_imports"), ImportSummary, asked)


def dream_inputs(store_id: str, where: str | None, session_ids: Sequence[str] | None) -> list[dict[str, Any]]:
    """What a dream reads: the sessions named, or chosen by an expression, or else those of the store's policy.

    Raises:
        InputError: sessions are both named and chosen.
    """
    if where is not None and session_ids is not None:
        raise InputError("give where or session_ids, not both")
    inputs: list[dict[str, Any]] = [{"type": "memory_store", "memory_store_id": store_id}]
    if session_ids is not None:
        inputs.append({"type": "sessions", "session_ids": list(session_ids)})
    if where is not None:
        inputs.append({"type": "session_query", "where": where})
    return inputs


def dream_body(
    store_id: str, where: str | None, session_ids: Sequence[str] | None, instructions: str | None, *, update: bool
) -> dict[str, Any]:
    """A dream over any number of sessions."""
    behaviour = {"type": "update_existing", "memory_store_id": store_id} if update else {"type": "create_new"}
    inputs = dream_inputs(store_id, where, session_ids)
    return _given(inputs=inputs, instructions=instructions, output_behavior=behaviour)


DREAM_REQUESTS = _path("dream_requests")


def estimate_dream(store_id: str, where: str | None, session_ids: Sequence[str] | None) -> ApiCall[DreamEstimate]:
    """What a dream would cost."""
    body = {"inputs": dream_inputs(store_id, where, session_ids)}
    return ApiCall("POST", _path("dreams", "estimate"), DreamEstimate, body=body)


def dream_result(dream_id: str) -> ApiCall[DreamResult]:
    """All that a dream found."""
    return ApiCall("GET", _path("dreams", dream_id, "result"), DreamResult)


def dream_report(dream_id: str) -> ApiCall[str]:
    """A dream's report as HTML."""
    return ApiCall("GET", _path("dreams", dream_id, "report"), str)


def audit_log(resource_id: str | None, action: str | None) -> ApiCall[Page[AuditEntry]]:
    """Who did what."""
    asked = _given(resource_id=resource_id, action=action, limit=100)
    return ApiCall("GET", _path("audit_log"), Page[AuditEntry], asked)
