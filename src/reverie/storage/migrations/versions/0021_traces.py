"""What shows how a session went: occurrences of signals, each with its event, beside the digest.

Revision ID: 0021
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# MessagePack; digests of an earlier version, which have none, are made again before anything reads it.
SCHEMA = """
ALTER TABLE digests ADD COLUMN trace bytea NOT NULL DEFAULT '';
"""


def upgrade() -> None:
    op.execute(SCHEMA)
