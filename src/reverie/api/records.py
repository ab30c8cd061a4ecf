"""Bodies, queries and answers of Reverie's own endpoints: the server, the client and the OpenAPI document share them.

Nothing but msgspec is needed to load them. Parameters (``…Params``) are closed to unknown fields; a field that may be
left out and has no default is ``UNSET`` then. Answers have their ``type`` as a tag, and a client takes an answer that
holds more than it knows, so a newer server suits it.
"""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from reverie.agents.self_change import Step as ChangedParameter
from reverie.dreams.dream import (
    DreamBudget,
    DreamEstimate,
    DreamResult,
    DreamStatus,
    PatternRow,
    PlaceboCounts,
    ScheduledDream,
)
from reverie.dreams.summary import SummarizedDream
from reverie.lessons.lesson import Effect, Lesson, LessonKind, LessonStatus
from reverie.memory.hit import RecallHit
from reverie.memory.memory import Operation, Revision, RevisionKind, Tier
from reverie.outcomes.label_task import LabelAnswer, LabelProgress
from reverie.outcomes.metric import REWARD_METRIC, Metric
from reverie.runtime.charter_report import Act, AlarmNumbers, CharterStanding, CharterTrialReport
from reverie.runtime.rule_report import Outcome, RuleTrialReport
from reverie.sessions.session import PartScore, Score
from reverie.sessions.transcript import Turn
from reverie.storage.erasure.report import ErasureReport, ErasureState
from reverie.storage.learning.activity_report import ActivityReport
from reverie.storage.learning.session_summary import FieldValues, SessionFacts, SummarizedSession
from reverie.storage.service.seal import Seal, Verification
from reverie.storage.sessions.import_summary import ImportSummary
from reverie.teams.membership import Member
from reverie.teams.routing_report import RoutingReport
from reverie.trials.report import CurvePoint, TrialReport
from reverie.trials.trial import Decision, TrialState

Item = TypeVar("Item")
PageLimit = Annotated[int, Meta(ge=1, le=100)]
"""How many items a page has."""
Instant = Annotated[datetime, Meta(tz=True)]
MetricName = Annotated[str, Meta(min_length=1, max_length=128)]


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """One page of a list."""

    data: tuple[Item, ...]
    next_page: str | None = None


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sent to an endpoint, as its query or its body."""


class ListParams(Params, frozen=True):
    """Which page of a list."""

    limit: PageLimit = 20
    page: str | UnsetType = UNSET


# Recall


class RecallParams(Params, frozen=True):
    """What to look for."""

    query: Annotated[str, Meta(min_length=1, max_length=4096)]
    limit: PageLimit = 5
    """The most memories."""
    tokens: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    """The most tokens of content; by default the store's budget."""
    meaning: bool = True
    """Whether meanings are compared too, or words alone."""
    scope: bool = True
    """Whether lessons that are for whoever asks are found without sharing a word."""
    agent: Annotated[str, Meta(min_length=1, max_length=256)] | UnsetType = UNSET
    """The name of the agent that asks: lessons on other agents are not found by scope."""
    tools: Annotated[list[Annotated[str, Meta(min_length=1, max_length=256)]], Meta(max_length=200)] = []
    """The tools it has: lessons that need others are not found by scope; none given, they are not known."""
    task_family: Annotated[str, Meta(min_length=1, max_length=256)] | UnsetType = UNSET
    """The kind of its task: lessons on other kinds are not found by scope."""


class FoundMemory(RecallHit, frozen=True, tag="recall_hit"):
    """A memory that recall found."""


# Revisions of memory stores


class RevisionDiffParams(Params, frozen=True):
    """What to compare a revision with."""

    against: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    """By default the revision before; 0 is the empty store."""
    path: str | UnsetType = UNSET
    """Of the document at this path alone."""


class RollbackParams(Params, frozen=True):
    """Why to go back."""

    reason: Annotated[str, Meta(min_length=1, max_length=1024)]
    expected_revision: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    """Refuse with 409 unless this is the store's latest revision: what was looked at is then what is undone."""


class StoreRevision(Revision, frozen=True, tag="store_revision"):
    """One act on a memory store."""

    created_at: Instant


class PathDifference(msgspec.Struct, frozen=True):
    """One path whose content differs."""

    path: str
    operation: Operation
    diff: str
    """In the unified format."""


class RevisionDiff(msgspec.Struct, frozen=True, tag="revision_diff"):
    """What a revision has that another lacks."""

    memory_store_id: str
    revision: int
    against: int
    created: int
    modified: int
    deleted: int
    differences: tuple[PathDifference, ...]


class StoreRollback(msgspec.Struct, frozen=True, tag="store_rollback"):
    """A return to an earlier revision."""

    memory_store_id: str
    to_revision: int
    revision: StoreRevision | None
    """The new revision; None where the store was as it should be."""


class DocumentParams(Params, frozen=True):
    """Which document."""

    path: Annotated[str, Meta(min_length=1, max_length=4096)]
    revision: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    """As it was at this revision; by default as it is."""


