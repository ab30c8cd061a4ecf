"""Reverie's own calls: what is sent, and what the answer is read as. Nothing is sent from here.

Each function is a method of both clients, with this signature and this docstring.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

import msgspec
from anthropic import BaseModel
from anthropic.types.beta import BetaDream
from msgspec import UNSET, UnsetType

from reverie.api.records import (
    AcknowledgeParams,
    Activity,
    ActivityParams,
    AgentBounds,
    AgentBoundsParams,
    AgentRoles,
    AgentRolesParams,
    AgentRolesSetParams,
    AgentRouting,
    AgentTeam,
    AnsweredLabel,
    ApiKeyCreateParams,
    AskedLabel,
    AuditLogEntry,
    AuditLogParams,
    AuditSeal,
    AuditSealing,
    AuditVerification,
    BriefingParams,
    CharterAlarm,
    CharterAlarmListParams,
    CharterParams,
    CharterResumeParams,
    CharterSetParams,
    CharterStandingParams,
    CharterStandings,
    CharterTestParams,
    CharterVersionsParams,
    CompletedDream,
    CreateNew,
    CronParams,
    DeletedDreamSchedule,
    DeletedTeam,
    DocumentParams,
    DreamBudgetParams,
    DreamEstimateParams,
    DreamInput,
    DreamRequestParams,
    DreamSchedule,
    DreamScheduleListParams,
    DreamScheduleParams,
    DreamSummary,
    DreamSummaryListParams,
    ErasureParams,
    EstimatedDream,
    EventRange,
    EventRangeParams,
    ExplainedLesson,
    FindSessionsParams,
    FoundMemory,
    LabelAnswerParams,
    LabelFrameParams,
    LessonHistory,
    LessonListParams,
    LessonPageParams,
    LessonParams,
    ListParams,
    MeasuredMetric,
    MemoryStoreInput,
    MetricDefineParams,
    Page,
    Params,
    PolicyUpdateParams,
    RecallParams,
    RecordParams,
    ResumedAgent,
    RevisionDiff,
    RevisionDiffParams,
    RollbackParams,
    RuleFiring,
    RuleFiringListParams,
    RuleSetParams,
    RulesParams,
    RuleTestParams,
    RuleVersionsParams,
    ScoreParams,
    ScoresParams,
    SegmentField,
    SegmentPreview,
    SegmentPreviewParams,
    SelfChange,
    SelfChangeListParams,
    SelfChangeParams,
    ServerReport,
    SessionImport,
    SessionImportParams,
    SessionQueryInput,
    SessionRuleFiring,
    SessionScores,
    SessionsInput,
    SessionSummary,
    SessionTurn,
    StoredApiKey,
    StoredBriefing,
    StoredCharterVersion,
    StoredDocument,
    StoredErasure,
    StoredLesson,
    StoredRuleSet,
    StoredSessionFacts,
    StoredTeam,
    StoredTrial,
    StorePolicy,
    StoreRevision,
    StoreRollback,
    TeamDreamParams,
    TeamMemberParams,
    TeamParams,
    TestedPattern,
    TrialCurve,
    TrialDecideParams,
    TrialListParams,
    TrialStartParams,
    TriedCharter,
    TriedRules,
    UpdateExisting,
)
from reverie.dreams.dream import DreamStatus
from reverie.errors import InputError
from reverie.lessons.lesson import LessonKind, LessonStatus
from reverie.outcomes.metric import REWARD_METRIC, Metric
from reverie.trials.trial import TrialState

_LONGEST_PAGE = 100

Answer = TypeVar("Answer")
Item = TypeVar("Item")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class ApiCall(Generic[Answer]):
    """One request."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    answer: type[Answer]
    """``str`` takes the answer as text."""
    query: Params | None = None
    body: Params | None = None
    file: Path | None = None
    """Sent as the body, piece by piece."""
    page: str | None = None
    """The page of a list to begin at."""

    @property
    def parameters(self) -> dict[str, Any]:
        """What stands in the address."""
        given = {} if self.query is None else msgspec.to_builtins(self.query)
        words = {name: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()}
        return words if self.page is None else words | {"page": self.page}

    def read(self, content: bytes) -> Answer:
        """The answer that ``content`` holds.

        Raises:
            InputError: the server answered something else; it may be of another version.
        """
        if self.answer is str:
            return content.decode()  # type: ignore[return-value]
        try:
            if isinstance(self.answer, type) and issubclass(self.answer, BaseModel):
                return self.answer.construct(None, **msgspec.json.decode(content))
            return msgspec.json.decode(content, type=self.answer)
        except msgspec.DecodeError as error:
            raise InputError(f"{self.method} {self.path} was answered in an unknown form: {error}") from error

    def at(self, page: str) -> "ApiCall[Answer]":
        """The same list from a later page on."""
        return replace(self, page=page)


def _path(*parts: str | int) -> str:
    for part in parts:
        if part in ("", ".", ".."):
            raise InputError(f"{part!r} is no id")
    return "/v1/" + "/".join(quote(str(part), safe="") for part in parts)


