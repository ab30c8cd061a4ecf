"""What a store's dreams remember of their own work: the stream of confirmations, and the overview.

Revision ID: 0004
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SCHEMA = """
ALTER TABLE dreams ADD COLUMN overview bytea, ADD COLUMN described integer;

CREATE TABLE confirmation_streams (
    memory_store_id text PRIMARY KEY REFERENCES memory_stores ON DELETE CASCADE,
    stream jsonb NOT NULL
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)
