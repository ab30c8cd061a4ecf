"""Agents that a charter's alarm paused: their turns stop before the next request, until a person resumes them."""

from collections.abc import Mapping
from typing import Any

from reverie.runtime.model_failure import stopped_event
from reverie.storage.live.charter_alarms import pausing_alarm
from reverie.storage.live.sessions import LiveSession
from reverie.storage.postgres.database import Connection

STOP_TYPE = "unknown_error"
"""Of the ``session.error``: the wire has no word for it, so the message says what happened."""


async def paused(connection: Connection, session: LiveSession, agent: Mapping[str, Any]) -> dict[str, Any] | None:
    """What ends a turn of a paused agent; None where neither the thread's agent nor the session's is paused."""
    ids = {one["id"] for one in (agent, session.agent or {}) if one.get("id")}
    alarm = await pausing_alarm(connection, sorted(ids))
    if alarm is None:
        return None
    numbers = alarm.numbers
    low, high = numbers.allowed
    return stopped_event(
        STOP_TYPE,
        f"Agent {alarm.agent} is paused by its charter: {alarm.behaviour} was shown in {numbers.rate:.1%} of "
        f"{numbers.sessions} sessions ({numbers.recent:.1%} lately), and {low:.0%} to {high:.0%} is allowed. Look at "
        f"alarm {alarm.id}; `reverie charter resume {alarm.agent}` lets it go on, then send a message.",
    )
