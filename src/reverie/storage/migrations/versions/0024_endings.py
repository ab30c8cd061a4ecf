"""How sessions ended, and what copies of them are known by.

Revision ID: 0024
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

SCHEMA = """
ALTER TABLE digests ADD COLUMN ending text NOT NULL DEFAULT 'unknown';
ALTER TABLE digests ADD COLUMN ended_on text NOT NULL DEFAULT '';
ALTER TABLE digests ADD COLUMN last_action text NOT NULL DEFAULT '';
ALTER TABLE digests ADD COLUMN marks bytea; -- hashes of the history, see digests/marks.py
"""


def upgrade() -> None:
    op.execute(SCHEMA)