class DocumentVersion(msgspec.Struct, frozen=True):
    """What a memory was from a revision on, and whose act that was."""

    id: str
    revision: int
    operation: Operation
    path: str | None
    """Null where it has been redacted."""
    tier: Tier
    reason: str
    lesson_id: str | None
    """The lesson that a dream or a trial wrote it as."""
    at: Instant
    act: RevisionKind
    actor: str
    """The id of a dream, of a session or of a key; or ``user``."""
    source_session_ids: tuple[str, ...]
    """What a dream went by."""


class StoredDocument(msgspec.Struct, frozen=True, tag="document"):
    """A memory by its path, and how it came to be so."""

    memory_store_id: str
    memory_id: str
    path: str
    content: str
    is_current: bool
    """Whether it is so now."""
    version: DocumentVersion
    """The one that is shown."""
    versions: tuple[DocumentVersion, ...]
    """The latest hundred, the newest first."""


# Lessons and patterns


class LessonListParams(ListParams, frozen=True):
    """Which lessons."""

    status: LessonStatus | UnsetType = UNSET
    kind: LessonKind | UnsetType = UNSET


class StoredLesson(Lesson, frozen=True, kw_only=True, tag="lesson"):
    """A lesson, and the dreams that made and last judged it."""

    first_seen_at: Instant | None = None
    last_seen_at: Instant | None = None
    memory_store_id: str
    first_dream_id: str | None
    """Null of advice that a person gave and no dream has judged."""
    last_dream_id: str | None


class Stratum(msgspec.Struct, frozen=True):
    """One group of comparable sessions, and what it says of a behaviour."""

    stratum: str
    sessions_with: int
    sessions_without: int
    reward_with: float
    reward_without: float
    share: float
    """Of the whole claim's weight, 0 to 1."""


class LessonPageParams(LessonListParams, frozen=True):
    """Which lessons, of every store."""

    memory_store_id: str | UnsetType = UNSET
    agent: str | UnsetType = UNSET
    """That are for this agent alone."""


class LessonParams(Params, frozen=True):
    """Whose lesson it is; clones of a store have the same lessons."""

    memory_store_id: str | UnsetType = UNSET
    """By default the store whose dream judged it last."""


class LessonEvent(msgspec.Struct, frozen=True):
    """Something that befell a lesson."""

    at: Instant
    act: Literal["judged", "written", "trial_begun", "trial_decided"]
    what: str
    """The status that a dream gave it, what became of its document, or what was decided."""
    reason: str
    by: str
    """The id of a dream or of a key, ``user`` or ``auto``."""
    effect: Effect | None = None
    """As the dream found it."""
    revision: int | None = None
    """Of the store, that changed the document."""
    trial_id: str | None = None


class LessonHistory(StoredLesson, frozen=True, kw_only=True, tag="lesson_history"):
    """A lesson, and all that befell it: what is known without looking at sessions again."""

    naive_effect: float | None
    """What pooled comparison, ignoring the task, would have claimed."""
    placebo: PlaceboCounts | None
    """The same mining with shuffled outcomes, in the dream that last judged it."""
    events: tuple[LessonEvent, ...]
    """The oldest first: the latest thirty judgements, a hundred changes of its document, its trials."""
    document_path: str | None
    """Where it is in its store; null where it is not."""


class DecisiveMoment(msgspec.Struct, frozen=True):
    """A session at the moment that decides."""

    session_id: str
    event_id: str
    reward: float | None
    supports: bool
    turns: tuple[Turn, ...]


class LessonTrial(msgspec.Struct, frozen=True):
    """A live trial that a lesson is or was in."""

    id: str
    state: TrialState
    reason: str
    """Why it is in this state; empty while it goes on."""


class ExplainedLesson(StoredLesson, frozen=True, kw_only=True, tag="lesson"):
    """A lesson with all that speaks for and against it."""

    strata: tuple[Stratum, ...]
    moments: tuple[DecisiveMoment, ...]
    doubts: tuple[str, ...]
    """What would change our mind."""
    trials: tuple[LessonTrial, ...] = ()
    """The live trials that it is or was in, the latest first."""


class TestedPattern(PatternRow, frozen=True, kw_only=True, tag="pattern"):
    """A behaviour in a situation that a dream tested."""

    dream_id: str


# Metrics and scores


class MetricDefineParams(Params, frozen=True):
    """A metric to define, or to define anew."""

    name: MetricName
    direction: Literal["maximize", "minimize"] = "maximize"
    unit: str = ""
    low: float = 0.0
    """The lower end of the range."""
    high: float = 1.0
    """The upper end."""
    weight: float = 1.0
    """Share in the reward, relative to other metrics; 0 keeps it out."""
    target: float | None = None
    """The value to reach; reported, not part of the reward."""


class MeasuredMetric(Metric, frozen=True, forbid_unknown_fields=False, kw_only=True, tag="metric"):
    """A metric, and how the sessions stand on it."""

    defined: bool
    """False for a score name that nobody defined."""
    sessions: int
    """Sessions with a score."""
    mean: float | None
    on_target: float | None
    mean_reward: float | None


