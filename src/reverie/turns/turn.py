"""One turn of one thread, from its claim until it has to wait for somebody else.

The log is the checkpoint: a request is begun in one transaction and its reply stored in another, each held to the turn
and the lease, so that whoever takes over reads from the log where to go on. Requests to a model are made at least once;
each call has one result; a call that changes something is never run twice without being told to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from reverie.errors import ConflictError, ContextOverflow, ModelError, ModelUnavailable, ThinkingRefused
from reverie.ids import event_id
from reverie.language_model import cost_usd
from reverie.models.router import RoutedModel
from reverie.runtime.conversation import KeptReply, Prompt, build_request
from reverie.runtime.live_state import LiveState, PendingCall, Transition
from reverie.runtime.model_failure import error_event, may_retry, pause_seconds
from reverie.runtime.outcome_loop import has_open_outcome
from reverie.runtime.reply_events import AskedCall, asked_calls, reply_events
from reverie.runtime.spending import over_budget
from reverie.runtime.writer import promise, record
from reverie.storage.live.leases import Lease, note_progress
from reverie.storage.live.log import apply_transition
from reverie.storage.live.replies import keep_reply, read_context, read_replies, read_thread_log
from reverie.storage.live.sessions import LiveSession, read_session
from reverie.storage.live.threads import read_thread
from reverie.storage.postgres.database import Connection
from reverie.storage.postgres.outbox import WebhookNotice, write_notices
from reverie.turn_model import TurnReply, TurnRequest
from reverie.turns.calls import open_calls, run_calls
from reverie.turns.desk import Desk
from reverie.turns.grading import evaluate
from reverie.turns.preview import Previewer

MOST_REQUESTS = 500
"""Requests of one turn: a model that calls tools for ever is stopped here."""
MOST_CLAIMS = 4
"""Claims of one turn without progress before it is given up."""
_TOOL_USES = ("agent.tool_use", "agent.custom_tool_use", "agent.mcp_tool_use")

log = structlog.get_logger("reverie.turns")


@dataclass(frozen=True, slots=True)
class _Opened:
    """A request that has been begun in the log."""

    session: LiveSession
    routed: RoutedModel
    prompt: Prompt
    request: TurnRequest
    promised: str
    """The id that the reply's first text will have."""


async def run_turn(desk: Desk, lease: Lease) -> None:
    """Run a leased turn until its thread waits for somebody else, or the lease is gone."""
    try:
        if not await _recover(desk, lease):
            return
        attempt, keep_thinking = 1, True
        for _ in range(MOST_REQUESTS):
            opened = await _open_request(desk, lease, keep_thinking)
            if opened is None:
                return
            previewer = Previewer(desk, lease, opened.promised)
            try:
                reply = await _ask(opened, previewer)
            except ThinkingRefused as error:
                if not keep_thinking:
                    await _give_up(desk, lease, error)
                    return
                log.warning("thinking was refused; going on without", session_id=lease.session_id)
                keep_thinking = False
                continue
            except ModelError as error:
                if not await _failed(desk, lease, error, attempt):
                    return
                attempt += 1
                continue
            attempt = 1
            if not await _close_request(desk, lease, opened, reply, previewer):
                return
        await _stop(desk, lease, {"type": "end_turn"})
    except ConflictError:
        log.info("a turn went on elsewhere, or ended", session_id=lease.session_id, turn=lease.turn)


async def write(
    desk: Desk, connection: Connection, lease: Lease, events: Sequence[Mapping[str, Any]]
) -> tuple[LiveSession, Transition]:
    """Record events of the leased turn.

    Raises:
        ConflictError: the lease does not stand.
    """
    now = desk.clock.now()

    def decide(state: LiveState) -> Transition:
        return record(state, events, now, thread_id=lease.thread, expected_turn=lease.turn)

    session, transition = await apply_transition(connection, lease.session_id, decide, now, lease=lease)
    await _notify(desk, connection, session, transition)
    return session, transition


async def _notify(desk: Desk, connection: Connection, session: LiveSession, transition: Transition) -> None:
    notices = [WebhookNotice(type_, session.id) for type_ in dict.fromkeys(transition.notices)]
    await write_notices(connection, notices, desk.workspace_id, desk.clock.now())


async def _recover(desk: Desk, lease: Lease) -> bool:
    """Go on from what the log says: close what a lost process left open, run what has been allowed meanwhile.

    False where the turn has nothing more to do now.
    """
    if lease.attempt > MOST_CLAIMS:
        again = f"the turn was cut off {MOST_CLAIMS} times without getting on; look at the server's log"
        await _give_up(desk, lease, ModelUnavailable(again))
        return False
    async with desk.database.connection() as connection:
        session, transition = await write(desk, connection, lease, ())
        lost = lease.attempt > 1
        if transition.state.open_spans.get(lease.thread_id):
            events = [{"type": "span.model_request_end", "is_error": True, "model_usage": _no_usage()}]
            if lease.thread is None:
                events.append({"type": "session.status_rescheduled"})
            session, transition = await write(desk, connection, lease, events)
        agent = await _agent_of(connection, session, lease)
    await _connect(desk, lease, session, agent)
    pending = _own_calls(transition.state, lease)
    if pending:
        return await _run_pending(desk, lease, session, pending, maybe_ran=lost)
    if _is_graded(lease, session) and session.outcome_evaluations[-1]["result"] == "evaluating":
        return await _grade(desk, lease, session)
    return True


