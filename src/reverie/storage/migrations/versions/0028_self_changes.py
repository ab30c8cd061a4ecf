"""Agents that change themselves within bounds: the bounds, and the changes that were asked for.

Revision ID: 0028
"""

from alembic import op

revision = "0028"
down_revision = "0027"
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
    entry bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    content_hash bytea NOT NULL,
    PRIMARY KEY (agent_id, version)
);
CREATE TRIGGER agent_bounds_are_append_only BEFORE UPDATE ON agent_bounds
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_update();
CREATE TRIGGER agent_bounds_hashed BEFORE INSERT ON agent_bounds
    FOR EACH ROW EXECUTE FUNCTION hash_content(
        'entry', 'agent_id', 'version', 'bounds', 'created_at', 'created_by'
    );

CREATE TABLE self_changes (
    id text PRIMARY KEY,
    agent_id text NOT NULL REFERENCES agents ON DELETE CASCADE,
    trial_id text NOT NULL UNIQUE REFERENCES trials ON DELETE CASCADE,
    base_version integer NOT NULL, -- what it was derived from
    candidate_version integer NOT NULL, -- tried and not the agent's: named by number alone, and not listed
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
CREATE UNIQUE INDEX self_changes_by_candidate ON self_changes (agent_id, candidate_version);
CREATE INDEX self_changes_by_agent ON self_changes (agent_id, created_at, id);
CREATE UNIQUE INDEX trials_of_agents ON trials (subject_ids)
    WHERE kind = 'agent_version' AND state IN ('trial', 'adopted', 'frozen');
"""


def upgrade() -> None:
    """Apply the migration."""
    op.execute(SCHEMA)