class ScoreParams(Params, frozen=True):
    """One metric's value for one session."""

    metric: MetricName
    value: float
    part: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    """What of the session it is a score of: the thread of an agent that was called in, or the event that asked for a
    cross-check. Without it, of the session."""


class ScoresParams(Params, frozen=True):
    """Scores to record; they replace older ones of the same part and metrics."""

    scores: Annotated[tuple[ScoreParams, ...], Meta(min_length=1, max_length=100)]
    metadata: dict[str, Annotated[str, Meta(max_length=16_384)]] | UnsetType = UNSET
    """What else is known of how it went, such as the tests that failed; added to the session's."""
    source: Literal["", "person"] = ""
    """Who gave them: a person, or else a program."""


class SessionScores(msgspec.Struct, frozen=True, tag="session_scores"):
    """What a session was scored, and the reward that follows."""

    session_id: str
    reward: float | None
    scores: tuple[Score, ...]
    notes: tuple[str, ...] = ()
    """Which scores are no part of the reward, or not as they were given, and what to do."""
    parts: tuple[PartScore, ...] = ()
    """Scores of parts of it, which its reward is without."""


# Labels: sessions that a person is asked to score


class LabelFrameParams(Params, frozen=True):
    """Which labels are meant."""

    metric: MetricName = REWARD_METRIC
    """The metric that answers are scores of."""
    where: str | None = None
    """Which sessions labels stand for; without it, every session."""


class LabelAnswerParams(LabelFrameParams, frozen=True, kw_only=True):
    """An answer."""

    value: float | None
    """The score; null skips the session."""


class AskedLabel(msgspec.Struct, frozen=True, tag="label_task"):
    """A session to be scored, and how far the labels are."""

    session_id: str | None
    """Null where every session was asked for; there are no turns then."""
    task_category: str | None
    turns: tuple[Turn, ...]
    """What a person is shown: nothing of memory, scores, agent or model."""
    progress: LabelProgress


class AnsweredLabel(LabelAnswer, frozen=True, tag="label_answer"):
    """What an answer came to."""


# Sessions: chosen, recorded, imported


class SegmentPreviewParams(Params, frozen=True):
    """The expression to try."""

    where: str | None = None
    """Such as ``agent = 'desk' and reward < 0.5``; without one, every session."""


class SegmentPreview(msgspec.Struct, frozen=True, tag="segment_preview"):
    """What an expression chooses."""

    where: str | None
    sessions: int
    scored: int
    """Those with a reward."""
    mean_reward: float | None
    first_session_ids: tuple[str, ...]
    """A few, in the order they were imported in."""


class FindSessionsParams(ListParams, frozen=True):
    """Which sessions."""

    where: str | UnsetType = UNSET
    """Such as ``agent = 'desk' and reward < 0.5``; without one, every session."""


class SessionSummary(SummarizedSession, frozen=True, kw_only=True, tag="session_summary"):
    """A session in a line."""


class SegmentField(FieldValues, frozen=True, tag="segment_field"):
    """A field that an expression may ask of, and values that recent sessions have."""


class StoredSessionFacts(SessionFacts, frozen=True, kw_only=True, tag="session_facts"):
    """A session with what was scored, shown and drawn."""


class EventRangeParams(Params, frozen=True):
    """Which events."""

    first: Annotated[int, Meta(ge=0)] = 0
    """Sequence number of the first one."""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200
    session_thread_id: str | UnsetType = UNSET
    """Of this thread alone; ``primary`` is the primary one."""


class NumberedEvent(msgspec.Struct, frozen=True):
    """An event at its place in the log."""

    sequence: int
    session_thread_id: str | None
    """None is the primary thread."""
    at: Instant | None
    """When it happened; None where its source does not say."""
    is_error: bool
    """An error of the session, or a tool's result that reports one."""
    answers: int | None
    """Of a tool's result, the sequence number of its call."""
    event: dict[str, Any]
    """As the wire API has it."""


class EventRange(msgspec.Struct, frozen=True, tag="event_range"):
    """Events of all threads of a session, or of one, in the order of the log."""

    session_id: str
    total: int
    """Events of the session."""
    waiting: int
    """Inputs that the agent has not taken in yet."""
    events: tuple[NumberedEvent, ...]
    next_first: int | None
    """Where the next range begins; None where the log ends."""
    next_error: int | None
    """Sequence number of the next error after the range."""


class RecordParams(Params, frozen=True):
    """Events in the order they happened, as the wire API has them, without ``processed_at``.

    An event's ``id`` is the writer's own name for it, by which later events of the call may refer to it.
    """

    events: tuple[dict[str, Any], ...]
    session_thread_id: str | UnsetType = UNSET
    """The thread that they happened in; by default the primary one."""
    only_while_running: bool = False
    """Refuse with 409 unless a turn is going on."""
    expected_turn: int | UnsetType = UNSET
    """Refuse with 409 unless this turn is going on: nobody else can have begun another one meanwhile."""