async def _connect(desk: Desk, lease: Lease, session: LiveSession, agent: Mapping[str, Any]) -> None:
    """Have the agent's MCP servers ready; those that are not are told of, and the turn goes on without them."""
    if desk.servers is None or not agent.get("mcp_servers"):
        return
    failures = await desk.servers.connect(session, lease.thread, agent)
    if failures:
        async with desk.database.connection() as connection:
            await write(desk, connection, lease, failures)


def _own_calls(state: LiveState, lease: Lease) -> list[PendingCall]:
    return [call for call in state.pending if call.thread_id == lease.thread and not call.blocks]


async def _run_pending(
    desk: Desk, lease: Lease, session: LiveSession, pending: Sequence[PendingCall], *, maybe_ran: bool
) -> bool:
    """Run this side's calls and store their results as they come; False where the thread waits for others then."""
    async with desk.database.connection() as connection:
        routed = desk.models.find((await _agent_of(connection, session, lease))["model"]["id"])
        prompt = await desk.make_prompt(desk, connection, session, lease.thread, routed)
        calls = await open_calls(connection, session, lease, pending, prompt.tools)

    async def store(events: Sequence[Mapping[str, Any]]) -> None:
        async with desk.database.connection() as connection:
            await write(desk, connection, lease, events)

    await run_calls(desk, lease, session, calls, store, maybe_ran=maybe_ran)
    async with desk.database.connection() as connection:
        _, transition = await write(desk, connection, lease, ())
        if any(call.thread_id == lease.thread for call in transition.state.pending):
            await write(desk, connection, lease, [_idle_event(lease, None)])
            return False
        await note_progress(connection, lease)
    return True


async def _open_request(desk: Desk, lease: Lease, keep_thinking: bool) -> _Opened | None:
    """Begin a request in the log, and make it; None where none is to be made."""
    async with desk.database.connection() as connection:
        session = await read_session(connection, lease.session_id)
        agent = await _agent_of(connection, session, lease)
        try:
            routed = desk.models.find(agent["model"]["id"])
        except ModelError as error:
            await write(desk, connection, lease, [error_event(error, retry="exhausted")])
            return None
        prompt = await desk.make_prompt(desk, connection, session, lease.thread, routed)
        promised = ""

        def decide(state: LiveState) -> Transition:
            nonlocal promised
            if over_budget(state, routed.price):
                stop = _idle_event(lease, {"type": "budget_reached"})
                return record(state, [stop], now, thread_id=lease.thread, expected_turn=lease.turn)
            start = {"type": "span.model_request_start"}
            transition = record(state, [start], now, thread_id=lease.thread, expected_turn=lease.turn)
            promised = promise(transition, "agent.message")
            return transition

        now = desk.clock.now()
        session, transition = await apply_transition(connection, lease.session_id, decide, now, lease=lease)
        await _notify(desk, connection, session, transition)
        if not promised:
            return None
        request = await _make_request(connection, lease, session, prompt, routed, keep_thinking)
    return _Opened(session, routed, prompt, request, promised)


async def _make_request(
    connection: Connection,
    lease: Lease,
    session: LiveSession,
    prompt: Prompt,
    routed: RoutedModel,
    keep_thinking: bool,
) -> TurnRequest:
    context = await read_context(connection, session.key, lease.thread)
    first = context.from_sequence if context is not None else 0
    events = await read_thread_log(connection, session.id, session.key, lease.thread, first)
    replies = await read_replies(connection, session.key, lease.thread, first)
    return build_request(
        prompt,
        events,
        replies,
        provider=routed.model.provider,
        model=routed.model.model,
        context=context,
        keep_thinking=keep_thinking,
    )


async def _agent_of(connection: Connection, session: LiveSession, lease: Lease) -> Mapping[str, Any]:
    """The definition of the agent whose thread it is."""
    if lease.thread is not None:
        return (await read_thread(connection, session, lease.thread)).agent
    assert session.agent is not None
    return session.agent


async def _ask(opened: _Opened, previewer: Previewer) -> TurnReply:
    """The reply to a request, shown while it comes."""
    reply = None
    async for piece in opened.routed.model.stream(opened.request):
        if isinstance(piece, TurnReply):
            reply = piece
        else:
            await previewer.show(piece)
    await previewer.flush()
    assert reply is not None
    return reply


