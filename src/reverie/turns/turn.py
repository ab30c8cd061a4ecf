"""One turn of one thread, from its claim until it has to wait for somebody else.

The log is the checkpoint: a request is begun in one transaction and its reply stored in another, each held to the turn
and the lease, so that whoever takes over reads from the log where to go on. Requests to a model are made at least once;
each call has one result; a call that changes something is never run twice without being told to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import structlog

from reverie.errors import ConflictError, ContextOverflow, ModelError, ThinkingRefused
from reverie.ids import event_id, event_sequence
from reverie.language_model import ModelUsage, most_usd
from reverie.models.estimate import estimate_tokens
from reverie.models.router import RoutedModel
from reverie.runtime.compaction import MOST_COMPACTIONS, is_full
from reverie.runtime.conversation import KeptReply, Prompt, build_request
from reverie.runtime.criteria import reminder
from reverie.runtime.delegation import Lacking, delegate
from reverie.runtime.live_state import LiveState, PendingCall, Transition
from reverie.runtime.model_failure import MOST_CUTS, cut_off_event, error_event, may_retry, pause_seconds, stopped_event
from reverie.runtime.outcome_loop import has_open_outcome
from reverie.runtime.reply_events import FAILED_REQUEST, AskedCall, asked_calls, reply_events
from reverie.runtime.spending import has_room, over_budget
from reverie.runtime.threads import fail_child, has_mail, is_blocked, remind, rest, runs
from reverie.runtime.turn import END_TURN, take_inputs
from reverie.runtime.writer import promise, record
from reverie.storage.live.leases import Lease, note_progress
from reverie.storage.live.log import apply_transition, state_of
from reverie.storage.live.replies import Conversation, keep_reply, read_conversation
from reverie.storage.live.reservations import read_reserved, reserve
from reverie.storage.live.sessions import LiveSession, WholeSession, lock_session
from reverie.storage.live.threads import read_thread
from reverie.storage.postgres.database import Connection
from reverie.teams.cross_check import TOOL
from reverie.turn_model import TurnReply, TurnRequest
from reverie.turns.briefing import make_briefing
from reverie.turns.calls import open_calls, parted, run_calls
from reverie.turns.charter import paused
from reverie.turns.checking import run_check
from reverie.turns.compaction import compact
from reverie.turns.desk import Desk, ToolCall
from reverie.turns.grading import evaluate
from reverie.turns.log import append, look, notify, write
from reverie.turns.preview import Previewer
from reverie.turns.prompt import make_prompt, tools_of
from reverie.turns.roles import as_coordinator, found_lacking
from reverie.turns.routing import find_router
from reverie.turns.rules import TRIPPED, TurnRules

MOST_REQUESTS = 500
"""Requests of one turn: a model that calls tools for ever is stopped here."""
MOST_CLAIMS = 4
"""Claims of one turn without progress before it is given up."""
_NO_BUDGET = "I stopped: the session's budget is spent."
_CONFIRMATION = "user.tool_confirmation"
_TRIPPED = stopped_event("tool_use_limit_reached_error", TRIPPED)
_ALWAYS_CUT = (
    f"{MOST_CUTS} replies one after another were cut off at the model's limit of output tokens; "
    "raise max_output_tokens of the model's route, or send a message that asks for less at once"
)
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


@dataclass(slots=True)
class _Progress:
    """What a turn has tried so far."""

    recovered: bool = False
    """Whether what a lost process left, or a client allowed, has been seen to."""
    attempt: int = 1
    """Of the request that is being made."""
    keep_thinking: bool = True
    compactions: int = 0
    rules: TurnRules = field(default_factory=TurnRules)
    cuts: int = 0
    """Replies that were cut off one after another."""
    conversation: Conversation | None = None
    """As far as it has been read; None before, and where it was made short."""


class _NoRoom(Exception):
    """The budget has no room for a request beside those that are under way."""


class _LeftOver(Exception):
    """A turn has something to do before it may ask its model."""


@dataclass(frozen=True, slots=True)
class _End:
    """Why a turn ends with a reply."""

    reason: Mapping[str, Any]
    details: Any = None


async def run_turn(desk: Desk, lease: Lease) -> None:
    """Run a leased turn until its thread waits for somebody else, or the lease is gone."""
    try:
        progress = _Progress()
        for _ in range(MOST_REQUESTS):
            opened = await _next_request(desk, lease, progress)
            if opened is None:
                return
            previewer = Previewer(desk, lease, opened.promised)
            try:
                reply = await _ask(opened, previewer)
            except ModelError as error:
                if not await _goes_on(desk, lease, opened, error, progress):
                    return
                continue
            progress.attempt = 1
            progress.cuts = progress.cuts + 1 if reply.stop_reason == "max_tokens" else 0
            if not await _close_request(desk, lease, opened, reply, previewer, progress.rules):
                return
            if progress.cuts >= MOST_CUTS:
                await _give_up(desk, lease, stopped_event("model_request_failed_error", _ALWAYS_CUT))
                return
            if is_full(reply, opened.routed.context_tokens) and not await _compacted(desk, lease, opened, progress):
                return
        endless = f"the turn made {MOST_REQUESTS} requests and still called tools; send a message to go on"
        await _give_up(desk, lease, stopped_event("tool_use_limit_reached_error", endless))
    except ConflictError:
        log.info("a turn went on elsewhere, or ended", session_id=lease.session_id, turn=lease.turn)


async def _recover(desk: Desk, lease: Lease) -> bool:
    """Go on from what the log says: close what a lost process left open, run what has been allowed meanwhile.

    False where the turn has nothing more to do now.
    """
    if lease.attempt > MOST_CLAIMS:
        again = f"the turn was cut off {MOST_CLAIMS} times without getting on; look at the server's log"
        await _give_up(desk, lease, stopped_event("unknown_error", again))
        return False
    async with desk.database.connection() as connection:
        session, state = await look(connection, lease)
        lost = lease.attempt > 1
        if state.open_spans.get(lease.thread_id):
            session, transition = await write(desk, connection, lease, [FAILED_REQUEST, *_rescheduled(lease)])
            state = transition.state
        agent = await _agent_of(connection, session, lease)
    await _connect(desk, lease, session, agent)
    if _own_calls(state, lease):
        return await _run_pending(desk, lease, session, state, maybe_ran=lost)
    if _is_judged(lease, session):
        return await _grade(desk, lease, session)
    return True


async def _connect(desk: Desk, lease: Lease, session: LiveSession, agent: Mapping[str, Any]) -> None:
    """Have the agent's MCP servers ready; those that are not are told of, and the turn goes on without them."""
    if desk.servers is None or not agent.get("mcp_servers"):
        return
    failures = await desk.servers.connect(session, lease.thread, agent)
    if failures:
        await append(desk, lease, failures)