class PreviewParams(Params, frozen=True):
    """A piece of an event that is being written: its beginning (``type``), or more text (``event_id`` and ``text``)."""

    type: Literal["agent.message", "agent.thinking"] | UnsetType = UNSET
    event_id: str | UnsetType = UNSET
    text: str | UnsetType = UNSET
    session_thread_id: str | UnsetType = UNSET


class SessionPreview(msgspec.Struct, frozen=True, tag="session_preview"):
    """The id that the event will have; record it under this id."""

    id: str


class SessionTurn(msgspec.Struct, frozen=True, tag="session_turn"):
    """How a session stands for whoever runs its agent."""

    session_id: str
    turn: int
    """The number of the latest turn, to be given as ``expected_turn``; 0 before the first one."""
    status: Literal["idle", "running", "rescheduling", "terminated"]
    waiting: int
    """How many inputs the agent has not taken in yet."""
    blocked_by: tuple[str, ...]
    """Ids of tool uses that wait for a client."""


class SessionImportParams(Params, frozen=True):
    """How to import; as the options of ``reverie import``."""

    format: str | UnsetType = UNSET
    """By default it is found by content."""
    agent: str | UnsetType = UNSET
    """Agent of every session."""
    set: tuple[str, ...] | UnsetType = UNSET
    """``KEY=VALUE``: a session field, or metadata under any other key; ``{stem}`` is the file's name without suffix,
    ``{folder}`` the name of its folder."""
    scores_key: str | UnsetType = UNSET
    """Field of the score file that names the session."""
    score: tuple[str, ...] | UnsetType = UNSET
    """Scores to take, as ``NAME=FIELD``; by default all. ``NAME=WORD:NUMBER,…`` gives numbers to words."""
    strict: bool = False
    """Import everything or, at the first bad record, nothing."""
    filename: str | UnsetType = UNSET
    """Name of a file that is the body itself."""


class SessionImport(ImportSummary, frozen=True, tag="session_import"):
    """What became of the sessions of an import."""


# What went on


class ActivityParams(Params, frozen=True):
    """How far to look back."""

    days: Annotated[int, Meta(ge=1, le=366)] = 30
    """In UTC, today included."""
    new_since: Instant | UnsetType = UNSET
    """Since when sessions count as new; by default since the first day."""


class Activity(ActivityReport, frozen=True, tag="activity"):
    """What went on in the workspace, and what waits for a person."""


# Dreams


class MemoryStoreInput(Params, frozen=True, tag="memory_store"):
    """The store to read."""

    memory_store_id: str


class SessionsInput(Params, frozen=True, tag="sessions"):
    """Exactly these sessions, as many as there are."""

    session_ids: tuple[str, ...]


class SessionQueryInput(Params, frozen=True, tag="session_query"):
    """The sessions that an expression chooses, such as ``agent = 'desk' and reward < 0.5``; empty is all of them."""

    where: str


DreamInput = MemoryStoreInput | SessionsInput | SessionQueryInput


class CreateNew(Params, frozen=True, tag="create_new"):
    """Write to a clone of the store."""


class UpdateExisting(Params, frozen=True, tag="update_existing"):
    """Write to the store itself."""

    memory_store_id: str


class DreamRequestParams(Params, frozen=True):
    """A dream over any number of sessions; the server's own model, if any, is asked."""

    inputs: tuple[DreamInput, ...]
    instructions: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    output_behavior: CreateNew | UpdateExisting | UnsetType = UNSET
    """By default, a clone."""


class DreamEstimateParams(Params, frozen=True):
    """What a dream would read."""

    inputs: tuple[DreamInput, ...]


class EstimatedDream(DreamEstimate, frozen=True, tag="dream_estimate"):
    """What a dream would read and roughly cost."""


class DreamSummaryListParams(ListParams, frozen=True):
    """Which dreams."""

    memory_store_id: str | UnsetType = UNSET
    """That read or write this store."""
    status: DreamStatus | UnsetType = UNSET
    include_archived: bool = False


class DreamSummary(SummarizedDream, frozen=True, tag="dream_summary"):
    """A dream in a line; what came of it is null until it has completed."""

    created_at: Instant
    ended_at: Instant | None
    archived_at: Instant | None


class CompletedDream(DreamResult, frozen=True, tag="dream_result"):
    """All that a dream found and did."""


# Schedules of dreams


class CronParams(Params, frozen=True, tag="cron"):
    """When, as for deployments."""

    expression: str
    """Minute, hour, day of month, month and day of week, such as ``0 3 * * *``."""
    timezone: str
    """The IANA time zone whose clock is meant, such as ``Europe/Oslo``."""


class DreamBudgetParams(Params, frozen=True):
    """The most that one dream may spend on a model; what is left out is as in the store's policy."""

    tokens: Annotated[int, Meta(ge=0)] | None = None
    usd: Annotated[float, Meta(ge=0)] | None = None


class DreamScheduleParams(Params, frozen=True):
    """When a store dreams by itself, and over what; each dream updates the store itself."""

    schedule: CronParams
    where: str | None = None
    """Which sessions; by default those that the store's policy names."""
    instructions: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    budget: DreamBudgetParams | None = None


