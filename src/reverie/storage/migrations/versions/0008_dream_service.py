"""Dreams asked for through the server.

Revision ID: 0008
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SCHEMA = """
-- A dream outlives its store, and one that clones names the clone before it is made.
ALTER TABLE dreams
    DROP CONSTRAINT dreams_memory_store_id_fkey,
    -- Asked for through the server: its processes run it, and no command does.
    ADD COLUMN served boolean NOT NULL DEFAULT false,
    -- Whether the store it writes to is there for it.
    ADD COLUMN has_output boolean NOT NULL DEFAULT false,
    ADD COLUMN session_id text,
    -- Nobody works on it any more, and the session it could be watched in is archived.
    ADD COLUMN at_rest boolean NOT NULL DEFAULT false,
    ADD COLUMN error_type text,
    ADD COLUMN archived_at timestamptz;
UPDATE dreams SET has_output = true WHERE status <> 'pending';
UPDATE dreams SET at_rest = true WHERE status NOT IN ('pending', 'running');
CREATE INDEX dreams_by_creation ON dreams (created_at, id);
CREATE INDEX dreams_to_run ON dreams (created_at, id) WHERE served AND NOT at_rest;

-- The store that a clone descends from: lessons keep their ids in it.
ALTER TABLE memory_stores ADD COLUMN origin_id text;
"""


def upgrade() -> None:
    op.execute(SCHEMA)
