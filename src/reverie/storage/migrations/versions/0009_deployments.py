"""Deployments and their runs.

Revision ID: 0009
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE deployments (
    id text PRIMARY KEY,
    name text NOT NULL,
    description text,
    agent_id text NOT NULL REFERENCES agents,
    agent_version integer NOT NULL,
    environment_id text NOT NULL,
    initial_events jsonb NOT NULL,
    resources jsonb NOT NULL,
    vault_ids text[] NOT NULL,
    budget jsonb,
    schedule jsonb,
    metadata jsonb NOT NULL,
    -- Present while the deployment is paused.
    paused_reason jsonb,
    last_run_at timestamptz,
    -- The moment that comes next, and when its run begins; null while nothing is to be run by the schedule.
    next_scheduled_at timestamptz,
    next_fires_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    archived_at timestamptz,
    FOREIGN KEY (agent_id, agent_version) REFERENCES agent_versions (agent_id, version),
    CHECK ((next_scheduled_at IS NULL) = (next_fires_at IS NULL))
);
CREATE INDEX deployments_by_creation ON deployments (created_at, id);
CREATE INDEX deployments_by_agent ON deployments (agent_id);
CREATE INDEX deployments_due ON deployments (next_fires_at) WHERE next_fires_at IS NOT NULL;

CREATE TABLE deployment_runs (
    id text PRIMARY KEY,
    deployment_id text NOT NULL REFERENCES deployments,
    agent_id text NOT NULL,
    agent_version integer NOT NULL,
    -- Null of a run that was started by hand.
    scheduled_at timestamptz,
    session_id text,
    error jsonb,
    created_at timestamptz NOT NULL,
    UNIQUE (deployment_id, scheduled_at),
    CHECK (num_nonnulls(session_id, error) = 1)
);
CREATE INDEX deployment_runs_by_creation ON deployment_runs (created_at, id);
CREATE INDEX deployment_runs_by_deployment ON deployment_runs (deployment_id, created_at, id);
CREATE TRIGGER deployment_runs_are_append_only BEFORE UPDATE ON deployment_runs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_update();
"""


def upgrade() -> None:
    op.execute(SCHEMA)
