"""What becomes of tool calls that a self-hosted worker had when it was lost.

The wire has no event that says that a call was begun. A call that was open while a worker held the session's lease may
have run, in part or in full, when the lease lapses. Tools that only read are run again by the next worker; the others
are answered here, unless the environment says ``on_lost_worker: rerun``.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from reverie.ids import event_id
from reverie.runtime.inbox import receive
from reverie.runtime.live_state import LiveState, PendingCall, Transition
from reverie.runtime.tool_catalogue import changes_nothing
from reverie.storage.live.log import apply_transition
from reverie.storage.live.sessions import read_session
from reverie.storage.live.work import LapsedWork, enqueue_work
from reverie.storage.postgres.database import Connection
from reverie.storage.postgres.outbox import WebhookNotice
from reverie.storage.service.environments import read_environment

ON_LOST_WORKER, RERUN = "on_lost_worker", "rerun"
"""Metadata of an environment whose calls are all run again; ``report`` is the default."""
MAY_HAVE_RUN = (
    "The worker that had this call was lost before its result came. The call may have run, in part or in full: "
    "look at what is there before you call it again."
)


async def answer_lost_calls(
    connection: Connection, environment_id: str, lapsed: Sequence[LapsedWork], now: datetime
) -> list[WebhookNotice]:
    """Answer the calls that lost workers may have run; gives what webhooks are to be told.

    The sessions are locked already, by :func:`reverie.storage.live.work.release_lapsed`.
    """
    # A worker's first heartbeat comes before its first call.
    served = [item for item in lapsed if item.state in ("active", "stopping")]
    if not served:
        return []
    environment = await read_environment(connection, environment_id)
    if environment.metadata.get(ON_LOST_WORKER) == RERUN:
        return []
    notices: list[WebhookNotice] = []
    for item in served:
        notices += await _answer(connection, environment_id, item.session_id, now)
    return notices


async def _answer(connection: Connection, environment_id: str, session_id: str, now: datetime) -> list[WebhookNotice]:
    names = await _tool_names(connection, session_id)

    def decide(state: LiveState) -> Transition:
        ended = state.archived or state.status == "terminated"
        lost = [] if ended else [call for call in state.pending if _may_have_changed(call, names)]
        return receive(state, [_result(call) for call in lost], now) if lost else Transition(state, now)

    _, transition = await apply_transition(connection, session_id, decide, now)
    if transition.events and transition.state.goes_on:
        await enqueue_work(connection, environment_id, session_id, now)
    return [WebhookNotice(type_, session_id) for type_ in dict.fromkeys(transition.notices)]


def _may_have_changed(call: PendingCall, names: dict[str, str]) -> bool:
    """Whether a call of a built-in tool, allowed to run, may have changed something."""
    runs_there = call.type == "agent.tool_use" and call.outside and call.confirmed
    return runs_there and not changes_nothing(names.get(call.event_id, ""))


def _result(call: PendingCall) -> dict[str, Any]:
    content = [{"type": "text", "text": MAY_HAVE_RUN}]
    return {"type": "user.tool_result", "tool_use_id": call.event_id, "content": content, "is_error": True}


async def _tool_names(connection: Connection, session_id: str) -> dict[str, str]:
    """The tools that a session's calls are of, by the calls' ids."""
    session = await read_session(connection, session_id)
    row = await connection.execute(
        "SELECT sequence, payload ->> 'name' FROM events WHERE session_key = %s AND type = 'agent.tool_use'",
        [session.key],
    )
    return {event_id(session_id, sequence): name for sequence, name in await row.fetchall()}
