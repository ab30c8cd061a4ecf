"""Teams, their stores, and the private stores of agents.

Revision ID: 0041
"""

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

SCHEMA = """
-- Whose sessions alone may read a store; it stays so when its team goes.
CREATE TABLE private_stores (
    memory_store_id text PRIMARY KEY REFERENCES memory_stores ON DELETE CASCADE,
    agent text NOT NULL CHECK (agent <> '') -- the name that sessions of the agent bear
);
CREATE TABLE teams (
    id text PRIMARY KEY,
    name text NOT NULL UNIQUE,
    memory_store_id text NOT NULL UNIQUE REFERENCES memory_stores ON DELETE CASCADE, -- what its members read only
    created_at timestamptz NOT NULL
);
CREATE INDEX teams_by_time ON teams (created_at, id);
CREATE TABLE team_members (
    team_id text NOT NULL REFERENCES teams ON DELETE CASCADE,
    number integer NOT NULL, -- in the order that was given, from 0
    agent text NOT NULL,
    memory_store_id text REFERENCES private_stores ON DELETE SET NULL, -- where lessons for this agent go
    PRIMARY KEY (team_id, agent)
);
-- What mining found in the sessions of each member by itself, until the dream has concluded.
ALTER TABLE dreams ADD COLUMN member_findings bytea;
"""


def upgrade() -> None:
    """Apply the migration."""
    op.execute(SCHEMA)
