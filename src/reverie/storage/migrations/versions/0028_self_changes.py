"""Agents that change themselves within bounds: the bounds, and the changes that were asked for.

Revision ID: 0028
"""

from alembic import op

revision = "0028"
down_revision = "0026"
branch_labels = None
depends_on = None

SCHEMA = """
-- What an agent may change by itself: every version; the latest stands, and without one nothing may change.
CREATE TABLE agent_bounds (
    agent_id text NOT NULL REFERENCES agents ON DELETE CASCADE,
    version integer NOT NULL,
    bounds jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    PRIMARY KEY (agent_id, version)
);

-- A version that is tried and not yet the agent's: it is named by number alone, and not listed.
ALTER TABLE agent_versions ADD COLUMN candidate boolean NOT NULL DEFAULT false;

CREATE TABLE self_changes (
    id text PRIMARY KEY,
    agent_id text NOT NULL REFERENCES agents ON DELETE CASCADE,
    trial_id text NOT NULL UNIQUE REFERENCES trials ON DELETE CASCADE,
    base_version integer NOT NULL, -- what it was derived from
    candidate_version integer NOT NULL,
    adopted_version integer, -- the version that made it the agent's
    reverted_version integer, -- the version that took it back
    patch jsonb NOT NULL, -- JSON merge patch from the base to the candidate
    steps jsonb NOT NULL,
    approval text NOT NULL,
    bounds_version integer NOT NULL,
    asked_by text NOT NULL,
    reason text NOT NULL,
    lesson_ids text[] NOT NULL,
    created_at timestamptz NOT NULL,
    FOREIGN KEY (agent_id, base_version) REFERENCES agent_versions (agent_id, version),
    FOREIGN KEY (agent_id, candidate_version) REFERENCES agent_versions (agent_id, version)
);
CREATE INDEX self_changes_by_agent ON self_changes (agent_id, created_at, id);
CREATE UNIQUE INDEX trials_of_agents ON trials (subject_ids)
    WHERE kind = 'agent_version' AND state IN ('trial', 'adopted', 'frozen');
"""


def upgrade() -> None:
    """Apply the migration."""
    op.execute(SCHEMA)
