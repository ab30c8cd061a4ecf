"""Skills may share a name.

Revision ID: 0015
"""

from alembic import op

revision = "0015"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE skills DROP CONSTRAINT skills_name_is_taken_once")
