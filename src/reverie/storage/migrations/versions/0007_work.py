"""Work for self-hosted environments; what webhook endpoints say of themselves.

Revision ID: 0007
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSTALLATION = "CREATE INDEX api_keys_by_work ON api_keys (work_id) WHERE work_id IS NOT NULL"

SCHEMA = """
CREATE TABLE work_items (
    id text PRIMARY KEY,
    environment_id text NOT NULL REFERENCES environments ON DELETE CASCADE,
    session_id text NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    state text NOT NULL CHECK (state IN ('queued', 'starting', 'active', 'stopping', 'stopped')),
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    -- Given to a worker that has not said yet that it has it.
    polled_at timestamptz,
    acknowledged_at timestamptz,
    started_at timestamptz,
    latest_heartbeat_at timestamptz,
    ttl_seconds integer NOT NULL,
    lease_expires_at timestamptz,
    stop_requested_at timestamptz,
    stopped_at timestamptz
);
CREATE INDEX work_items_by_environment ON work_items (environment_id, created_at, id);
CREATE INDEX work_items_not_stopped ON work_items (environment_id, state) WHERE state <> 'stopped';
-- A session has one piece of work that waits or runs, however often its work is asked for.
CREATE UNIQUE INDEX work_items_of_session ON work_items (session_id) WHERE state IN ('queued', 'starting', 'active');

CREATE TABLE work_pollers (
    environment_id text NOT NULL REFERENCES environments ON DELETE CASCADE,
    worker_id text NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (environment_id, worker_id)
);

ALTER TABLE webhook_endpoints ADD COLUMN description text NOT NULL DEFAULT '';
"""


def upgrade() -> None:
    ((schema,),) = op.get_bind().exec_driver_sql("SELECT current_schema()").fetchall()
    if schema == "public":
        op.execute(INSTALLATION)
    op.execute(SCHEMA)
