"""Recall in any language, and lessons found by scope.

Revision ID: 0023
"""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

# Indexes are made again, in parts, when a store is next read or written: its index_version is not the program's.
SCHEMA = """
-- Stemmers that the index has used for words in Latin script, English aside.
ALTER TABLE memory_stores ADD COLUMN languages text[] NOT NULL DEFAULT '{}';

CREATE INDEX memories_by_lesson ON memories (memory_store_id, lesson_id) WHERE lesson_id IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(SCHEMA)