def _own_calls(state: LiveState, lease: Lease) -> list[PendingCall]:
    return [call for call in state.pending if call.thread_id == lease.thread and not call.blocks]


async def _run_pending(desk: Desk, lease: Lease, session: LiveSession, state: LiveState, *, maybe_ran: bool) -> bool:
    """Run this side's calls and store their results as they come; False where the thread waits for others then."""
    async with desk.database.connection() as connection:
        if any(waiting.type == _CONFIRMATION and waiting.thread_id == lease.thread for waiting in state.waiting):
            # A thread that then waits for other agents makes no request that would take them in.
            _, transition = await write(desk, connection, lease, (), lambda taking: _take_confirmations(taking, lease))
            state = transition.state
        tools = tools_of(desk, session, lease.thread, await _agent_of(connection, session, lease))
        calls = await open_calls(connection, session, _own_calls(state, lease), tools)
    theirs, to_agents = parted(calls)
    await run_calls(desk, lease, session, theirs, maybe_ran=maybe_ran)
    if not await _delegate(desk, lease, session, to_agents):
        return False
    async with desk.database.connection() as connection:
        _, state = await look(connection, lease)
        await _note_progress(connection, lease)
    return await _follow_up(desk, lease, session, state)


async def _follow_up(desk: Desk, lease: Lease, session: LiveSession, state: LiveState) -> bool:
    """Run calls that are there to be run; whether the turn goes on with a request, for its thread waits for nobody."""
    if _own_calls(state, lease):
        return await _run_pending(desk, lease, session, state, maybe_ran=False)
    if is_blocked(state, lease.thread):
        await _stop(desk, lease, END_TURN)
        return False
    return True


