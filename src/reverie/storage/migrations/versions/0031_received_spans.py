"""Spans that came by OTLP, the sessions they were put together as, and where the events of those went.

Revision ID: 0031
"""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

SCHEMA = """
-- What one request told of one trace, redacted; a request that is sent again adds nothing.
CREATE TABLE received_spans (
    trace_id text NOT NULL,
    content_hash bytea NOT NULL, -- SHA-256 of spans
    spans bytea NOT NULL, -- a JSON list of them
    received_at timestamptz NOT NULL,
    PRIMARY KEY (trace_id, content_hash)
);

CREATE TABLE received_traces (
    trace_id text PRIMARY KEY,
    rooted boolean NOT NULL, -- whether a span without a parent has come, which ends last
    version bigint NOT NULL, -- grows when spans come
    assembled_version bigint NOT NULL DEFAULT 0, -- what has been put together
    last_received_at timestamptz NOT NULL,
    sessions text[] NOT NULL DEFAULT '{}', -- those it is part of, as put together last
    problem text -- why it is part of none
);
CREATE INDEX received_traces_waiting ON received_traces (last_received_at) WHERE version <> assembled_version;
CREATE INDEX received_traces_assembled ON received_traces (last_received_at) WHERE version = assembled_version;
CREATE INDEX received_traces_by_session ON received_traces USING gin (sessions);

-- What the spans of a trace call the conversation that they belong to.
CREATE TABLE received_conversations (
    conversation text NOT NULL,
    trace_id text NOT NULL,
    PRIMARY KEY (conversation, trace_id)
);
CREATE INDEX received_conversations_by_trace ON received_conversations (trace_id);

-- Sessions that were put together, as they were stored; small, and kept when the spans are given up.
CREATE TABLE received_sessions (
    session_id text PRIMARY KEY,
    conversation text NOT NULL,
    part integer NOT NULL, -- spans that come when those before them were given up make a further one
    content_sha256 text NOT NULL,
    told jsonb NOT NULL, -- its tags and scores, by which is known what people have changed of them since
    settled boolean NOT NULL DEFAULT false -- the spans are given up
);
CREATE INDEX received_sessions_by_conversation ON received_sessions (conversation, part);

-- Where the events of a session went when it was put together anew, once something had been learned from it.
CREATE TABLE session_renumberings (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id text NOT NULL,
    new_session_id text NOT NULL,
    at timestamptz NOT NULL,
    moved integer[] NOT NULL -- by the number of an event that moved, its new one; -1 where it is gone
);
CREATE INDEX session_renumberings_by_session ON session_renumberings (session_id, number);
"""


def upgrade() -> None:
    """Apply the migration."""
    op.execute(SCHEMA)
