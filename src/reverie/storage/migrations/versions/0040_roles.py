"""Roles of a coordinator, those that a session keeps to, and what its threads are there for.

Revision ID: 0040
"""

from alembic import op

revision = "0040"
down_revision = "0038"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE roles (
    agent_id text NOT NULL, -- the coordinator
    version integer NOT NULL CHECK (version > 0),
    document jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    entry bigint GENERATED ALWAYS AS IDENTITY,
    content_hash bytea NOT NULL,
    PRIMARY KEY (agent_id, version)
);
CREATE UNIQUE INDEX roles_by_entry ON roles (entry);
CREATE TRIGGER roles_hashed BEFORE INSERT ON roles FOR EACH ROW
    EXECUTE FUNCTION hash_content('entry', 'agent_id', 'version', 'document', 'created_at');

-- Of the roles of the session's agent, those that stood when it began; 0: none.
ALTER TABLE live_sessions ADD COLUMN roles_version integer NOT NULL DEFAULT 0;

-- The thread's role, how many like it may run at once, and whether it waits until it may.
ALTER TABLE session_threads ADD COLUMN part jsonb NOT NULL DEFAULT '{}';
"""


def upgrade() -> None:
    """Apply the migration."""
    op.execute(SCHEMA)
