"""The official client with Reverie's own calls added: everything of the SDK is there, under the SDK's names.

Errors are the SDK's: ``anthropic.NotFoundError`` and so on. What each call takes and gives is in :mod:`.calls`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx2
import msgspec
from anthropic import Anthropic, AsyncAnthropic

from reverie.client import calls
from reverie.client.calls import ApiCall
from reverie.client.method import answer, async_answer, async_each, async_items, each, items

DEFAULT_URL = "http://127.0.0.1:8700"
NO_KEY = "no-key"
"""What is sent to a server that asks for no key."""
_PIECE_BYTES = 1024 * 1024

Answer = TypeVar("Answer")


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

    async def send(self, call: ApiCall[Answer]) -> Answer:
        """Send a call of :mod:`reverie.client.calls`, and read what is answered."""
        sent = _sent(call, None if call.file is None else _pieces_apart(call.file))
        ask: Any = getattr(self.sdk, call.method.lower())
        return call.read((await ask(call.path, cast_to=httpx2.Response, **sent)).content)

    recall = async_items(calls.recall)
    revisions = async_each(calls.revisions)
    revision_page = async_answer(calls.revision_page)
    diff = async_answer(calls.diff)
    rollback = async_answer(calls.rollback)
    document = async_answer(calls.document)
    lessons = async_each(calls.lessons)
    lesson = async_answer(calls.lesson)
    lesson_page = async_answer(calls.lesson_page)
    lesson_history = async_answer(calls.lesson_history)
    patterns = async_each(calls.patterns)
    metrics = async_items(calls.metrics)
    define_metric = async_answer(calls.define_metric)
    scores = async_answer(calls.scores)
    score = async_answer(calls.score)
    next_label_task = async_answer(calls.next_label_task)
    answer_label_task = async_answer(calls.answer_label_task)
    take_back_label = async_answer(calls.take_back_label)
    preview_segment = async_answer(calls.preview_segment)
    find_sessions = async_answer(calls.find_sessions)
    segment_fields = async_items(calls.segment_fields)
    session_facts = async_answer(calls.session_facts)
    event_range = async_answer(calls.event_range)
    activity = async_answer(calls.activity)
    record = async_items(calls.record)
    turn = async_answer(calls.turn)
    transcript = async_answer(calls.transcript)
    import_sessions = async_answer(calls.import_sessions)
    dream = async_answer(calls.dream)
    estimate_dream = async_answer(calls.estimate_dream)
    dream_summary_page = async_answer(calls.dream_summary_page)
    dream_summary = async_answer(calls.dream_summary)
    dream_result = async_answer(calls.dream_result)
    dream_report = async_answer(calls.dream_report)
    rules = async_answer(calls.rules)
    rule_versions = async_each(calls.rule_versions)
    set_rules = async_answer(calls.set_rules)
    test_rules = async_answer(calls.test_rules)
    rule_firings = async_each(calls.rule_firings)
    charter = async_answer(calls.charter)
    charter_versions = async_each(calls.charter_versions)
    set_charter = async_answer(calls.set_charter)
    test_charter = async_answer(calls.test_charter)
    charter_standing = async_answer(calls.charter_standing)
    charter_alarms = async_each(calls.charter_alarms)
    acknowledge_alarm = async_answer(calls.acknowledge_alarm)
    resume_agent = async_answer(calls.resume_agent)
    agent_rule_firings = async_each(calls.agent_rule_firings)
    agent_team = async_answer(calls.agent_team)
    agent_bounds = async_answer(calls.agent_bounds)
    agent_roles = async_answer(calls.agent_roles)
    agent_role_versions = async_each(calls.agent_role_versions)
    set_agent_roles = async_answer(calls.set_agent_roles)
    agent_routing = async_answer(calls.agent_routing)
    create_team = async_answer(calls.create_team)
    teams = async_each(calls.teams)
    team = async_answer(calls.team)
    delete_team = async_answer(calls.delete_team)
    dream_team = async_answer(calls.dream_team)
    set_agent_bounds = async_answer(calls.set_agent_bounds)
    self_changes = async_each(calls.self_changes)
    propose_self_change = async_answer(calls.propose_self_change)
    revert_self_change = async_answer(calls.revert_self_change)
    trials = async_each(calls.trials)
    trial = async_answer(calls.trial)
    start_trial = async_answer(calls.start_trial)
    decide_trial = async_answer(calls.decide_trial)
    undo_trial = async_answer(calls.undo_trial)
    look_at_trial = async_answer(calls.look_at_trial)
    trial_curve = async_answer(calls.trial_curve)
    brief = async_answer(calls.brief)
    briefing = async_answer(calls.briefing)
    policy = async_answer(calls.policy)
    set_policy = async_answer(calls.set_policy)
    dream_schedules = async_each(calls.dream_schedules)
    dream_schedule = async_answer(calls.dream_schedule)
    schedule_dreams = async_answer(calls.schedule_dreams)
    pause_dream_schedule = async_answer(calls.pause_dream_schedule)
    unpause_dream_schedule = async_answer(calls.unpause_dream_schedule)
    delete_dream_schedule = async_answer(calls.delete_dream_schedule)
    api_keys = async_each(calls.api_keys)
    create_api_key = async_answer(calls.create_api_key)
    revoke_api_key = async_answer(calls.revoke_api_key)
    server = async_answer(calls.server)
    audit_log = async_each(calls.audit_log)
    audit_seals = async_each(calls.audit_seals)
    erase = async_answer(calls.erase)
    erasures = async_each(calls.erasures)
    erasure = async_answer(calls.erasure)
    seal_history = async_answer(calls.seal_history)
    verify_history = async_answer(calls.verify_history)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sdk, name)


def client_over(http: httpx2.AsyncClient, base_url: str, api_key: str) -> AsyncClient:
    """A client that sends by ``http``, which stays its owner's to close, and tries nothing again."""
    return AsyncClient(sdk=AsyncAnthropic(api_key=api_key, base_url=base_url, http_client=http, max_retries=0))


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

    def send(self, call: ApiCall[Answer]) -> Answer:
        """Send a call of :mod:`reverie.client.calls`, and read what is answered."""
        sent = _sent(call, None if call.file is None else _pieces(call.file))
        ask: Any = getattr(self.sdk, call.method.lower())
        return call.read(ask(call.path, cast_to=httpx2.Response, **sent).content)

    recall = items(calls.recall)
    revisions = each(calls.revisions)
    revision_page = answer(calls.revision_page)
    diff = answer(calls.diff)
    rollback = answer(calls.rollback)
    document = answer(calls.document)
    lessons = each(calls.lessons)
    lesson = answer(calls.lesson)
    lesson_page = answer(calls.lesson_page)
    lesson_history = answer(calls.lesson_history)
    patterns = each(calls.patterns)
    metrics = items(calls.metrics)
    define_metric = answer(calls.define_metric)
    scores = answer(calls.scores)
    score = answer(calls.score)
    next_label_task = answer(calls.next_label_task)
    answer_label_task = answer(calls.answer_label_task)
    take_back_label = answer(calls.take_back_label)
    preview_segment = answer(calls.preview_segment)
    find_sessions = answer(calls.find_sessions)
    segment_fields = items(calls.segment_fields)
    session_facts = answer(calls.session_facts)
    event_range = answer(calls.event_range)
    activity = answer(calls.activity)
    record = items(calls.record)
    turn = answer(calls.turn)
    transcript = answer(calls.transcript)
    import_sessions = answer(calls.import_sessions)
    dream = answer(calls.dream)
    estimate_dream = answer(calls.estimate_dream)
    dream_summary_page = answer(calls.dream_summary_page)
    dream_summary = answer(calls.dream_summary)
    dream_result = answer(calls.dream_result)
    dream_report = answer(calls.dream_report)
    rules = answer(calls.rules)
    rule_versions = each(calls.rule_versions)
    set_rules = answer(calls.set_rules)
    test_rules = answer(calls.test_rules)
    rule_firings = each(calls.rule_firings)
    charter = answer(calls.charter)
    charter_versions = each(calls.charter_versions)
    set_charter = answer(calls.set_charter)
    test_charter = answer(calls.test_charter)
    charter_standing = answer(calls.charter_standing)
    charter_alarms = each(calls.charter_alarms)
    acknowledge_alarm = answer(calls.acknowledge_alarm)
    resume_agent = answer(calls.resume_agent)
    agent_rule_firings = each(calls.agent_rule_firings)
    agent_team = answer(calls.agent_team)
    agent_bounds = answer(calls.agent_bounds)
    agent_roles = answer(calls.agent_roles)
    agent_role_versions = each(calls.agent_role_versions)
    set_agent_roles = answer(calls.set_agent_roles)
    agent_routing = answer(calls.agent_routing)
    create_team = answer(calls.create_team)
    teams = each(calls.teams)
    team = answer(calls.team)
    delete_team = answer(calls.delete_team)
    dream_team = answer(calls.dream_team)
    set_agent_bounds = answer(calls.set_agent_bounds)
    self_changes = each(calls.self_changes)
    propose_self_change = answer(calls.propose_self_change)
    revert_self_change = answer(calls.revert_self_change)
    trials = each(calls.trials)
    trial = answer(calls.trial)
    start_trial = answer(calls.start_trial)
    decide_trial = answer(calls.decide_trial)
    undo_trial = answer(calls.undo_trial)
    look_at_trial = answer(calls.look_at_trial)
    trial_curve = answer(calls.trial_curve)
    brief = answer(calls.brief)
    briefing = answer(calls.briefing)
    policy = answer(calls.policy)
    set_policy = answer(calls.set_policy)
    dream_schedules = each(calls.dream_schedules)
    dream_schedule = answer(calls.dream_schedule)
    schedule_dreams = answer(calls.schedule_dreams)
    pause_dream_schedule = answer(calls.pause_dream_schedule)
    unpause_dream_schedule = answer(calls.unpause_dream_schedule)
    delete_dream_schedule = answer(calls.delete_dream_schedule)
    api_keys = each(calls.api_keys)
    create_api_key = answer(calls.create_api_key)
    revoke_api_key = answer(calls.revoke_api_key)
    server = answer(calls.server)
    audit_log = each(calls.audit_log)
    audit_seals = each(calls.audit_seals)
    erase = answer(calls.erase)
    erasures = each(calls.erasures)
    erasure = answer(calls.erasure)
    seal_history = answer(calls.seal_history)
    verify_history = answer(calls.verify_history)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sdk, name)


def _sent(call: ApiCall[Any], pieces: Iterator[bytes] | AsyncIterator[bytes] | None) -> dict[str, Any]:
    """What the SDK is given to send besides the path."""
    options: dict[str, Any] = {"params": call.parameters}
    if pieces is not None:
        # A stream cannot be sent twice, so nothing is tried again.
        options |= {"headers": {"content-type": "application/octet-stream"}, "max_retries": 0}
        return {"content": pieces, "options": options}
    body = {} if call.body is None else {"body": msgspec.to_builtins(call.body)}
    return {**body, "options": options}


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


async def _pieces_apart(path: Path) -> AsyncIterator[bytes]:
    """The pieces of a file, read beside the event loop."""
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            yield piece
