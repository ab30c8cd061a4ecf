"""Cross-checks of a leased turn: under the session's lock, what their threads said is read and the next step stored."""

from collections.abc import Mapping
from typing import Any

from reverie.runtime.check_threads import judge_id, workers_of
from reverie.runtime.checking import (
    Question,
    Said,
    ask_judge,
    begin,
    check_result,
    next_step,
    read_question,
    said_in,
    settle,
)
from reverie.runtime.delegation import answer, roster
from reverie.runtime.live_state import PendingCall, Transition
from reverie.runtime.role import roles_in
from reverie.runtime.threads import rest_awaiting, runs
from reverie.storage.live.cross_checks import insert_check, read_scored
from reverie.storage.live.leases import Lease
from reverie.storage.live.log import state_of
from reverie.storage.live.replies import read_thread_log
from reverie.storage.live.sessions import LiveSession, WholeSession, lock_session
from reverie.storage.postgres.database import Connection
from reverie.teams.cross_check import CheckChoice, CheckResult, CrossCheck, digest, read_choice
from reverie.teams.reliability import Reliability, reliability
from reverie.turns.desk import Desk, ToolCall
from reverie.turns.log import write


async def run_check(
    desk: Desk, lease: Lease, pending: PendingCall, call: ToolCall, agent: Mapping[str, Any], number: int
) -> bool:
    """Take a check's next step; whether the thread goes on, for the check has its result.

    Args:
        agent: the session's own, with its metadata.
        number: of the event that asked for the check.

    Raises:
        ConflictError: the lease does not stand.
    """
    choice = read_choice(agent.get("metadata") or {}) or CheckChoice()
    asked = read_question(call.input, agent, choice.judge)
    async with desk.database.connection() as connection:
        locked = await lock_session(connection, lease.session_id, lease)
        said = await _said(connection, locked, pending.event_id)
        if choice.judge is not None and choice.judge not in roster(agent):
            said[judge_id(pending.event_id)] = Said(None, f"{choice.judge} is not on the roster")
        step = "refuse" if isinstance(asked, str) else next_step(state_of(locked), pending.event_id, said)
        if step == "settle":
            transition = await _settle(desk, connection, lease, locked, pending, said, agent, number, call)
            return runs(transition.state, lease.thread)

        def advance(transition: Transition) -> None:
            match asked:
                case str():
                    answer(transition, pending, [{"type": "text", "text": asked}], is_error=True)
                case Question() if step == "begin":
                    begin(transition, pending, asked, roles_in(agent))
                case Question() if step == "judge":
                    ask_judge(transition, pending, asked.text, said, choice)
                case _:
                    rest_awaiting(transition)

        _, transition = await write(desk, connection, lease, (), advance, locked=locked)
    return runs(transition.state, lease.thread)


async def _said(connection: Connection, session: WholeSession, call_id: str) -> dict[str, Said]:
    return {
        thread.id: said_in(await read_thread_log(connection, session.id, session.key, thread.id))
        for thread in workers_of(state_of(session), call_id)
    }


async def _settle(
    desk: Desk,
    connection: Connection,
    lease: Lease,
    locked: WholeSession,
    pending: PendingCall,
    said: Mapping[str, Said],
    agent: Mapping[str, Any],
    number: int,
    call: ToolCall,
) -> Transition:
    """Give a check its result, with how often such results were right."""
    result, texts = check_result(state_of(locked), pending.event_id, said, agent)
    family = locked.metadata.get("task_category", "")
    calibrated = await _calibrated(connection, result, family)
    settled: list[CheckResult] = []

    async def keep(session: LiveSession, _transition: Transition) -> None:
        check = CrossCheck(number, digest(str(call.input.get("question", ""))), settled[0])
        await insert_check(connection, session.key, pending.event_id, family, check)

    _, transition = await write(
        desk,
        connection,
        lease,
        (),
        lambda begun: settled.append(settle(begun, pending, result, texts, calibrated)),
        locked=locked,
        also=keep,
    )
    return transition


async def _calibrated(connection: Connection, result: CheckResult, family: str) -> Reliability | None:
    return reliability(await read_scored(connection, result.level), result.level, family)