def _given(value: Value | None) -> Value | UnsetType:
    return UNSET if value is None else value


def recall(
    store_id: str,
    query: str,
    *,
    limit: int = 5,
    tokens: int | None = None,
    meaning: bool = True,
    scope: bool = True,
    agent: str | None = None,
    tools: Sequence[str] = (),
    task_family: str | None = None,
) -> ApiCall[Page[FoundMemory]]:
    """The memories that suit ``query`` best, each with its reasons; at most ``tokens`` of content.

    With ``scope`` lessons for an asker with this ``agent``, ``tools`` and ``task_family`` come without sharing a word.
    """
    asked = RecallParams(
        query=query,
        limit=limit,
        tokens=_given(tokens),
        meaning=meaning,
        scope=scope,
        agent=_given(agent),
        tools=list(tools),
        task_family=_given(task_family),
    )
    return ApiCall("GET", _path("memory_stores", store_id, "recall"), Page[FoundMemory], asked)


def revisions(store_id: str) -> ApiCall[Page[StoreRevision]]:
    """What was done to a memory store, newest first."""
    asked = ListParams(limit=_LONGEST_PAGE)
    return ApiCall("GET", _path("memory_stores", store_id, "revisions"), Page[StoreRevision], asked)


def revision_page(store_id: str, *, page: str | None = None, limit: int = 20) -> ApiCall[Page[StoreRevision]]:
    """A page of what was done to a memory store, newest first."""
    asked = ListParams(limit=limit, page=_given(page))
    return ApiCall("GET", _path("memory_stores", store_id, "revisions"), Page[StoreRevision], asked)


def diff(
    store_id: str, revision: int, *, against: int | None = None, document: str | None = None
) -> ApiCall[RevisionDiff]:
    """What a revision changed, or how it differs from the one it is held ``against``; with the path of a document, of
    that alone."""
    path = _path("memory_stores", store_id, "revisions", revision, "diff")
    asked = RevisionDiffParams(against=_given(against), path=_given(document))
    return ApiCall("GET", path, RevisionDiff, asked)


def rollback(
    store_id: str, revision: int, reason: str, *, expected_revision: int | None = None
) -> ApiCall[StoreRollback]:
    """Make a memory store as it was at a revision, by a new revision.

    With ``expected_revision`` nothing is done, and ``anthropic.ConflictError`` raised, unless that is the latest one.
    """
    path = _path("memory_stores", store_id, "revisions", revision, "rollback")
    body = RollbackParams(reason=reason, expected_revision=_given(expected_revision))
    return ApiCall("POST", path, StoreRollback, body=body)


def document(store_id: str, path: str, *, revision: int | None = None) -> ApiCall[StoredDocument]:
    """The memory at a path, now or at a revision, and who made it what it was."""
    asked = DocumentParams(path=path, revision=_given(revision))
    return ApiCall("GET", _path("memory_stores", store_id, "document"), StoredDocument, asked)


def lessons(
    store_id: str, *, status: LessonStatus | None = None, kind: LessonKind | None = None
) -> ApiCall[Page[StoredLesson]]:
    """The lessons of a memory store."""
    asked = LessonListParams(status=_given(status), kind=_given(kind), limit=_LONGEST_PAGE)
    return ApiCall("GET", _path("memory_stores", store_id, "lessons"), Page[StoredLesson], asked)


def lesson_page(
    *,
    store_id: str | None = None,
    status: LessonStatus | None = None,
    kind: LessonKind | None = None,
    agent: str | None = None,
    page: str | None = None,
    limit: int = 20,
) -> ApiCall[Page[StoredLesson]]:
    """A page of the lessons of every store: what holds first, the greatest effect first."""
    asked = LessonPageParams(
        memory_store_id=_given(store_id),
        status=_given(status),
        kind=_given(kind),
        agent=_given(agent),
        page=_given(page),
        limit=limit,
    )
    return ApiCall("GET", _path("lessons"), Page[StoredLesson], asked)


def lesson(lesson_id: str, *, store_id: str | None = None) -> ApiCall[ExplainedLesson]:
    """One lesson with all that speaks for and against it; by default of the store whose dream judged it last."""
    asked = LessonParams(memory_store_id=_given(store_id))
    return ApiCall("GET", _path("lessons", lesson_id), ExplainedLesson, asked)


def lesson_history(lesson_id: str, *, store_id: str | None = None) -> ApiCall[LessonHistory]:
    """One lesson and all that befell it, without looking at sessions again."""
    asked = LessonParams(memory_store_id=_given(store_id))
    return ApiCall("GET", _path("lessons", lesson_id, "history"), LessonHistory, asked)


def patterns(store_id: str) -> ApiCall[Page[TestedPattern]]:
    """What the latest dream of a memory store tested."""
    asked = ListParams(limit=_LONGEST_PAGE)
    return ApiCall("GET", _path("memory_stores", store_id, "patterns"), Page[TestedPattern], asked)


