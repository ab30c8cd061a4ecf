"""What the server keeps: workspaces and keys, agents, environments, live sessions, the audit log, webhooks.

Revision ID: 0006
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Of the whole installation, in the default workspace's schema alone.
INSTALLATION = """
CREATE TABLE workspaces (
    id text PRIMARY KEY,
    name text NOT NULL UNIQUE,
    schema text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    archived_at timestamptz
);

-- Keys and tokens are kept as hashes only: their secrets have 256 random bits, so a plain hash is enough.
CREATE TABLE api_keys (
    id text PRIMARY KEY,
    secret_sha256 bytea NOT NULL UNIQUE,
    workspace_id text NOT NULL REFERENCES workspaces,
    role text NOT NULL CHECK (role IN ('admin', 'write', 'read', 'worker', 'session')),
    name text NOT NULL,
    environment_id text,
    session_id text,
    work_id text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_keys_by_workspace ON api_keys (workspace_id, created_at);
"""

SCHEMA = """
CREATE TABLE agents (
    id text PRIMARY KEY,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    archived_at timestamptz
);
CREATE INDEX agents_by_creation ON agents (created_at, id);
CREATE TABLE agent_versions (
    agent_id text NOT NULL REFERENCES agents ON DELETE CASCADE,
    version integer NOT NULL,
    definition jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (agent_id, version)
);

CREATE TABLE environments (
    id text PRIMARY KEY,
    name text NOT NULL,
    description text,
    config jsonb NOT NULL,
    metadata jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    archived_at timestamptz
);
CREATE INDEX environments_by_creation ON environments (created_at, id);

-- What a session that is run through the server has besides what every session has.
CREATE TABLE live_sessions (
    session_key bigint PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
    status text NOT NULL CHECK (status IN ('idle', 'running', 'rescheduling', 'terminated')),
    title text,
    environment_id text NOT NULL,
    agent_id text NOT NULL,
    agent_version integer NOT NULL,
    agent jsonb NOT NULL,
    resources jsonb NOT NULL DEFAULT '[]',
    vault_ids text[] NOT NULL DEFAULT '{}',
    budget jsonb,
    deployment_id text,
    outcome_evaluations jsonb NOT NULL DEFAULT '[]',
    usage jsonb NOT NULL DEFAULT '{}',
    active_seconds double precision NOT NULL DEFAULT 0,
    running_since timestamptz,
    -- Tool uses that wait for an answer from outside.
    pending jsonb NOT NULL DEFAULT '[]',
    input_count integer NOT NULL DEFAULT 0,
    -- Numbers that were promised to events whose text is shown while it is being written, with their types.
    previews jsonb NOT NULL DEFAULT '{}',
    last_event_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    archived_at timestamptz
);
CREATE INDEX live_sessions_by_agent ON live_sessions (agent_id, agent_version, session_key);
CREATE INDEX live_sessions_by_deployment ON live_sessions (deployment_id) WHERE deployment_id IS NOT NULL;
CREATE INDEX live_sessions_by_status ON live_sessions (status, session_key);
CREATE INDEX live_sessions_by_resource ON live_sessions USING gin (resources jsonb_path_ops);
CREATE INDEX sessions_by_import ON sessions (imported_at, key);

-- An event that waited as an input before it was processed keeps the id that it had as an input.
ALTER TABLE events ADD COLUMN input_number integer;
CREATE TABLE session_inputs (
    session_key bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    number integer NOT NULL,
    thread_id text,
    type text NOT NULL,
    payload jsonb NOT NULL,
    queued_at timestamptz NOT NULL,
    sequence integer,
    PRIMARY KEY (session_key, number)
);
CREATE INDEX session_inputs_waiting ON session_inputs (session_key) WHERE sequence IS NULL;

CREATE TABLE session_threads (
    id text PRIMARY KEY,
    session_key bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    parent_thread_id text,
    agent jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('idle', 'running', 'rescheduling', 'terminated')),
    usage jsonb,
    stats jsonb,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    archived_at timestamptz
);
CREATE INDEX session_threads_by_session ON session_threads (session_key, created_at);

CREATE TABLE audit_log (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor jsonb NOT NULL,
    action text NOT NULL,
    resource_id text,
    request_id text NOT NULL
);
CREATE INDEX audit_log_by_resource ON audit_log (resource_id, number);
CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_update();

CREATE TABLE webhook_endpoints (
    id text PRIMARY KEY,
    name text NOT NULL,
    url text NOT NULL,
    event_types text[] NOT NULL,
    secret text NOT NULL,
    enabled boolean NOT NULL,
    disabled_reason text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE TABLE webhook_deliveries (
    id text NOT NULL,
    endpoint_id text NOT NULL REFERENCES webhook_endpoints ON DELETE CASCADE,
    event jsonb NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    created_at timestamptz NOT NULL,
    delivered_at timestamptz,
    last_error text,
    PRIMARY KEY (id, endpoint_id)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
"""


def upgrade() -> None:
    ((schema,),) = op.get_bind().exec_driver_sql("SELECT current_schema()").fetchall()
    if schema == "public":
        op.execute(INSTALLATION)
    op.execute(SCHEMA)
