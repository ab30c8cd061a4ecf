"""Turns have numbers; open model requests and all tool uses without a result are known.

Revision ID: 0013
"""

import json

import sqlalchemy
from alembic import op

from reverie.ids import event_id

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SCHEMA = """
ALTER TABLE live_sessions
    -- How many turns have begun, and the number of inputs there were when the latest one did.
    ADD COLUMN turn bigint NOT NULL DEFAULT 0,
    ADD COLUMN turn_inputs integer NOT NULL DEFAULT 0,
    ADD COLUMN primary_running boolean NOT NULL DEFAULT false,
    -- Thread id ('' is the primary one) to the id of its span.model_request_start without an end.
    ADD COLUMN open_spans jsonb NOT NULL DEFAULT '{}';
UPDATE live_sessions AS l SET
    primary_running = status = 'running',
    turn_inputs = CASE status WHEN 'running' THEN input_count ELSE 0 END,
    turn = (
        SELECT count(*) FROM events AS e WHERE e.session_key = l.session_key AND e.type = 'session.status_running'
    );
"""


RESULT_LINKS = {
    "agent.tool_result": "tool_use_id",
    "user.tool_result": "tool_use_id",
    "agent.mcp_tool_result": "mcp_tool_use_id",
    "user.custom_tool_result": "custom_tool_use_id",
}
TURNS_THAT_GO_ON = """
SELECT l.session_key, s.id, l.pending, e.sequence, e.thread_id, e.type, e.payload
FROM live_sessions l JOIN sessions s ON s.key = l.session_key JOIN events e USING (session_key)
WHERE l.status = 'running' AND (e.type LIKE 'agent.%tool_use' OR e.type LIKE '%tool_result')
ORDER BY l.session_key, e.sequence
"""


def upgrade() -> None:
    op.execute(SCHEMA)
    connection = op.get_bind()
    pending: dict[int, dict[str, object]] = {}
    for key, session_id, known, sequence, thread_id, type_, payload in connection.execute(
        sqlalchemy.text(TURNS_THAT_GO_ON)
    ):
        calls = pending.setdefault(key, {call["event_id"]: call for call in known})
        if type_ in RESULT_LINKS:
            calls.pop(payload.get(RESULT_LINKS[type_]), None)
        else:
            id_ = event_id(session_id, sequence)
            inside = {"event_id": id_, "type": type_, "confirmed": True, "outside": False, "thread_id": thread_id}
            calls.setdefault(id_, inside)
    for key, calls in pending.items():
        connection.execute(
            sqlalchemy.text("UPDATE live_sessions SET pending = CAST(:calls AS jsonb) WHERE session_key = :key"),
            {"calls": json.dumps(list(calls.values())), "key": key},
        )