def metrics() -> ApiCall[Page[MeasuredMetric]]:
    """The metrics, and how the sessions stand on each."""
    return ApiCall("GET", _path("metrics"), Page[MeasuredMetric])


def define_metric(metric: Metric) -> ApiCall[MeasuredMetric]:
    """Define a metric, or define it anew; every session's reward follows."""
    body = MetricDefineParams(**msgspec.structs.asdict(metric))
    return ApiCall("POST", _path("metrics"), MeasuredMetric, body=body)


def scores(session_id: str) -> ApiCall[SessionScores]:
    """What a session was scored, and its reward."""
    return ApiCall("GET", _path("sessions", session_id, "scores"), SessionScores)


def score(
    session_id: str,
    scores: Mapping[str, float],
    *,
    metadata: Mapping[str, str] | None = None,
    by_person: bool = False,
    part: str | None = None,
) -> ApiCall[SessionScores]:
    """Record scores of a session by metric name, and what else is known of how it went.

    ``session_id`` may be the id or the reference of its briefing. ``by_person``: a person gave them, and not a program.
    ``part``: the thread of an agent that was called in, or the event that asked for a cross-check; then they are scores
    of that alone.
    """
    of = UNSET if part is None else part
    given = tuple(ScoreParams(metric=name, value=value, part=of) for name, value in scores.items())
    about = UNSET if metadata is None else dict(metadata)
    body = ScoresParams(scores=given, metadata=about, source="person" if by_person else "")
    return ApiCall("POST", _path("sessions", session_id, "scores"), SessionScores, body=body)


def next_label_task(metric: str = REWARD_METRIC, *, where: str | None = None) -> ApiCall[AskedLabel]:
    """The session that a person should score next; its ``session_id`` is None where all were asked for."""
    return ApiCall("POST", _path("label_tasks"), AskedLabel, body=LabelFrameParams(metric=metric, where=where))


def answer_label_task(
    session_id: str, value: float | None, metric: str = REWARD_METRIC, *, where: str | None = None
) -> ApiCall[AnsweredLabel]:
    """Record a person's score of a session; None skips it."""
    body = LabelAnswerParams(value=value, metric=metric, where=where)
    return ApiCall("POST", _path("label_tasks", session_id), AnsweredLabel, body=body)


def take_back_label(
    session_id: str, metric: str = REWARD_METRIC, *, where: str | None = None
) -> ApiCall[AnsweredLabel]:
    """Take an answer back; the session is asked for again."""
    body = LabelFrameParams(metric=metric, where=where)
    return ApiCall("POST", _path("label_tasks", session_id, "take_back"), AnsweredLabel, body=body)


def preview_segment(where: str | None = None) -> ApiCall[SegmentPreview]:
    """How many sessions an expression chooses, how they fared, and a few of them."""
    return ApiCall("POST", _path("segments", "preview"), SegmentPreview, body=SegmentPreviewParams(where=where))


def find_sessions(
    where: str | None = None, *, limit: int = _LONGEST_PAGE, page: str | None = None
) -> ApiCall[Page[SessionSummary]]:
    """A page of the sessions that an expression chooses, newest first.

    ``page`` is the ``next_page`` of the page before.
    """
    asked = FindSessionsParams(where=_given(where), limit=limit, page=_given(page))
    return ApiCall("GET", _path("segments", "sessions"), Page[SessionSummary], asked)


def segment_fields() -> ApiCall[Page[SegmentField]]:
    """The fields that an expression may ask of, with values that recent sessions have."""
    return ApiCall("GET", _path("segments", "fields"), Page[SegmentField])


def session_facts(session_id: str) -> ApiCall[StoredSessionFacts]:
    """What is known of a session besides its events: scores, what it was shown, arms of trials, threads."""
    return ApiCall("GET", _path("sessions", session_id, "facts"), StoredSessionFacts)


def event_range(
    session_id: str, first: int = 0, *, limit: int = 200, thread_id: str | None = None
) -> ApiCall[EventRange]:
    """Events of a session from a place in its log on, of all threads or one (``primary`` is the primary one)."""
    asked = EventRangeParams(first=first, limit=limit, session_thread_id=_given(thread_id))
    return ApiCall("GET", _path("sessions", session_id, "event_range"), EventRange, asked)


def activity(days: int = 30, *, new_since: datetime | None = None) -> ApiCall[Activity]:
    """What went on in the workspace day by day, and what waits for a person."""
    return ApiCall("GET", _path("activity"), Activity, ActivityParams(days=days, new_since=_given(new_since)))


