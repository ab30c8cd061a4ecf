"""Skills may share a name.

Revision ID: 0014
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE skills DROP CONSTRAINT skills_name_is_taken_once")