async def _delegate(
    desk: Desk, lease: Lease, session: LiveSession, calls: Sequence[tuple[PendingCall, ToolCall]]
) -> bool:
    """Do what calls of delegation tools ask for, in order; whether the thread goes on.

    Calls side by side are one transition: an agent that calls many others in does it at once, or has done nothing.
    """
    for is_check, together in groupby(calls, lambda one: one[1].tool.name == TOOL):
        if is_check:
            goes_on = await _check_each(desk, lease, session, list(together))
        else:
            goes_on = await _delegate_together(desk, lease, session, list(together))
        if not goes_on:
            return False
    return True


async def _check_each(
    desk: Desk, lease: Lease, session: LiveSession, calls: Sequence[tuple[PendingCall, ToolCall]]
) -> bool:
    """Take the next step of cross-checks, one after the other; whether the thread goes on."""
    async with desk.database.connection() as connection:
        agent = await as_coordinator(connection, session)
    for pending, call in calls:
        if not await run_check(desk, lease, pending, call, agent, event_sequence(pending.event_id)):
            return False
    return True


async def _delegate_together(
    desk: Desk, lease: Lease, session: LiveSession, calls: Sequence[tuple[PendingCall, ToolCall]]
) -> bool:
    """Do what calls ask for, up to one after which the thread rests; whether it goes on."""
    async with desk.database.connection() as connection:
        agent = await as_coordinator(connection, session) if lease.thread is None else {}
        routers = [await find_router(connection, session, agent, call) for _, call in calls]
        locked = await lock_session(connection, lease.session_id, lease)
        found = [await _lacking(connection, lease, locked, call.input.get("result")) for _, call in calls]

        def do(begun: Transition) -> None:
            for (pending, call), router, lacking in zip(calls, routers, found, strict=True):
                delegate(begun, pending, call.tool.name, call.input, agent, router, lacking)
                if not runs(begun.state, lease.thread):
                    return

        _, transition = await write(desk, connection, lease, (), do, locked=locked)
    return runs(transition.state, lease.thread)


async def _lacking(connection: Connection, lease: Lease, locked: WholeSession, report: Any) -> Lacking | None:
    """What the report of a thread's agent lacks; None where it makes none, or nothing is asked of it."""
    if not isinstance(report, str) or lease.thread is None:
        return None
    return await found_lacking(connection, locked, state_of(locked), lease.thread, report)


def _take_confirmations(transition: Transition, lease: Lease) -> None:
    take_inputs(transition, lambda waiting: waiting.type == _CONFIRMATION and waiting.thread_id == lease.thread)


async def _next_request(desk: Desk, lease: Lease, progress: _Progress) -> _Opened | None:
    """Begin the next request, once what the log says is left of before has been done; None where none is to be made."""
    try:
        try:
            return await _open_request(desk, lease, progress)
        except _LeftOver:
            progress.recovered = True
            if not await _recover(desk, lease):
                return None
            return await _open_request(desk, lease, progress)
    except _NoRoom:
        await _stop(desk, lease, {"type": "budget_reached"}, report=_NO_BUDGET)
        return None