def record(
    session_id: str,
    events: Sequence[Mapping[str, Any]],
    *,
    thread_id: str | None = None,
    only_while_running: bool = False,
    expected_turn: int | None = None,
) -> ApiCall[Page[dict[str, Any]]]:
    """Record what an agent did, as whoever runs it; the events as they were stored.

    With ``expected_turn`` nothing is recorded, and ``anthropic.ConflictError`` raised, unless that turn goes on.
    """
    body = RecordParams(
        events=tuple(dict(event) for event in events),
        session_thread_id=_given(thread_id),
        only_while_running=only_while_running,
        expected_turn=_given(expected_turn),
    )
    return ApiCall("POST", _path("sessions", session_id, "record"), Page[dict[str, Any]], body=body)


def turn(session_id: str) -> ApiCall[SessionTurn]:
    """Which turn a session is in, as whoever runs its agent needs to know."""
    return ApiCall("GET", _path("sessions", session_id, "turn"), SessionTurn)


def transcript(session_id: str) -> ApiCall[str]:
    """A session as a person reads it."""
    return ApiCall("GET", _path("sessions", session_id, "transcript"), str)


def import_sessions(
    path: str | Path, *, format: str | None = None, agent: str | None = None, strict: bool = False
) -> ApiCall[SessionImport]:
    """Import the sessions of a file or archive, which is sent piece by piece.

    ``format`` is by default found by content; ``strict`` imports everything or, at the first bad record, nothing.
    """
    file = Path(path)
    asked = SessionImportParams(filename=file.name, format=_given(format), agent=_given(agent), strict=strict)
    return ApiCall("POST", _path("session_imports"), SessionImport, asked, file=file)


def dream(
    store_id: str,
    *,
    where: str | None = None,
    session_ids: Sequence[str] | None = None,
    instructions: str | None = None,
    update: bool = False,
) -> ApiCall[BetaDream]:
    """Ask for a dream over any number of sessions: those named, or those of ``where``, or those of the policy.

    It writes to a clone of the store, or with ``update`` to the store itself; watch it with ``beta.dreams``.
    """
    body = DreamRequestParams(
        inputs=_dream_inputs(store_id, where, session_ids),
        instructions=instructions,
        output_behavior=UpdateExisting(memory_store_id=store_id) if update else CreateNew(),
    )
    return ApiCall("POST", _path("dream_requests"), BetaDream, body=body)


def _dream_inputs(store_id: str, where: str | None, session_ids: Sequence[str] | None) -> tuple[DreamInput, ...]:
    """What a dream reads: the sessions named, or chosen by an expression, or else those of the store's policy.

    Raises:
        InputError: sessions are both named and chosen.
    """
    if where is not None and session_ids is not None:
        raise InputError("give where or session_ids, not both")
    store = MemoryStoreInput(memory_store_id=store_id)
    if session_ids is not None:
        return store, SessionsInput(session_ids=tuple(session_ids))
    return (store,) if where is None else (store, SessionQueryInput(where=where))


def estimate_dream(
    store_id: str, *, where: str | None = None, session_ids: Sequence[str] | None = None
) -> ApiCall[EstimatedDream]:
    """What a dream would read, how long it would take, and what a model would cost."""
    body = DreamEstimateParams(inputs=_dream_inputs(store_id, where, session_ids))
    return ApiCall("POST", _path("dreams", "estimate"), EstimatedDream, body=body)


def dream_summary_page(
    *,
    store_id: str | None = None,
    status: DreamStatus | None = None,
    include_archived: bool = False,
    page: str | None = None,
    limit: int = 20,
) -> ApiCall[Page[DreamSummary]]:
    """A page of dreams in a line each, newest first."""
    asked = DreamSummaryListParams(
        memory_store_id=_given(store_id),
        status=_given(status),
        include_archived=include_archived,
        page=_given(page),
        limit=limit,
    )
    return ApiCall("GET", _path("dream_summaries"), Page[DreamSummary], asked)


def dream_summary(dream_id: str) -> ApiCall[DreamSummary]:
    """What was asked of a dream and what came of it, without its result."""
    return ApiCall("GET", _path("dream_summaries", dream_id), DreamSummary)


def dream_result(dream_id: str) -> ApiCall[CompletedDream]:
    """All that a completed dream found and did."""
    return ApiCall("GET", _path("dreams", dream_id, "result"), CompletedDream)


def dream_report(dream_id: str) -> ApiCall[str]:
    """The report of a completed dream as one HTML page."""
    return ApiCall("GET", _path("dreams", dream_id, "report"), str)


def rules(*, agent_id: str | None = None, version: int | None = None) -> ApiCall[StoredRuleSet]:
    """The rules on tool calls that stand, of the workspace or of an agent; or an earlier version of them."""
    asked = RulesParams(agent_id=_given(agent_id), version=_given(version))
    return ApiCall("GET", _path("rules"), StoredRuleSet, asked)


def rule_versions(*, agent_id: str | None = None) -> ApiCall[Page[StoredRuleSet]]:
    """Every version of a rule set, newest first."""
    asked = RuleVersionsParams(agent_id=_given(agent_id), limit=_LONGEST_PAGE)
    return ApiCall("GET", _path("rules", "versions"), Page[StoredRuleSet], asked)


