"""Agents run here: who runs a turn, replies as providers gave them, what stands for a long log, and what was shown.

Revision ID: 0018
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SCHEMA = """
-- Whether this server's side runs the session's turns; those that were there before are run by whoever runs them.
ALTER TABLE live_sessions ADD COLUMN run_here boolean NOT NULL DEFAULT false;

-- One row for each thread whose turn this server's side is to run: there while, and only while, the thread runs.
CREATE TABLE turn_leases (
    session_key bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    thread_id text NOT NULL, -- '' is the primary one
    turn bigint NOT NULL,
    owner integer, -- the number of the lock that its process holds; null: nobody's
    expires_at timestamptz NOT NULL DEFAULT '-infinity',
    attempt integer NOT NULL DEFAULT 0, -- claims since the turn last got on
    waiting_since timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (session_key, thread_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX turn_leases_by_expiry ON turn_leases (expires_at, waiting_since);

-- What a provider wants back verbatim, thinking included; never shown, and deleted with its session.
CREATE TABLE model_replies (
    session_key bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    span_end integer NOT NULL, -- sequence number of the span.model_request_end that closed it
    thread_id text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    blocks jsonb NOT NULL,
    tool_ids jsonb NOT NULL, -- the provider's ids of tool uses, to event ids
    PRIMARY KEY (session_key, span_end)
);

CREATE TABLE thread_contexts (
    session_key bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    thread_id text NOT NULL,
    from_sequence integer NOT NULL,
    summary text NOT NULL,
    made_by text NOT NULL,
    PRIMARY KEY (session_key, thread_id, from_sequence)
);

-- The guidance that a session's requests carry, fixed when the first one is made; '' where there was none to give.
CREATE TABLE session_briefings (
    session_key bigint PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
    text text NOT NULL,
    made_at timestamptz NOT NULL
);

CREATE TABLE exposures (
    session_key bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    subject text NOT NULL, -- a lesson's or a memory's id
    version text NOT NULL,
    memory_store_id text NOT NULL,
    position integer NOT NULL,
    tokens integer NOT NULL,
    mechanism text NOT NULL CHECK (mechanism IN ('briefing', 'mount')),
    shown_at timestamptz NOT NULL,
    PRIMARY KEY (session_key, subject, version)
);
CREATE INDEX exposures_by_subject ON exposures (subject, shown_at);
"""


def upgrade() -> None:
    op.execute(SCHEMA)