class DreamScheduleListParams(ListParams, frozen=True):
    """Which schedules."""

    memory_store_id: str | UnsetType = UNSET


class CronSchedule(msgspec.Struct, frozen=True, tag="cron"):
    """When a store dreams."""

    expression: str
    timezone: str
    upcoming_runs_at: tuple[Instant, ...]
    """The next moments, whether the schedule is paused or not; a dream begins up to nine minutes later."""


class DreamScheduleRun(ScheduledDream, frozen=True):
    """What became of a moment: a dream, or why none was begun."""


class DreamSchedule(msgspec.Struct, frozen=True, tag="dream_schedule"):
    """When a store dreams by itself, and over what."""

    memory_store_id: str
    schedule: CronSchedule
    where: str | None
    instructions: str | None
    budget: DreamBudget | None
    status: Literal["active", "paused"]
    paused_reason: dict[str, Any] | None
    """``{"type": "manual"}``, or ``{"type": "error", "error": {"type": …, "message": …}}``."""
    failures: int
    """Its dreams that failed one after another; the third pauses it."""
    last_run: DreamScheduleRun | None
    created_at: Instant
    updated_at: Instant


class DeletedDreamSchedule(msgspec.Struct, frozen=True, tag="dream_schedule_deleted"):
    """A store that dreams by itself no more."""

    memory_store_id: str


# Policies, keys of environments, the audit log


class PolicyUpdateParams(Params, frozen=True):
    """A policy to set."""

    policy: dict[str, Any]
    """Replaces the whole policy; what is left out has its default."""


class StorePolicy(msgspec.Struct, frozen=True, tag="store_policy"):
    """The policy of a store with every setting."""

    memory_store_id: str
    policy: dict[str, Any]


class EnvironmentKeyCreateParams(Params, frozen=True):
    """A key to make."""

    name: Annotated[str, Meta(max_length=256)] = ""
    """What it is for."""
    expires_in_days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    """By default it never expires."""


class EnvironmentKey(msgspec.Struct, frozen=True, tag="environment_key"):
    """A key that workers of an environment show."""

    id: str
    environment_id: str
    name: str
    secret: str | None
    """Shown once, when the key is made."""
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None


class ApiKeyCreateParams(Params, frozen=True):
    """A key to make."""

    role: Literal["read", "write", "admin"]
    """``read`` looks, ``write`` also runs sessions and dreams, ``admin`` also decides, and manages keys."""
    name: Annotated[str, Meta(max_length=256)] = ""
    """What it is for."""
    expires_in_days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    """By default it never expires."""


class StoredApiKey(msgspec.Struct, frozen=True, tag="api_key"):
    """A key of the workspace."""

    id: str
    role: Literal["read", "write", "admin"]
    name: str
    secret: str | None
    """Shown once, when the key is made."""
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None


# The server


class ServerDatabase(msgspec.Struct, frozen=True):
    """The database as the server sees it."""

    embedded: bool
    """Whether the server runs it itself."""
    version: str
    """Of PostgreSQL."""
    migration: str
    """The latest that was applied."""
    bytes: int
    """All workspaces together."""


class ServerDisk(msgspec.Struct, frozen=True):
    """The disk that holds the server's home folder."""

    free_bytes: int
    total_bytes: int


class ServerWork(msgspec.Struct, frozen=True):
    """Something that a server does beside requests."""

    name: str
    state: Literal["running", "done", "failed"]
    """``done``: it ended by itself, because there is nothing to do."""
    error: str
    """Of what failed: the kind of error; the log has the rest."""


class ServerSeals(msgspec.Struct, frozen=True):
    """How the history of the workspace is sealed."""

    every_minutes: int
    """0 is never."""
    signed: bool
    has_file: bool
    """Whether seals are kept outside the database too."""
    newest: int | None
    """The number of the newest seal."""
    newest_at: Instant | None


class ServerRoute(msgspec.Struct, frozen=True):
    """Which provider answers for agents' model ids; no keys."""

    pattern: str
    provider: str
    model: str | None
    host: str | None
    """Null is the provider's own."""
    key_variable: str | None
    """Null is the provider's own, at its own address."""
    has_key: bool
    price: str | None


class ServerFormat(msgspec.Struct, frozen=True):
    """A format of session files that can be imported."""

    name: str
    ours: bool
    """False of one that another package brings."""


class ServerReport(msgspec.Struct, frozen=True, tag="server"):
    """How the server is, as it sees itself."""

    version: str
    at: Instant
    database: ServerDatabase
    disk: ServerDisk
    work: tuple[ServerWork, ...]
    dreams: dict[str, int]
    """The workspace's, by status."""
    queued_work: int
    """Pieces of work that no worker has taken."""
    seals: ServerSeals
    routes: tuple[ServerRoute, ...]
    """In the order in which they are asked."""
    routes_error: str
    """Why the routes cannot be read; else empty."""
    dream_model: str | None
    """``provider:model``; null where no model helps dreams."""
    formats: tuple[ServerFormat, ...]


# Rules