def set_rules(
    rules: Sequence[Mapping[str, Any]],
    *,
    circuit_breaker: Mapping[str, int] | None = None,
    agent_id: str | None = None,
) -> ApiCall[StoredRuleSet]:
    """Set rules, in the form of the file: a new version, which stands from the next reply of a model on."""
    body = RuleSetParams(
        rules=tuple(map(dict, rules)),
        circuit_breaker=_given(None if circuit_breaker is None else dict(circuit_breaker)),
        agent_id=_given(agent_id),
    )
    return ApiCall("POST", _path("rules"), StoredRuleSet, body=body)


def test_rules(
    rules: Sequence[Mapping[str, Any]] | None = None, *, where: str | None = None, agent_id: str | None = None
) -> ApiCall[TriedRules]:
    """Replay past sessions, and tell what rules (by default those that stand) would have stopped."""
    given = None if rules is None else tuple(map(dict, rules))
    body = RuleTestParams(rules=_given(given), agent_id=_given(agent_id), where=where)
    return ApiCall("POST", _path("rules", "test"), TriedRules, body=body)


def charter(*, agent_id: str | None = None, version: int | None = None) -> ApiCall[StoredCharterVersion]:
    """The charter that stands, of the workspace or of an agent; or an earlier version of it."""
    asked = CharterParams(agent_id=_given(agent_id), version=_given(version))
    return ApiCall("GET", _path("charter"), StoredCharterVersion, asked)


def charter_versions(*, agent_id: str | None = None) -> ApiCall[Page[StoredCharterVersion]]:
    """Every version of a charter, newest first."""
    asked = CharterVersionsParams(agent_id=_given(agent_id), limit=_LONGEST_PAGE)
    return ApiCall("GET", _path("charter", "versions"), Page[StoredCharterVersion], asked)


def set_charter(
    behaviours: Sequence[Mapping[str, Any]],
    *,
    run_length: int | None = None,
    rest_minutes: float | None = None,
    agent_id: str | None = None,
) -> ApiCall[StoredCharterVersion]:
    """Set a charter, in the form of the file: a new version, by which sessions are judged from now on."""
    body = CharterSetParams(
        behaviours=tuple(map(dict, behaviours)),
        run_length=_given(run_length),
        rest_minutes=_given(rest_minutes),
        agent_id=_given(agent_id),
    )
    return ApiCall("POST", _path("charter"), StoredCharterVersion, body=body)


def test_charter(
    behaviours: Sequence[Mapping[str, Any]] | None = None,
    *,
    where: str | None = None,
    run_length: int | None = None,
    agent_id: str | None = None,
) -> ApiCall[TriedCharter]:
    """Judge past sessions by a charter (by default the one that stands), and tell rates and alarms."""
    given = None if behaviours is None else tuple(map(dict, behaviours))
    body = CharterTestParams(
        behaviours=_given(given), run_length=_given(run_length), agent_id=_given(agent_id), where=where
    )
    return ApiCall("POST", _path("charter", "test"), TriedCharter, body=body)


def charter_standing(*, agent_id: str | None = None) -> ApiCall[CharterStandings]:
    """How every behaviour of the charters that stand does: its rate so far, the detector, and whether it is alarmed."""
    asked = CharterStandingParams(agent_id=_given(agent_id))
    return ApiCall("GET", _path("charter", "standing"), CharterStandings, asked)


def charter_alarms(*, agent_id: str | None = None, standing: bool = False) -> ApiCall[Page[CharterAlarm]]:
    """Alarms of charters, newest first."""
    asked = CharterAlarmListParams(agent_id=_given(agent_id), standing=standing, limit=_LONGEST_PAGE)
    return ApiCall("GET", _path("charter", "alarms"), Page[CharterAlarm], asked)


def acknowledge_alarm(alarm_id: str, *, note: str = "") -> ApiCall[CharterAlarm]:
    """Let an alarm stand no more: its detector begins anew, and an agent that it paused goes on."""
    path = _path("charter", "alarms", alarm_id, "acknowledge")
    return ApiCall("POST", path, CharterAlarm, body=AcknowledgeParams(note=note))


def resume_agent(agent_id: str, *, note: str = "") -> ApiCall[ResumedAgent]:
    """Let an agent go on that charters paused."""
    body = CharterResumeParams(agent_id=agent_id, note=note)
    return ApiCall("POST", _path("charter", "resume"), ResumedAgent, body=body)


def rule_firings(session_id: str) -> ApiCall[Page[RuleFiring]]:
    """Where rules held in a session, in the order of its log."""
    asked = RuleFiringListParams(limit=_LONGEST_PAGE)
    return ApiCall("GET", _path("sessions", session_id, "rule_firings"), Page[RuleFiring], asked)


def agent_rule_firings(agent_id: str) -> ApiCall[Page[SessionRuleFiring]]:
    """Where rules held in the sessions of an agent, the latest session first."""
    asked = RuleFiringListParams(limit=_LONGEST_PAGE)
    return ApiCall("GET", _path("agents", agent_id, "rule_firings"), Page[SessionRuleFiring], asked)


