"""When a session's first dated event happened: the date of sessions whose source gives them none.

Revision ID: 0016
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

SCHEMA = """
ALTER TABLE digests ADD COLUMN first_at timestamptz;
"""


def upgrade() -> None:
    op.execute(SCHEMA)