class RulesParams(Params, frozen=True):
    """Which rule set."""

    agent_id: str | UnsetType = UNSET
    """An agent's own; by default the workspace's."""
    version: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    """By default the one that stands."""


class RuleVersionsParams(ListParams, frozen=True):
    """Which versions of which rule set."""

    agent_id: str | UnsetType = UNSET


class RuleSetParams(Params, frozen=True):
    """Rules to set, in the form of the file."""

    rules: tuple[dict[str, Any], ...]
    """Replace all that stood before."""
    circuit_breaker: dict[str, Any] | UnsetType = UNSET
    agent_id: str | UnsetType = UNSET


class RuleTestParams(Params, frozen=True):
    """Rules to try on past sessions."""

    rules: tuple[dict[str, Any], ...] | UnsetType = UNSET
    """By default those that stand."""
    agent_id: str | UnsetType = UNSET
    where: str | None = None
    """Which sessions; by default all."""


class StoredRuleSet(msgspec.Struct, frozen=True, tag="rule_set"):
    """A version of a rule set."""

    agent_id: str | None
    version: int
    """0 is the empty set that stands before any was set."""
    rules: tuple[dict[str, Any], ...]
    circuit_breaker: dict[str, Any]
    created_at: Instant | None


class TriedRules(RuleTrialReport, frozen=True, tag="rule_trial"):
    """What rules would have stopped."""


class AgentRolesParams(Params, frozen=True):
    """Which version of a coordinator's roles."""

    version: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    """By default those that stand."""


class AgentRolesSetParams(Params, frozen=True):
    """Roles to set, in the form of the file."""

    roles: tuple[dict[str, Any], ...]
    """Replace all that stood before."""
    most_running: dict[str, int] | UnsetType = UNSET
    """By the agent's name, how many threads of it run at once in a session."""


class AgentRoles(msgspec.Struct, frozen=True, tag="agent_roles"):
    """A version of a coordinator's roles."""

    agent_id: str
    version: int
    """0: none have been set."""
    roles: tuple[dict[str, Any], ...]
    most_running: dict[str, int]
    created_at: Instant | None


class RuleFiringListParams(ListParams, frozen=True):
    """Which page of a session's firings."""


class RuleFiring(msgspec.Struct, frozen=True, tag="rule_firing"):
    """A rule that held for a call."""

    event_id: str
    """Of the event that tells of the call."""
    sequence: int
    rule: str
    agent_id: str | None
    """Whose rule set it is of; null is the workspace's."""
    version: int
    verdict: Outcome
    enforced: bool
    """Whether it was in force, or was only to be noted."""


class SessionRuleFiring(RuleFiring, frozen=True, kw_only=True, tag="session_rule_firing"):
    """A rule that held for a call, and in which session."""

    session_id: str


# Charters


class CharterParams(Params, frozen=True):
    """Which charter."""

    agent_id: str | UnsetType = UNSET
    """An agent's id, or the name that imported sessions bear; by default the workspace's."""
    version: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    """By default the one that stands."""


class CharterVersionsParams(ListParams, frozen=True):
    """Which versions of which charter."""

    agent_id: str | UnsetType = UNSET


class CharterSetParams(Params, frozen=True):
    """A charter to set, in the form of the file."""

    behaviours: tuple[dict[str, Any], ...]
    """Replace all that stood before."""
    run_length: int | UnsetType = UNSET
    rest_minutes: float | UnsetType = UNSET
    agent_id: str | UnsetType = UNSET


class CharterTestParams(Params, frozen=True):
    """A charter to try on past sessions."""

    behaviours: tuple[dict[str, Any], ...] | UnsetType = UNSET
    """By default those that stand."""
    run_length: int | UnsetType = UNSET
    agent_id: str | UnsetType = UNSET
    """Of this agent alone."""
    where: str | None = None
    """Which sessions; by default all."""


class StoredCharterVersion(msgspec.Struct, frozen=True, tag="charter"):
    """A version of a charter."""

    agent_id: str | None
    version: int
    """0 is the empty one that stands before any was set."""
    behaviours: tuple[dict[str, Any], ...]
    run_length: int
    rest_minutes: float
    created_at: Instant | None


class TriedCharter(CharterTrialReport, frozen=True, tag="charter_trial"):
    """What a charter would have come to."""


class CharterStandingParams(Params, frozen=True):
    """Whose behaviours."""

    agent_id: str | UnsetType = UNSET
    """Of this agent alone, by whatever charter."""


class CharterStandings(msgspec.Struct, frozen=True, tag="charter_standing"):
    """How every behaviour stands."""

    behaviours: tuple[CharterStanding, ...]


class CharterAlarmListParams(ListParams, frozen=True):
    """Which alarms."""

    agent_id: str | UnsetType = UNSET
    standing: bool = False
    """Only those that nobody has acknowledged."""