def agent_team(agent_id: str) -> ApiCall[AgentTeam]:
    """Whom an agent called in, in its latest sessions, and how those sessions went."""
    return ApiCall("GET", _path("agents", agent_id, "team"), AgentTeam)


def agent_bounds(agent_id: str) -> ApiCall[AgentBounds]:
    """Within which bounds an agent may change itself."""
    return ApiCall("GET", _path("agents", agent_id, "bounds"), AgentBounds)


def create_team(
    name: str, members: Mapping[str, str | None] | Sequence[str], *, store: str | None = None
) -> ApiCall[StoredTeam]:
    """Declare a team: ``members`` are names of agents, each with the name or id of its private store, or None.

    ``store`` is the one that they share, by default one that is called as the team is.
    """
    given = members if isinstance(members, Mapping) else dict.fromkeys(members)
    listed = tuple(TeamMemberParams(agent=agent, memory_store_id=private) for agent, private in given.items())
    return ApiCall(
        "POST", _path("teams"), StoredTeam, body=TeamParams(name=name, members=listed, memory_store_id=store)
    )


def teams() -> ApiCall[Page[StoredTeam]]:
    """The teams of the key's workspace, newest first."""
    return ApiCall("GET", _path("teams"), Page[StoredTeam], ListParams(limit=_LONGEST_PAGE))


def team(team_id: str) -> ApiCall[StoredTeam]:
    """Read a team."""
    return ApiCall("GET", _path("teams", team_id), StoredTeam)


def delete_team(team_id: str) -> ApiCall[DeletedTeam]:
    """Have a team be one no more; its stores stay, and private ones stay private."""
    return ApiCall("DELETE", _path("teams", team_id), DeletedTeam)


def dream_team(
    team_id: str,
    *,
    where: str | None = None,
    session_ids: Sequence[str] | None = None,
    instructions: str | None = None,
) -> ApiCall[BetaDream]:
    """Ask for a joint dream: the sessions of a team's agents, into the team's store and the agents' own.

    Watch it with ``beta.dreams``; its result says where each lesson went.
    """
    named = None if session_ids is None else tuple(session_ids)
    body = TeamDreamParams(where=where, session_ids=named, instructions=instructions)
    return ApiCall("POST", _path("teams", team_id, "dreams"), BetaDream, body=body)


def agent_roles(agent_id: str, *, version: int | None = None) -> ApiCall[AgentRoles]:
    """The roles of a coordinator that stand, or an earlier version of them."""
    return ApiCall("GET", _path("agents", agent_id, "roles"), AgentRoles, AgentRolesParams(version=_given(version)))


def agent_role_versions(agent_id: str) -> ApiCall[Page[AgentRoles]]:
    """Every version of a coordinator's roles, newest first."""
    return ApiCall("GET", _path("agents", agent_id, "roles", "versions"), Page[AgentRoles], ListParams())


def set_agent_roles(
    agent_id: str, roles: Sequence[Mapping[str, Any]], *, most_running: Mapping[str, int] | None = None
) -> ApiCall[AgentRoles]:
    """Set the roles of a coordinator, in the form of the file: a new version, for sessions that begin from now on."""
    most = None if most_running is None else dict(most_running)
    body = AgentRolesSetParams(roles=tuple(map(dict, roles)), most_running=_given(most))
    return ApiCall("POST", _path("agents", agent_id, "roles"), AgentRoles, body=body)


def agent_routing(agent_id: str) -> ApiCall[AgentRouting]:
    """To whom a coordinator's tasks go when it leaves that open, and what is shown of it."""
    return ApiCall("GET", _path("agents", agent_id, "routing"), AgentRouting)


def set_agent_bounds(agent_id: str, bounds: Mapping[str, Any]) -> ApiCall[AgentBounds]:
    """Set within which bounds an agent may change itself: a new version; a parameter that is left out may not."""
    body = AgentBoundsParams(bounds=dict(bounds))
    return ApiCall("POST", _path("agents", agent_id, "bounds"), AgentBounds, body=body)


def self_changes(agent_id: str) -> ApiCall[Page[SelfChange]]:
    """The changes that were asked for of an agent within its bounds, newest first."""
    asked = SelfChangeListParams(limit=_LONGEST_PAGE)
    return ApiCall("GET", _path("agents", agent_id, "self_changes"), Page[SelfChange], asked)


def propose_self_change(
    agent_id: str, patch: Mapping[str, Any], reason: str, *, lesson_ids: Sequence[str] = ()
) -> ApiCall[SelfChange]:
    """Ask for a change of an agent within its bounds, as a JSON merge patch; it is tried before it is the agent's."""
    body = SelfChangeParams(patch=dict(patch), reason=reason, lesson_ids=tuple(lesson_ids))
    return ApiCall("POST", _path("agents", agent_id, "self_changes"), SelfChange, body=body)


