"""What a model contributed to a dream: proposals, their verdicts, words.

Revision ID: 0005
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = "ALTER TABLE dreams ADD COLUMN consultation bytea, ADD COLUMN judgement bytea, ADD COLUMN wording bytea"


def upgrade() -> None:
    op.execute(SCHEMA)