async def _open_request(desk: Desk, lease: Lease, progress: _Progress) -> _Opened | None:
    """Begin a request in the log, and make it; None where none is to be made.

    Raises:
        _LeftOver: something is to be done first; nothing was begun.
        _NoRoom: the budget may not stand it; nothing was begun.
    """
    async with desk.database.connection() as connection:
        session = await lock_session(connection, lease.session_id, lease)
        agent = await _agent_of(connection, session, lease)
        stop = await paused(connection, session, agent)
        if stop is not None:
            await _write_failure(desk, connection, lease, stop)
            return None
        if not progress.recovered and _is_left_over(desk, lease, session, agent):
            raise _LeftOver
        try:
            routed = desk.models.find(agent["model"]["id"])
        except ModelError as error:
            await _write_failure(desk, connection, lease, error_event(error, retry="exhausted"))
            return None
        transition, promised = await _begin(desk, connection, lease, session, routed)
        if not promised:
            return None
        read_to = session.event_count + len(transition.events)
        conversation = await read_conversation(connection, session, lease.thread, read_to, progress.conversation)
        briefing = conversation.briefing
        if briefing is None:
            briefing = await make_briefing(desk, connection, session)
        prompt = make_prompt(desk, session, lease.thread, agent, briefing, routed)
        request = _make_request(prompt, routed, conversation, keep_thinking=progress.keep_thinking)
        await _reserve(connection, lease, session, transition.state, request, routed)
    progress.recovered, progress.conversation = True, conversation
    return _Opened(session, routed, prompt, request, promised)


async def _reserve(
    connection: Connection,
    lease: Lease,
    session: LiveSession,
    state: LiveState,
    request: TurnRequest,
    routed: RoutedModel,
) -> None:
    """Set aside what a request may cost; the session is locked.

    Raises:
        _NoRoom: with the requests of other threads that are under way it might exceed the budget.
    """
    if state.budget is None or routed.price is None:
        return
    most = most_usd(ModelUsage(estimate_tokens(request), request.max_output_tokens), routed.price)
    others = [thread for thread in state.open_spans if thread != lease.thread_id]
    if others and not has_room(state, await read_reserved(connection, session.key, others), most):
        raise _NoRoom
    await reserve(connection, session.key, lease.thread, most)


async def _begin(
    desk: Desk, connection: Connection, lease: Lease, locked: WholeSession, routed: RoutedModel
) -> tuple[Transition, str]:
    """Begin a request in the log; the id that its first text will have, ``''`` where the budget is spent."""
    promised, now = "", desk.clock.now()

    def decide(state: LiveState) -> Transition:
        nonlocal promised
        if over_budget(state, routed.price):
            transition = record(state, (), now, thread_id=lease.thread, expected_turn=lease.turn)
            rest(transition, lease.thread, {"type": "budget_reached"}, report=_report(lease, _NO_BUDGET))
            return transition
        start = {"type": "span.model_request_start"}
        transition = record(state, [start], now, thread_id=lease.thread, expected_turn=lease.turn)
        promised = promise(transition, "agent.message")
        return transition

    async def tell(session: LiveSession, transition: Transition) -> None:
        await notify(desk, connection, session, transition)

    _, transition = await apply_transition(connection, lease.session_id, decide, now, locked=locked, also=tell)
    return transition, promised


def _is_left_over(desk: Desk, lease: Lease, session: WholeSession, agent: Mapping[str, Any]) -> bool:
    """Whether a turn that begins here has more to do than to ask its model."""
    state = state_of(session)
    return bool(
        lease.attempt > 1
        or state.open_spans.get(lease.thread_id)
        or _own_calls(state, lease)
        or (desk.servers is not None and agent.get("mcp_servers"))
        or _is_judged(lease, session)
    )