def revert_self_change(agent_id: str, change_id: str) -> ApiCall[SelfChange]:
    """Take a change back: an adopted one by a new version of the agent, one in trial by ending it."""
    return ApiCall("POST", _path("agents", agent_id, "self_changes", change_id, "revert"), SelfChange)


def trials(
    *,
    store_id: str | None = None,
    state: TrialState | None = None,
    batch: str | None = None,
    waiting: bool = False,
) -> ApiCall[Page[StoredTrial]]:
    """The live trials, newest first; of a ``batch``, those that this dream began; ``waiting``, those for a person."""
    asked = TrialListParams(
        memory_store_id=_given(store_id),
        state=_given(state),
        batch=_given(batch),
        waiting=waiting,
        limit=_LONGEST_PAGE,
    )
    return ApiCall("GET", _path("trials"), Page[StoredTrial], asked)


def trial(trial_id: str) -> ApiCall[StoredTrial]:
    """How a live trial stands, and what would change that nothing is decided."""
    return ApiCall("GET", _path("trials", trial_id), StoredTrial)


def start_trial(
    store_id: str,
    *,
    lesson_id: str | None = None,
    advice: str | None = None,
    agent: str | None = None,
    task_family: str | None = None,
    policy: Mapping[str, Any] | None = None,
) -> ApiCall[StoredTrial]:
    """Begin a live trial of a lesson, or of advice for sessions of an agent or a task family.

    ``policy`` has settings that differ from what the store's policy has below ``live``.
    """
    body = TrialStartParams(
        memory_store_id=store_id,
        lesson_id=_given(lesson_id),
        advice=_given(advice),
        agent=_given(agent),
        task_family=_given(task_family),
        policy=_given(None if policy is None else dict(policy)),
    )
    return ApiCall("POST", _path("trials"), StoredTrial, body=body)


def decide_trial(
    trial_id: str, act: Literal["adopt", "reject", "roll_back", "end"], note: str = ""
) -> ApiCall[StoredTrial]:
    """Decide a live trial; no outcome takes back what a person decided."""
    return ApiCall("POST", _path("trials", trial_id, "decide"), StoredTrial, body=TrialDecideParams(act=act, note=note))


def undo_trial(trial_id: str) -> ApiCall[StoredTrial]:
    """Take back the last decision of a live trial."""
    return ApiCall("POST", _path("trials", trial_id, "undo"), StoredTrial)


def look_at_trial(trial_id: str) -> ApiCall[StoredTrial]:
    """Bring the numbers of a live trial up to date, and do what they say where outcomes decide."""
    return ApiCall("POST", _path("trials", trial_id, "look"), StoredTrial)


def trial_curve(trial_id: str) -> ApiCall[TrialCurve]:
    """The effect of a live trial over its sessions, for a picture."""
    return ApiCall("GET", _path("trials", trial_id, "curve"), TrialCurve)


def brief(
    store_ids: Sequence[str],
    *,
    agent: str | None = None,
    task_family: str | None = None,
    user_id: str | None = None,
    query: str = "",
    reference: str | None = None,
) -> ApiCall[StoredBriefing]:
    """The briefing of a session that runs elsewhere, by the draws of the live trials that it takes part in.

    ``reference`` is the id that the session has, or will have; else put the briefing's id into its metadata as
    ``reverie_briefing``.
    """
    body = BriefingParams(
        memory_store_ids=tuple(store_ids),
        agent=_given(agent),
        task_family=_given(task_family),
        user_id=_given(user_id),
        query=query,
        reference=_given(reference),
    )
    return ApiCall("POST", _path("briefings"), StoredBriefing, body=body)


def briefing(briefing_id: str) -> ApiCall[StoredBriefing]:
    """A briefing as it was given."""
    return ApiCall("GET", _path("briefings", briefing_id), StoredBriefing)


def policy(store_id: str) -> ApiCall[StorePolicy]:
    """How the dreams of a memory store learn, with every setting."""
    return ApiCall("GET", _path("memory_stores", store_id, "policy"), StorePolicy)


def set_policy(store_id: str, policy: Mapping[str, Any]) -> ApiCall[StorePolicy]:
    """Set how the dreams of a memory store learn; what is left out has its default."""
    body = PolicyUpdateParams(policy=dict(policy))
    return ApiCall("POST", _path("memory_stores", store_id, "policy"), StorePolicy, body=body)


def dream_schedules(*, store_id: str | None = None) -> ApiCall[Page[DreamSchedule]]:
    """When memory stores dream by themselves, without those that are archived."""
    asked = DreamScheduleListParams(memory_store_id=_given(store_id), limit=_LONGEST_PAGE)
    return ApiCall("GET", _path("dream_schedules"), Page[DreamSchedule], asked)


def dream_schedule(store_id: str) -> ApiCall[DreamSchedule]:
    """When a memory store dreams by itself, and what became of the last moment."""
    return ApiCall("GET", _path("memory_stores", store_id, "dream_schedule"), DreamSchedule)