class CharterAlarm(msgspec.Struct, frozen=True, tag="charter_alarm"):
    """That a behaviour left its range."""

    id: str
    charter_agent_id: str | None
    """Whose charter it is of; null is the workspace's."""
    version: int
    agent: str
    behaviour: str
    act: Act
    """What was done."""
    numbers: AlarmNumbers
    session_id: str
    """The last session that was counted."""
    at: Instant
    acknowledged_at: Instant | None
    acknowledged_by: str | None
    note: str


class AcknowledgeParams(Params, frozen=True):
    """What a person says of an alarm."""

    note: Annotated[str, Meta(max_length=1000)] = ""


class CharterResumeParams(Params, frozen=True):
    """Which agent is to go on."""

    agent_id: Annotated[str, Meta(min_length=1)]
    note: Annotated[str, Meta(max_length=1000)] = ""


class ResumedAgent(msgspec.Struct, frozen=True, tag="resumed_agent"):
    """An agent that goes on."""

    agent: str
    alarms: tuple[CharterAlarm, ...]
    """What was acknowledged."""


class TeamMember(msgspec.Struct, frozen=True):
    """An agent that was called in."""

    id: str | None
    """Null of one that has no definition of its own."""
    name: str
    threads: int
    sessions: int
    mean_reward: float | None
    """Of those of its sessions that have a reward."""


class AgentTeam(msgspec.Struct, frozen=True, tag="agent_team"):
    """Whom an agent called in, in its latest sessions."""

    agent_id: str
    sessions: int
    """Looked at: the latest thousand at the most."""
    sessions_alone: int
    """Those in which nobody was called in."""
    mean_reward: float | None
    mean_reward_alone: float | None
    members: tuple[TeamMember, ...]
    """Those that were called in most, first."""


class TeamMemberParams(Params, frozen=True):
    """An agent of a team."""

    agent: Annotated[str, Meta(min_length=1)]
    """The name that its sessions bear, or the id of an agent here."""
    memory_store_id: str | None = None
    """Id or name of its private store, which its sessions alone can read from then on; made where no store has the
    name. Null: lessons for it go to the team's store."""


class TeamParams(Params, frozen=True):
    """Agents that share a store."""

    name: Annotated[str, Meta(min_length=1)]
    members: tuple[TeamMemberParams, ...]
    """2 to 20 of them."""
    memory_store_id: str | None = None
    """Id or name of the store that the team shares; by default one that is called as the team is."""


class TeamDreamParams(Params, frozen=True):
    """What a joint dream reads, of the sessions of the team's agents."""

    where: str | None = None
    """Which of them; by default those that the policy of the team's store names."""
    session_ids: tuple[str, ...] | None = None
    """Exactly these."""
    instructions: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None


class StoredTeam(msgspec.Struct, frozen=True, tag="team"):
    """Agents that share a store."""

    id: str
    name: str
    memory_store_id: str
    """What the team remembers: its members' sessions read it, dreams and people write it."""
    members: tuple[Member, ...]
    created_at: Instant


class DeletedTeam(msgspec.Struct, frozen=True, tag="team_deleted"):
    """A team that is none any more; its stores stay, and private ones stay private."""

    id: str


class AgentBoundsParams(Params, frozen=True):
    """Bounds to set."""

    bounds: dict[str, Any]
    """Replaces the whole of them; a parameter that is left out may not change."""


class AgentBounds(msgspec.Struct, frozen=True, tag="agent_bounds"):
    """Within which bounds an agent may change itself."""

    agent_id: str
    version: int
    """0 are the bounds that stand before any were set: nothing may change."""
    bounds: dict[str, Any]
    created_at: Instant | None
    created_by: str | None


class SelfChangeParams(Params, frozen=True):
    """A change of an agent to ask for."""

    patch: dict[str, Any]
    """JSON merge patch of the agent as it is answered; lists are replaced whole."""
    reason: Annotated[str, Meta(min_length=1, max_length=2000)]
    lesson_ids: tuple[str, ...] = ()
    """The lessons that ask for it."""


class SelfChangeListParams(ListParams, frozen=True):
    """Which page of an agent's changes."""


class SelfChange(msgspec.Struct, frozen=True, tag="self_change"):
    """A change of an agent by itself: a version that is tried, and what became of it."""

    id: str
    agent_id: str
    trial_id: str
    state: TrialState
    """Of its trial."""
    told: str
    """Why it is in this state."""
    title: str
    """What changes, in words."""
    steps: tuple[ChangedParameter, ...]
    patch: dict[str, Any]
    """JSON merge patch from the version that it was derived from."""
    derived_from: int
    """The agent's version that it began at."""
    candidate_version: int
    """The version that is tried; it is not listed, and can be named."""
    adopted_version: int | None
    """The version that made it the agent's."""
    reverted_version: int | None
    """The version that took it back."""
    approval: Literal["auto", "ask"]
    bounds_version: int
    asked_by: str
    reason: str
    lesson_ids: tuple[str, ...]
    created_at: Instant


# Trials


class TrialListParams(ListParams, frozen=True):
    """Which trials."""

    batch: str | UnsetType = UNSET
    """Begun by this dream."""
    memory_store_id: str | UnsetType = UNSET
    state: TrialState | UnsetType = UNSET
    waiting: bool = False
    """Only those that wait for a person: frozen ones, and those of which a person is to decide."""