def _is_judged(lease: Lease, session: LiveSession) -> bool:
    """Whether what the session's own thread did is being judged."""
    outcomes = session.outcome_evaluations
    return lease.thread is None and has_open_outcome(outcomes) and outcomes[-1]["result"] == "evaluating"


def _make_request(
    prompt: Prompt, routed: RoutedModel, conversation: Conversation, *, keep_thinking: bool
) -> TurnRequest:
    return build_request(
        prompt,
        conversation.events,
        conversation.replies,
        provider=routed.model.provider,
        model=routed.model.model,
        context=conversation.context,
        keep_thinking=keep_thinking,
    )


async def _agent_of(connection: Connection, session: LiveSession, lease: Lease) -> Mapping[str, Any]:
    """The definition of the agent whose thread it is."""
    if lease.thread is not None:
        return (await read_thread(connection, session, lease.thread)).agent
    return await as_coordinator(connection, session)


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


async def _goes_on(desk: Desk, lease: Lease, opened: _Opened, error: ModelError, progress: _Progress) -> bool:
    """Tell of a request that failed, and do what may help; whether to make another one."""
    if isinstance(error, ThinkingRefused) and progress.keep_thinking:
        log.warning("thinking was refused; going on without", session_id=lease.session_id)
        progress.keep_thinking = False
        return True
    if isinstance(error, ContextOverflow):
        return await _compacted(desk, lease, opened, progress)
    if not may_retry(error, progress.attempt):
        await _give_up(desk, lease, error_event(error, retry="exhausted"))
        return False
    await append(desk, lease, [FAILED_REQUEST, error_event(error, retry="retrying"), *_rescheduled(lease)])
    await desk.sleep(pause_seconds(error, progress.attempt, desk.random()))
    progress.attempt += 1
    return True


async def _compacted(desk: Desk, lease: Lease, opened: _Opened, progress: _Progress) -> bool:
    """Make the conversation short; False where that cannot be done, which ends the turn."""
    progress.compactions += 1
    try:
        if progress.compactions > MOST_COMPACTIONS:
            raise ContextOverflow(f"the conversation was made short {MOST_COMPACTIONS} times and is too long again")
        await compact(desk, lease, opened.routed, opened.request.messages)
        progress.conversation = None
    except ModelError as error:
        await _give_up(desk, lease, stopped_event("compaction_limit_reached_error", str(error)))
        return False
    return True


async def _give_up(desk: Desk, lease: Lease, error: Mapping[str, Any]) -> None:
    async with desk.database.connection() as connection:
        await _write_failure(desk, connection, lease, error)


async def _write_failure(desk: Desk, connection: Connection, lease: Lease, error: Mapping[str, Any]) -> None:
    """Record an error that nothing heals: it ends the session's turn, or what the child does."""
    thread_id = lease.thread
    if thread_id is None:
        await write(desk, connection, lease, [error])
        return
    await write(desk, connection, lease, (), lambda transition: fail_child(transition, thread_id, error))


async def _close_request(
    desk: Desk, lease: Lease, opened: _Opened, reply: TurnReply, previewer: Previewer, rules: TurnRules
) -> bool:
    """Store a reply and what it comes to; whether the turn goes on with another request."""
    asked = asked_calls(reply, opened.prompt.tools, desk.judge)
    graded = rested = False
    async with desk.database.connection() as connection:
        locked = await lock_session(connection, lease.session_id, lease)
        ruling, now = await rules.judge(desk, connection, lease, locked, reply, asked)
        events = reply_events(reply, ruling.calls, previewer.promised, opened.routed.price)
        events += _cut_off(lease, reply, ruling.calls)
        final = _final(reply, ruling.calls)
        ends = final is not None and final.reason == END_TURN
        found = await _lacking(connection, lease, locked, _text_of(reply) if ends else None)
        if ruling.tripped and lease.thread is None:
            events.append(_TRIPPED)

        def finish(transition: Transition) -> None:
            nonlocal graded, rested
            if ruling.tripped:
                rested = True
                if lease.thread is not None:
                    fail_child(transition, lease.thread, _TRIPPED)
            elif final is not None:
                graded = ends and _is_graded(lease, transition.state)
                rested = not graded and _ends(transition, lease, final, _text_of(reply), found)

        async def keep(session: LiveSession, transition: Transition) -> None:
            await _keep(connection, lease, session, transition, reply, ruling.calls)
            await rules.note(connection, session, transition, ruling)

        session, transition = await write(desk, connection, lease, events, finish, at=now, locked=locked, also=keep)
        if not rested:
            await _note_progress(connection, lease)
    if rested:
        return False
    if graded:
        return await _grade(desk, lease, session)
    return await _follow_up(desk, lease, session, transition.state)