async def _failed(desk: Desk, lease: Lease, error: ModelError, attempt: int) -> bool:
    """Tell of a request that failed; whether to try again, after a pause."""
    if isinstance(error, ContextOverflow) or not may_retry(error, attempt):
        await _give_up(desk, lease, error)
        return False
    end = {"type": "span.model_request_end", "is_error": True, "model_usage": _no_usage()}
    again = [{"type": "session.status_rescheduled"}] if lease.thread is None else []
    async with desk.database.connection() as connection:
        await write(desk, connection, lease, [end, error_event(error, retry="retrying"), *again])
    await desk.sleep(pause_seconds(error, attempt, desk.random()))
    return True


async def _give_up(desk: Desk, lease: Lease, error: ModelError) -> None:
    async with desk.database.connection() as connection:
        await write(desk, connection, lease, [error_event(error, retry="exhausted")])


async def _close_request(desk: Desk, lease: Lease, opened: _Opened, reply: TurnReply, previewer: Previewer) -> bool:
    """Store a reply and what it comes to; whether the turn goes on with another request."""
    calls = asked_calls(reply, opened.prompt.tools, desk.judge)
    events = reply_events(reply, calls, previewer.promised)
    if opened.routed.price is not None:
        end = next(event for event in events if event["type"] == "span.model_request_end")
        end["cost_usd"] = cost_usd(reply.usage, opened.routed.price)
    final = _final(lease, reply, calls)
    async with desk.database.connection() as connection:
        session = await read_session(connection, lease.session_id)
        graded = bool(final) and reply.stop_reason != "refusal" and _is_graded(lease, session)
        if graded:
            final = []
        session, transition = await write(desk, connection, lease, [*events, *final])
        await _keep(connection, lease, session, transition, reply, calls)
        if not final:
            await note_progress(connection, lease)
    if final:
        return False
    if graded:
        return await _grade(desk, lease, session)
    pending = _own_calls(transition.state, lease)
    if pending:
        return await _run_pending(desk, lease, session, pending, maybe_ran=False)
    if any(call.thread_id == lease.thread for call in transition.state.pending):
        async with desk.database.connection() as connection:
            await write(desk, connection, lease, [_idle_event(lease, None)])
        return False
    return True


def _is_graded(lease: Lease, session: LiveSession) -> bool:
    """Whether what the session's own thread has done is to be judged before it may rest."""
    return lease.thread is None and has_open_outcome(session.outcome_evaluations)


async def _grade(desk: Desk, lease: Lease, session: LiveSession) -> bool:
    """Have the open outcome judged; whether the agent is to say or do more."""

    async def store(events: Sequence[Mapping[str, Any]]) -> None:
        async with desk.database.connection() as connection:
            await write(desk, connection, lease, events)

    verdict = await evaluate(desk, lease, session, store)
    if verdict.result in ("needs_revision", "max_iterations_reached"):
        return True
    await _stop(desk, lease, {"type": "end_turn"})
    return False


def _final(lease: Lease, reply: TurnReply, calls: Sequence[AskedCall]) -> list[dict[str, Any]]:
    """The event that ends the turn with this reply, if it does."""
    if reply.stop_reason == "refusal":
        details = {"type": "refusal", "category": None, "explanation": None, **(reply.stop_details or {})}
        return [_idle_event(lease, {"type": "refusal"}, details)]
    if calls or reply.stop_reason == "pause_turn":
        return []
    return [_idle_event(lease, {"type": "end_turn"})]


def _idle_event(lease: Lease, reason: Mapping[str, Any] | None, details: Any = None) -> dict[str, Any]:
    """The thread has nothing more to do; without a reason it waits for an answer."""
    stop = {} if reason is None else {"stop_reason": dict(reason), "stop_details": details}
    if lease.thread is None:
        return {"type": "session.status_idle", **stop}
    return {"type": "session.thread_status_idle", "session_thread_id": lease.thread, **stop}


async def _stop(desk: Desk, lease: Lease, reason: Mapping[str, Any]) -> None:
    async with desk.database.connection() as connection:
        await write(desk, connection, lease, [_idle_event(lease, reason)])


async def _keep(
    connection: Connection,
    lease: Lease,
    session: LiveSession,
    transition: Transition,
    reply: TurnReply,
    calls: Sequence[AskedCall],
) -> None:
    """Keep the reply as it was given, with the ids that its calls have in the log."""
    places = [(session.event_count + place, event.type) for place, event in enumerate(transition.events)]
    uses = [event_id(session.id, sequence) for sequence, type_ in places if type_ in _TOOL_USES]
    span_end = next(sequence for sequence, type_ in places if type_ == "span.model_request_end")
    ids = {call.provider_id: use for call, use in zip(calls, uses, strict=True)}
    kept = KeptReply(span_end, reply.provider, reply.model, reply.blocks, ids)
    await keep_reply(connection, session.key, lease.thread, kept)


def _no_usage() -> dict[str, int]:
    names = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return dict.fromkeys(names, 0)
