"""Schedules of dreams, one a store, and how the sessions of a dream stood when it was asked for.

Revision ID: 0020
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

SCHEMA = """
-- Changes with every session, event and score among the sessions that a dream reads; null of earlier dreams.
ALTER TABLE dreams ADD COLUMN sessions_mark text;

CREATE TABLE dream_schedules (
    memory_store_id text PRIMARY KEY REFERENCES memory_stores ON DELETE CASCADE,
    schedule jsonb NOT NULL,
    request jsonb NOT NULL,
    -- Present while the schedule is paused.
    paused_reason jsonb,
    -- Dreams of the schedule that failed one after another, up to the last one that ended.
    failures integer NOT NULL DEFAULT 0,
    -- The latest moment that came: the dream that it began, or why it began none.
    last_run jsonb,
    -- The dream that it began and whose end has not been counted.
    open_dream_id text,
    -- The moment that comes next, and when its dream begins; null while nothing is to be run by the schedule.
    next_scheduled_at timestamptz,
    next_fires_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((next_scheduled_at IS NULL) = (next_fires_at IS NULL))
);
CREATE INDEX dream_schedules_due ON dream_schedules (next_fires_at) WHERE next_fires_at IS NOT NULL;
CREATE INDEX dream_schedules_open ON dream_schedules (open_dream_id) WHERE open_dream_id IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(SCHEMA)