def _ends(transition: Transition, lease: Lease, final: _End, said: str, found: Lacking | None) -> bool:
    """Make the thread rest with what it said last; False where it has to go on."""
    thread = lease.thread
    if thread is None or found is None:
        return rest(transition, thread, final.reason, final.details, report=_report(lease, said))
    lacks = found.missing and not has_mail(transition.state, thread)
    if lacks and remind(transition, thread, reminder(found.missing), found.reminders):
        return False
    return rest(transition, thread, final.reason, final.details, report=said, note=found.note)


async def _note_progress(connection: Connection, lease: Lease) -> None:
    """The turn got on: claims before this do not count against it."""
    if lease.attempt > 1:
        await note_progress(connection, lease)


def _is_graded(lease: Lease, state: LiveState) -> bool:
    """Whether what the session's own thread has done is to be judged before it may rest."""
    alone = lease.thread is None and not any(state.running_children) and not has_mail(state, None)
    return alone and has_open_outcome(state.outcomes)


def _report(lease: Lease, text: str) -> str | None:
    """What a child that rests says to its parent."""
    return None if lease.thread is None else text


def _text_of(reply: TurnReply) -> str:
    text = "\n\n".join(block["text"] for block in reply.blocks if block["type"] == "text" and block["text"].strip())
    return text or f"I stopped without a word ({reply.stop_reason})."


async def _grade(desk: Desk, lease: Lease, session: LiveSession) -> bool:
    """Have the open outcome judged; whether the agent is to say or do more."""
    verdict = await evaluate(desk, lease, session)
    if verdict.result in ("needs_revision", "max_iterations_reached"):
        return True
    return not await _stop(desk, lease, END_TURN)


def _cut_off(lease: Lease, reply: TurnReply, calls: Sequence[AskedCall]) -> list[dict[str, Any]]:
    """What tells of a reply that reached its limit before it called anything; a call that was cut off has a result."""
    if calls or reply.stop_reason != "max_tokens":
        return []
    return [cut_off_event(), *_rescheduled(lease)]


def _rescheduled(lease: Lease) -> list[dict[str, Any]]:
    """What says that a request is made again: the session's own thread says so of the session."""
    return [{"type": "session.status_rescheduled"}] if lease.thread is None else []


def _final(reply: TurnReply, calls: Sequence[AskedCall]) -> _End | None:
    """How the turn ends with this reply, if it does."""
    if reply.stop_reason == "refusal":
        details = {"type": "refusal", "category": None, "explanation": None, **(reply.stop_details or {})}
        return _End({"type": "refusal"}, details)
    if calls or reply.stop_reason in ("pause_turn", "max_tokens"):
        return None
    return _End(END_TURN)


async def _stop(desk: Desk, lease: Lease, reason: Mapping[str, Any], *, report: str = "") -> bool:
    """Make the thread rest; False where something waits for it, so that it goes on."""
    rested = False

    def end(transition: Transition) -> None:
        nonlocal rested
        rested = rest(transition, lease.thread, reason, report=_report(lease, report))

    async with desk.database.connection() as connection:
        await write(desk, connection, lease, (), end)
    return rested


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