class AgentRouting(RoutingReport, frozen=True, kw_only=True, tag="agent_routing"):
    """What a coordinator's router knows, and what is shown of it."""

    learned_at: Instant | None


class TrialStartParams(Params, frozen=True):
    """What is to be tried: a lesson that is there, or advice."""

    memory_store_id: str
    lesson_id: str | UnsetType = UNSET
    advice: str | UnsetType = UNSET
    agent: str | UnsetType = UNSET
    """Of advice: the name of the agent whose sessions it is for."""
    task_family: str | UnsetType = UNSET
    """Of advice: the task category of the sessions that it is for."""
    policy: dict[str, Any] | UnsetType = UNSET
    """Settings below ``live`` that differ from the store's policy, such as ``{"horizon_exposures": 400}``."""


class TrialDecideParams(Params, frozen=True):
    """What a person decides."""

    act: Literal["adopt", "reject", "roll_back", "end"]
    note: Annotated[str, Meta(max_length=2_000)] = ""


class TrialDecision(Decision, frozen=True):
    """What was decided of a trial, by whom and on which numbers."""

    at: Instant


class StoredTrial(TrialReport, frozen=True, kw_only=True, tag="trial"):
    """Where a trial stands."""

    decisions: tuple[TrialDecision, ...]
    created_at: Instant
    decided_at: Instant | None


class TrialCurve(msgspec.Struct, frozen=True, tag="trial_curve"):
    """The effect of a trial over its sessions."""

    trial_id: str
    points: tuple[CurvePoint, ...]


class BriefingParams(Params, frozen=True):
    """Who asks for a briefing, and for what."""

    memory_store_ids: Annotated[tuple[str, ...], Meta(min_length=1, max_length=8)]
    """Their names will do."""
    agent: str | UnsetType = UNSET
    """The agent's name."""
    task_family: str | UnsetType = UNSET
    """The session's task category."""
    user_id: str | UnsetType = UNSET
    query: str = ""
    """The opening message, for what is recalled."""
    reference: Annotated[str, Meta(min_length=1, max_length=512)] | UnsetType = UNSET
    """The id that the session has, or will have; with it, asking again gives what was given first."""


class ShownItem(msgspec.Struct, frozen=True):
    """A lesson or a memory in a briefing."""

    subject: str
    version: str
    memory_store_id: str


class StoredBriefing(msgspec.Struct, frozen=True, tag="briefing"):
    """What an agent elsewhere was given."""

    id: str
    reference: str | None
    text: str
    """Empty where there is nothing to show."""
    shown: tuple[ShownItem, ...]
    made_at: Instant


class AuditLogParams(ListParams, frozen=True):
    """Which acts."""

    resource_id: str | UnsetType = UNSET
    action: str | UnsetType = UNSET
    """Such as ``memory_stores.memories.update``."""
    actor: str | UnsetType = UNSET
    """An API key's id, a session's, or the name of what acts by itself, such as ``trials``."""


class AuditLogEntry(msgspec.Struct, frozen=True, tag="audit_entry"):
    """One act, and who did it."""

    number: int
    at: Instant
    actor: dict[str, Any]
    """Of an automatic act ``{"type": "system", "name": …}``."""
    action: str
    resource_id: str | None
    request_id: str
    """Empty where no request asked for it."""
    details: dict[str, Any] | None
    """Of an automatic act: what it went by, the revision before and after, how to undo it."""
    content_hash: str
    """SHA-256 of the entry's canonical text."""


class AuditSeal(Seal, frozen=True, tag="audit_seal"):
    """A seal over rows of one table, chained to the seal before it."""


class AuditSealing(msgspec.Struct, frozen=True, tag="audit_sealing"):
    """What was sealed."""

    seals: tuple[AuditSeal, ...]
    """None where nothing was added since the last ones."""
    waiting: tuple[str, ...]
    """Tables left for the next time, because somebody was still writing to them."""


class ErasureParams(Params, frozen=True):
    """Whose sessions are to be erased, with what came from them."""

    session_ids: Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(max_length=10_000)] = ()
    """Also of sessions that were deleted before: what was learned from them may still be there."""
    user_id: Annotated[str, Meta(min_length=1)] | UnsetType = UNSET
    agent: Annotated[str, Meta(min_length=1)] | UnsetType = UNSET
    """An agent's id, or the name that its sessions bear."""
    dry_run: bool = False
    """Whether to tell what would be done, and do nothing."""


class StoredErasure(msgspec.Struct, frozen=True, tag="erasure"):
    """An erasure, and what it did."""

    id: str
    state: ErasureState
    """``running`` until it is done; one that was cut short goes on when the same is asked for again."""
    sessions_erased: int
    """So far."""
    report: ErasureReport | None
    """Counts, ids and hashes, no content; null while it goes on."""
    created_at: Instant
    ended_at: Instant | None
    actor: dict[str, str]


class AuditVerification(Verification, frozen=True, tag="audit_verification"):
    """What came of comparing a workspace's history with its seals."""
