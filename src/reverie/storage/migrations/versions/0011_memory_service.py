"""What the server adds to memory.

Revision ID: 0011
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SCHEMA = """
-- Checked at the end of a statement, so that one act can let memories change places.
ALTER TABLE memories DROP CONSTRAINT memories_memory_store_id_path_key,
    ADD CONSTRAINT memories_by_path UNIQUE (memory_store_id, path) DEFERRABLE;
-- Versions are redacted and deleted only after a look at what memories hold.
CREATE INDEX memories_by_version ON memories (memory_version_id);
CREATE INDEX memory_stores_by_creation ON memory_stores (created_at, id);
"""


def upgrade() -> None:
    op.execute(SCHEMA)
