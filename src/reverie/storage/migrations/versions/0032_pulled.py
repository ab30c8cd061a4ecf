"""What was brought here from other places, and there from here: each thing once, and again when it has changed.

Revision ID: 0032
"""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE pulled (
    way text NOT NULL, -- such as 'pull langfuse'
    place text NOT NULL, -- its address
    item text NOT NULL, -- a session's id, a memory's path
    mark text NOT NULL, -- tells whether it has changed since: a time, a hash
    at timestamptz NOT NULL,
    PRIMARY KEY (way, place, item)
);
"""


def upgrade() -> None:
    """Apply the migration."""
    op.execute(SCHEMA)
