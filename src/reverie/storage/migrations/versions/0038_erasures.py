"""Erasures: what was asked to be erased, how far it has come, and what was done.

Revision ID: 0038
"""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE erasures (
    id text PRIMARY KEY,
    subject_hash text NOT NULL, -- keyed hash of what was asked, so that it is known again and tells nothing
    state text NOT NULL CHECK (state IN ('running', 'done')),
    session_ids text[] NOT NULL, -- those to erase, under every id that they had
    lowest_key bigint NOT NULL, -- no dream before the session of this key can have read any of them
    progress jsonb NOT NULL DEFAULT '{}', -- the sessions erased so far: ids and hashes, rows, codes of behaviours
    report jsonb,
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    actor jsonb NOT NULL
);
CREATE UNIQUE INDEX erasures_that_run ON erasures (subject_hash) WHERE state = 'running';
CREATE INDEX erasures_by_time ON erasures (created_at, id);
CREATE INDEX memory_versions_by_session ON memory_versions ((created_by ->> 'session_id'))
    WHERE created_by ->> 'session_id' IS NOT NULL;
"""


def upgrade() -> None:
    """Apply the migration."""
    op.execute(SCHEMA)