def schedule_dreams(
    store_id: str,
    expression: str,
    *,
    timezone: str = "UTC",
    where: str | None = None,
    instructions: str | None = None,
    tokens: int | None = None,
    usd: float | None = None,
) -> ApiCall[DreamSchedule]:
    """Have a memory store dream by itself, such as at ``0 3 * * *`` in ``Europe/Oslo``, in place of its schedule.

    ``tokens`` and ``usd`` are the most that one dream may spend on a model; by default the policy says.
    """
    body = DreamScheduleParams(
        schedule=CronParams(expression=expression, timezone=timezone),
        where=where,
        instructions=instructions,
        budget=None if tokens is None and usd is None else DreamBudgetParams(tokens=tokens, usd=usd),
    )
    return ApiCall("POST", _path("memory_stores", store_id, "dream_schedule"), DreamSchedule, body=body)


def pause_dream_schedule(store_id: str) -> ApiCall[DreamSchedule]:
    """Have the schedule of a memory store rest."""
    return ApiCall("POST", _path("memory_stores", store_id, "dream_schedule", "pause"), DreamSchedule)


def unpause_dream_schedule(store_id: str) -> ApiCall[DreamSchedule]:
    """Have the schedule of a memory store go on from now."""
    return ApiCall("POST", _path("memory_stores", store_id, "dream_schedule", "unpause"), DreamSchedule)


def delete_dream_schedule(store_id: str) -> ApiCall[DeletedDreamSchedule]:
    """Have a memory store dream by itself no more; a dream that is begun goes on."""
    return ApiCall("DELETE", _path("memory_stores", store_id, "dream_schedule"), DeletedDreamSchedule)


def api_keys() -> ApiCall[Page[StoredApiKey]]:
    """The keys of the workspace, newest first, without those of environments."""
    return ApiCall("GET", _path("api_keys"), Page[StoredApiKey], ListParams(limit=_LONGEST_PAGE))


def create_api_key(
    role: Literal["read", "write", "admin"], *, name: str = "", expires_in_days: int | None = None
) -> ApiCall[StoredApiKey]:
    """Make a key of the workspace; its secret is in this answer alone."""
    body = ApiKeyCreateParams(role=role, name=name, expires_in_days=expires_in_days)
    return ApiCall("POST", _path("api_keys"), StoredApiKey, body=body)


def revoke_api_key(key_id: str) -> ApiCall[StoredApiKey]:
    """Revoke a key of the workspace, other than the one that asks; servers stop taking it within seconds."""
    return ApiCall("POST", _path("api_keys", key_id, "revoke"), StoredApiKey)


def server() -> ApiCall[ServerReport]:
    """How the server is: database, disk, background work, seals, models for agents, formats."""
    return ApiCall("GET", _path("server"), ServerReport)


def audit_log(
    *, resource_id: str | None = None, action: str | None = None, actor: str | None = None
) -> ApiCall[Page[AuditLogEntry]]:
    """Who did what, newest first; of an ``actor`` alone: a key's id, a session's, or a name such as ``trials``."""
    asked = AuditLogParams(
        resource_id=_given(resource_id), action=_given(action), actor=_given(actor), limit=_LONGEST_PAGE
    )
    return ApiCall("GET", _path("audit_log"), Page[AuditLogEntry], asked)


def audit_seals() -> ApiCall[Page[AuditSeal]]:
    """The seals over the history of the key's workspace, newest first."""
    return ApiCall("GET", _path("audit_log", "seals"), Page[AuditSeal], ListParams(limit=_LONGEST_PAGE))


def erase(
    *,
    session_ids: Sequence[str] = (),
    user_id: str | None = None,
    agent: str | None = None,
    dry_run: bool = False,
) -> ApiCall[StoredErasure]:
    """Erase sessions with all that came from them: those named, those of a user, those of an agent.

    With ``dry_run`` it is told what would be done, and nothing is.
    """
    body = ErasureParams(session_ids=tuple(session_ids), user_id=_given(user_id), agent=_given(agent), dry_run=dry_run)
    return ApiCall("POST", _path("erasures"), StoredErasure, body=body)


def erasures() -> ApiCall[Page[StoredErasure]]:
    """The erasures of the key's workspace, newest first."""
    return ApiCall("GET", _path("erasures"), Page[StoredErasure], ListParams(limit=_LONGEST_PAGE))


def erasure(erasure_id: str) -> ApiCall[StoredErasure]:
    """What an erasure did."""
    return ApiCall("GET", _path("erasures", erasure_id), StoredErasure)


def seal_history() -> ApiCall[AuditSealing]:
    """Seal what was added to the history since the last seals."""
    return ApiCall("POST", _path("audit_log", "seals"), AuditSealing)


def verify_history() -> ApiCall[AuditVerification]:
    """Compare every row of the history with its seals, with the file and the signing key that the server has."""
    return ApiCall("GET", _path("audit_log", "verify"), AuditVerification)
