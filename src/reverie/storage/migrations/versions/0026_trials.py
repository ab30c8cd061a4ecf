"""Trials of lessons: who was drawn to be shown what, where each trial stands, and what was decided.

Revision ID: 0026
"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE trials (
    id text PRIMARY KEY,
    memory_store_id text REFERENCES memory_stores ON DELETE CASCADE, -- null: of an agent's version
    kind text NOT NULL,
    subject_ids text[] NOT NULL,
    subject_version text NOT NULL,
    state text NOT NULL,
    salt text NOT NULL,
    policy jsonb NOT NULL, -- as it was when the trial began
    guardrails jsonb NOT NULL,
    metrics text NOT NULL DEFAULT '', -- what a reward was made of when the trial began
    batch text NOT NULL,
    title text NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    decided_at timestamptz,
    reason text NOT NULL DEFAULT '',
    proposal jsonb, -- the decision that waits for a person
    e_benefit double precision, -- as it was when the trial stopped
    exposures bigint NOT NULL DEFAULT 0, -- assignments so far
    from_place bigint NOT NULL DEFAULT 0, -- the present state counts assignments after this one
    tally jsonb NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX trials_that_stand ON trials (memory_store_id, subject_ids)
    WHERE state IN ('trial', 'adopted', 'frozen');
CREATE INDEX trials_by_batch ON trials (batch);
CREATE INDEX trials_by_time ON trials (created_at, id);

-- A session that would be shown what is tried, as it was drawn. Append-only but for its session and what was counted.
CREATE TABLE trial_assignments (
    trial_id text NOT NULL REFERENCES trials ON DELETE CASCADE,
    place bigint NOT NULL, -- in the trial's order, from 1
    reference text NOT NULL, -- a session's id, or that of a briefing that was asked for elsewhere
    session_key bigint REFERENCES sessions ON DELETE CASCADE, -- null until the session is known here
    unit text NOT NULL,
    stratum text NOT NULL,
    shown boolean NOT NULL,
    share double precision NOT NULL CHECK (share > 0 AND share < 1),
    predicted double precision NOT NULL CHECK (predicted BETWEEN 0 AND 1),
    counted boolean NOT NULL,
    contaminated boolean NOT NULL, -- not shown it, but notes of sessions that were
    eligible_at timestamptz NOT NULL,
    delivered_at timestamptz,
    folded_reward double precision, -- the reward as it was counted
    measures jsonb NOT NULL DEFAULT '{}', -- of guardrails, as they were counted
    PRIMARY KEY (trial_id, place)
);
CREATE UNIQUE INDEX trial_assignments_by_reference ON trial_assignments (trial_id, reference);
CREATE INDEX trial_assignments_by_unit ON trial_assignments (trial_id, unit);
CREATE INDEX trial_assignments_by_session ON trial_assignments (session_key);
CREATE INDEX trial_assignments_unlinked ON trial_assignments (reference) WHERE session_key IS NULL;

CREATE TABLE trial_decisions (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    trial_id text NOT NULL REFERENCES trials ON DELETE CASCADE,
    at timestamptz NOT NULL,
    act text NOT NULL,
    by text NOT NULL,
    reason text NOT NULL,
    numbers jsonb NOT NULL,
    revision_before integer,
    revision_after integer,
    undone_by text,
    note text NOT NULL DEFAULT ''
);
CREATE INDEX trial_decisions_by_trial ON trial_decisions (trial_id, number);

-- Which trials a session's reads of its stores go by: drawn when it is made, before anything is mounted.
CREATE TABLE session_views (
    session_key bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    trial_id text NOT NULL REFERENCES trials ON DELETE CASCADE,
    shown boolean NOT NULL,
    share double precision NOT NULL,
    PRIMARY KEY (session_key, trial_id)
);

-- Briefings that agents elsewhere asked for; those of sessions here are in session_briefings.
CREATE TABLE briefings (
    id text PRIMARY KEY,
    reference text, -- the id that the caller's session will have
    memory_store_ids text[] NOT NULL,
    text text NOT NULL, -- '' once something in it was redacted, or its store deleted
    shown jsonb NOT NULL,
    made_at timestamptz NOT NULL
);
CREATE INDEX briefings_by_shown ON briefings USING gin (shown jsonb_path_ops);
CREATE INDEX briefings_by_store ON briefings USING gin (memory_store_ids);

ALTER TABLE lessons ALTER COLUMN first_dream_id DROP NOT NULL, ALTER COLUMN last_dream_id DROP NOT NULL;
CREATE INDEX sessions_by_stratum ON sessions (agent, task_category, key) WHERE reward IS NOT NULL;
"""


def upgrade() -> None:
    """Apply the migration."""
    op.execute(SCHEMA)
